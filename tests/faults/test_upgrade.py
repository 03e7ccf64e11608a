"""A service is upgraded while it works: the release before and this code run side by side, on one set of tables."""

import hashlib
import signal
import subprocess
import tarfile
from contextlib import contextmanager
from io import BytesIO

import pytest
from django.conf import settings

from tests import released
from tests.faults import encoders
from tests.faults.conftest import Fleet, film
from tests.service import ROOT, Service
from videocraft.embedded.server import EmbeddedServer

PARTS = ("manage.py", "videocraft", "jobs", "media_services", "tests")


@pytest.fixture(scope="module")
def code_before(tmp_path_factory):
    """The code of the release before, where the checkout has its history."""
    command = ["git", "archive", released.COMMIT, *PARTS]
    try:
        archive = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"the code of {released.COMMIT} is not in this checkout's history: {problem}")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


@contextmanager
def beside(old):
    """Our code on the tables and files of an older service."""
    new = Service(old.data_dir, old.socket_dir)
    new.database = old.database
    new.environment["DATABASE_URL"] = old.environment["DATABASE_URL"]
    new.client.headers["Authorization"] = old.client.headers["Authorization"]
    try:
        yield new
    finally:
        new.client.close()
        for process in new.processes:
            new.stop(process, signal.SIGTERM)


@pytest.fixture
def both(code_before, tmp_path):
    """A service of the release before, at work on a job and with another in its queue, and ours beside it."""
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    with Service(tmp_path, socket_dir, code=code_before) as old, beside(old) as new:
        old.start_web()
        yield Fleet(old), Fleet(new)


def films(service, job):
    """Download a job's films; return their hashes, and what they should be."""
    videos = service.job(job)["videos"]
    downloaded = [hashlib.sha256(service.get(video["download_url"]).content).hexdigest() for video in videos]
    return downloaded, [video["sha256"] for video in videos]


def test_the_release_before_was_migrated_as_far_as_is_said(code_before):
    app, name = released.MIGRATION
    assert max(path.stem for path in (code_before / app / "migrations").glob("0*.py")) == name


def test_each_job_is_done_once_while_one_release_replaces_the_other(both, tmp_path):
    old, new = both
    leaving = old.start(**encoders.late(tmp_path, 1).env, VIDEOCRAFT_JOB_WORKERS=1, VIDEOCRAFT_DRAIN_SECONDS=30)
    jobs = [old.post(film()) for _ in range(2)]
    old.wait_for_encoder(jobs[0])
    new.service.manage("migrate", "-v0")
    jobs.append(old.post(film()))
    old.service.wait_for(lambda: old.row(jobs[-1], "attempt"))  # claimed by the release before, from the new tables
    new.start(VIDEOCRAFT_JOB_WORKERS=1)
    new.service.start_web()
    jobs += [old.post(film()), new.post(film())]
    leaving.send_signal(signal.SIGTERM)
    assert leaving.wait(30) == 0
    jobs.append(old.post(film()))
    assert [new.end(job) for job in jobs] == ["completed"] * 6
    assert [new.outcomes(job) for job in jobs] == [["completed"]] * 6
    old.service.stop(old.service.processes[0], signal.SIGTERM)
    for job in jobs:
        downloaded, stated = films(new.service, job)
        assert downloaded == stated != []


def test_what_a_worker_of_the_release_before_gives_back_is_done_by_one_of_ours(both, tmp_path):
    old, new = both
    leaving = old.start(**encoders.hanging(tmp_path).env, VIDEOCRAFT_JOB_WORKERS=1, VIDEOCRAFT_DRAIN_SECONDS=0)
    job = old.post(film())
    old.wait_for_encoder(job)
    new.service.manage("migrate", "-v0")
    leaving.send_signal(signal.SIGTERM)
    assert leaving.wait(20) == 0
    new.start(VIDEOCRAFT_JOB_WORKERS=1)
    assert new.end(job) == "completed"
    assert new.outcomes(job) == ["released", "completed"]
    assert new.row(job, "failures") == 0
