"""Two hosts on one database and one storage share the work; one loses its power, or its network, which comes back."""

import hashlib
import io
from contextlib import ExitStack
from uuid import uuid4

import pytest
from PIL import Image

from tests import hosts
from tests.faults import encoders
from tests.faults.conftest import Fleet, gone, marks, work_of
from tests.s3 import S3Server
from tests.service import Service

LEASE_S = 2
SEGMENTS = [f"segment-{number * 360}.mp4" for number in range(4)]
ANY_SEGMENT = "segment-*.mp4"
THE_END = "joined.mp4"


def film(**keys):
    """Return a document of four scenes, each a segment, that no other test has made."""
    text = {"type": "text", "text": uuid4().hex}
    scenes = [{"duration": 12, "background-color": f"#{n}04060", "elements": [text]} for n in range(4)]
    return {"resolution": "640x360", "fps": 30, "scenes": scenes, **keys}


class Pair(Fleet):
    """Two hosts, `a` and `b`, of one service."""

    def __init__(self, service, network, storage, environment):
        super().__init__(service)
        self.storage, self.downloads = storage, network.client(hosts.MIDDLE, storage.port)
        self.a, self.b = (network.plug(name, environment) for name in "ab")
        for host in (self.a, self.b):
            host.client.headers["Authorization"] = service.client.headers["Authorization"]

    def start(self, host, waits_for=ANY_SEGMENT, *, cluster=True, web=True):
        """Start a web server, and a cluster of one worker whose encoder waits before a file of that name; return it.

        The encoders of both hosts are of the same size, for a result's name depends on that.
        """
        known = self.service.one("SELECT count(*) FROM jobs_cluster")
        if web:
            host.start_web()
        if cluster:
            host.encoder = encoders.waiting(host.data_dir, waits_for)
            stated = {"VIDEOCRAFT_JOB_WORKERS": 1, "VIDEOCRAFT_JOB_LEASE": f"{LEASE_S}s"}
            started = host.start("manage.py", "qcluster", **stated, **host.encoder.env)
            self.service.wait_for(lambda: self.service.one("SELECT count(*) FROM jobs_cluster") > known)
        self.service.wait_for(lambda: not web or host.client.get("/health").status_code == 200)
        return started if cluster else None

    def let_go(self, host):
        (host.data_dir / "go").touch()

    def ask(self, host, document):
        """Post a document to the web server of a host."""
        self.service.client = host.client
        return self.post(document)

    def workers(self, job):
        """Return the names of the hosts that had a job, in order."""
        query = "SELECT worker FROM jobs_jobattempt WHERE job_id = %s ORDER BY number"
        return [worker.partition(":")[0] for (worker,) in self.service.rows(query, job["job_id"])]

    def films(self, host, job):
        """Download a job's films from a host; return their hashes beside what they should be."""
        videos = host.client.get(f"/api/v1/jobs/{job['job_id']}").json()["videos"]
        answers = [self.downloads.get(host.client.get(video["download_url"]).headers["Location"]) for video in videos]
        assert [answer.status_code for answer in answers] == [200] * len(videos)
        return [hashlib.sha256(answer.content).hexdigest() for answer in answers], [v["sha256"] for v in videos]

    def check(self):
        """Check every job's story, and that nothing is kept of a film but what is published."""
        for job in self.jobs:
            self._check_history(job)
        known = {job["job_id"] for job in self.jobs}
        self.service.wait_for(lambda: not known & set(marks()))
        self.service.wait_for(lambda: self.stored() == self.published())

    def stored(self):
        """Return the names of the films in the storage, of our jobs."""
        ours = {job["job_id"] for job in self.jobs}
        return {name for name in self.storage.objects() if name.startswith("videos/") and name.split("/")[1] in ours}

    def published(self):
        rows = self.service.rows("SELECT file, thumbnail, contact_sheet, srt, vtt, ass, words FROM jobs_video")
        return {name for row in rows for name in row if name}


@pytest.fixture(scope="module")
def network(own_folder):
    if reason := hosts.why_not():
        pytest.skip(reason)
    folder = own_folder / "hosts"
    folder.mkdir()
    with hosts.Network(folder) as network:
        yield network


@pytest.fixture(scope="module")
def storage(network):
    with S3Server(hosts.MIDDLE, 9000, command_prefix=network.command_prefix) as storage:
        yield storage


@pytest.fixture
def pair(network, storage, tmp_path):
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path, network.socket_dir))
        stack.callback(network.unplug)
        url = network.database_url(service.database)
        pair = Pair(service, network, storage, {**service.environment, **storage.environment(), "DATABASE_URL": url})
        yield pair
        for host in (pair.a, pair.b):
            print(f"--- {host.name}", host.log.read_text(), sep="\n")  # shown where the test fails
        pair.check()


def upload(host):
    content = io.BytesIO()
    Image.effect_noise((64, 36), 80).save(content, "PNG")
    return host.client.post("/api/v1/assets", files={"file": ("noise.png", content.getvalue())}).json()["src"]


def test_jobs_posted_to_one_host_are_rendered_by_both_each_once(pair):
    for host in (pair.a, pair.b):
        pair.start(host)
    scene = {"elements": [{"type": "image", "src": upload(pair.a), "duration": 1}]}
    jobs = [pair.ask(pair.a, {"resolution": "160x90", "fps": 5, "cache": False, "scenes": [scene]}) for _ in range(4)]
    for job in jobs[:2]:
        pair.wait(job, "processing")
    for host in (pair.a, pair.b):
        pair.let_go(host)
    assert [pair.end(job) for job in jobs] == ["completed"] * 4
    assert [pair.outcomes(job) for job in jobs] == [["completed"]] * 4
    assert {pair.workers(job)[0] for job in jobs[:2]} == {"a", "b"}
    for job in jobs:
        downloaded, stated = pair.films(pair.b, job)
        assert downloaded == stated != []


def test_a_host_that_loses_its_power_is_followed_by_the_other_which_goes_on_where_it_was(pair):
    pair.start(pair.a, SEGMENTS[2])
    job = pair.ask(pair.a, film())
    pair.service.wait_for(lambda: SEGMENTS[2] in pair.a.encoder.written)
    everything = pair.a.processes()
    pair.a.lose_power()
    assert gone(everything)
    pair.start(pair.b, SEGMENTS[2])
    pair.let_go(pair.b)
    assert pair.end(job) == "completed"
    assert pair.outcomes(job) == ["lost", "completed"]
    assert pair.workers(job) == ["a", "b"]
    assert set(pair.b.encoder.written) & set(SEGMENTS) == set(SEGMENTS[2:])


@pytest.mark.parametrize("waits_for", [SEGMENTS[2], THE_END], ids=["in its midst", "at its end"])
def test_a_host_that_is_cut_off_writes_nothing_when_it_is_back_and_works_again(pair, waits_for):
    pair.start(pair.b, cluster=False)
    pair.start(pair.a, waits_for, web=False)
    job = pair.ask(pair.b, film())
    pair.service.wait_for(lambda: waits_for in pair.a.encoder.written)
    pair.a.cut()
    if waits_for == THE_END:
        pair.let_go(pair.a)  # so that it is done, and can tell nobody
    there = pair.start(pair.b, waits_for, web=False)
    pair.let_go(pair.b)
    assert pair.end(job) == "completed"
    pair.a.mend()
    pair.service.wait_for(lambda: "fenced" in pair.a.log.read_text() and not work_of(job))
    assert pair.outcomes(job) == ["lost", "completed"]
    assert pair.workers(job) == ["a", "b"]
    there.kill()
    pair.let_go(pair.a)
    following = pair.ask(pair.b, film())
    assert pair.end(following) == "completed"
    assert pair.workers(following) == ["a"]
