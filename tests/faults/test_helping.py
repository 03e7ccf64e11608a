"""Workers that have nothing to do help with a film of many segments, until there is something; each is made once."""

import os
import signal
from collections import Counter
from uuid import uuid4

from tests.faults import encoders
from tests.faults.conftest import busy_film, members, work_of

SEGMENTS = [f"segment-{number * 360}.mp4" for number in range(6)]


def film(**keys):
    """Return a document of six scenes, each a segment, that no other test has made."""
    text = {"type": "text", "text": uuid4().hex}
    scenes = [{"duration": 12, "background-color": f"#{n}04060", "elements": [text]} for n in range(6)]
    return {"resolution": "640x360", "fps": 30, "scenes": scenes, **keys}


def makers(fleet, job):
    """Return who made each segment, by its number."""
    rows = fleet.service.rows(
        "SELECT data->>'number', worker FROM jobs_jobevent WHERE job_id = %s AND kind = 'step' "
        "AND data->>'task' = 'segment' AND data->>'outcome' = 'made'",
        job["job_id"],
    )
    return {int(number): worker for number, worker in rows}


def counted(encoder):
    return Counter(name for name in encoder.written if name.startswith("segment"))


def test_a_free_worker_makes_pieces_of_a_film(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 1.5)
    fleet.start(VIDEOCRAFT_JOB_WORKERS=2, **encoder.env)
    job = fleet.post(film())
    assert fleet.end(job, 90) == "completed"
    assert counted(encoder) == Counter(SEGMENTS)
    assert sorted(makers(fleet, job)) == list(range(6))
    assert len(set(makers(fleet, job).values())) == 2
    assert fleet.outcomes(job) == ["completed"]


def test_workers_of_other_clusters_help_too(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 1.5)
    for _ in range(2):
        fleet.start(VIDEOCRAFT_JOB_WORKERS=1, **encoder.env)
    job = fleet.post(film())
    assert fleet.end(job, 90) == "completed"
    assert counted(encoder) == Counter(SEGMENTS)
    assert len(set(makers(fleet, job).values())) == 2


def helper(fleet, cluster, job):
    """Wait for the worker that helps; return its process."""
    fleet.wait(job, "processing")
    pid = fleet.row(job, "worker_pid")

    def found():
        (sentinel,) = members(cluster, "sentinel")
        others = [process for process in sentinel.children() if process.name() == "vc-worker" and process.pid != pid]
        working = {parent.pid for process in work_of(job) for parent in process.parents()}
        return next((worker for worker in others if worker.pid in working), None)

    return fleet.service.wait_for(found)


def test_a_helper_that_is_killed_costs_what_it_was_making(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 1.5)
    cluster = fleet.start(VIDEOCRAFT_JOB_WORKERS=2, **encoder.env)
    job = fleet.post(film())
    fleet.service.wait_for(lambda: SEGMENTS[5] in encoder.written)
    os.kill(helper(fleet, cluster, job).pid, signal.SIGKILL)
    assert fleet.end(job, 90) == "completed"
    again = counted(encoder) - Counter(SEGMENTS)
    assert again.total() <= 1
    assert fleet.outcomes(job) == ["completed"]


def test_a_due_job_goes_before_helping(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 3)
    cluster = fleet.start(VIDEOCRAFT_JOB_WORKERS=2, **encoder.env)
    job = fleet.post(film())
    helping = helper(fleet, cluster, job)
    due = fleet.post(busy_film())
    fleet.wait(due, "processing", 10)
    assert fleet.row(due, "worker_pid") == helping.pid
    assert fleet.row(job, "status") == "processing"
    assert [fleet.end(each, 90) for each in (job, due)] == ["completed"] * 2


def test_a_cancel_ends_the_helpers_as_well(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 3)
    cluster = fleet.start(VIDEOCRAFT_JOB_WORKERS=2, **encoder.env)
    job = fleet.post(film())
    helper(fleet, cluster, job)
    fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")
    assert fleet.end(job, 5) == "cancelled"
    fleet.service.wait_for(lambda: not work_of(job), 4)


def test_two_jobs_of_the_same_film_make_it_once(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 0.5)
    fleet.start(VIDEOCRAFT_JOB_WORKERS=2, **encoder.env)
    document = film()
    jobs = [fleet.post(document) for _ in range(2)]
    assert [fleet.end(job, 90) for job in jobs] == ["completed"] * 2
    assert counted(encoder) == Counter(SEGMENTS)
    assert Counter(encoder.written)["joined.mp4"] == 1
    sums = fleet.service.rows("SELECT DISTINCT sha256 FROM jobs_video WHERE job_id = ANY(%s::uuid[])",
                              [job["job_id"] for job in jobs])  # fmt: skip
    assert len(sums) == 1
