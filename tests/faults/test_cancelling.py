"""Cancel kills, soon, all of it, and is never overruled by a completion that comes too late."""

import itertools
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from tests import media
from tests.faults import encoders
from tests.faults.conftest import film, gone, long_film, work_of

VOLUMES = itertools.count(1, -0.01)
SPEECH = Path(__file__).parent.parent.parent / "examples" / "media" / "sunrise.mp3"


def cancel(fleet, job):
    return fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")


def test_two_hundred_short_jobs_are_cancelled_at_any_moment(fleet):
    fleet.start(VIDEOCRAFT_JOB_WORKERS=3)
    chance = random.Random(1)

    def race(moment_s):
        job = fleet.post(film())
        time.sleep(moment_s)
        return job["job_id"], cancel(fleet, job)

    began = time.monotonic()
    for job in [fleet.post(film()) for _ in range(4)]:
        fleet.end(job)
    most_s = time.monotonic() - began
    with ThreadPoolExecutor(4) as pool:
        answers = dict(pool.map(race, [chance.uniform(0, most_s) for _ in range(200)]))
    ends = {job["job_id"]: fleet.end(job) for job in fleet.jobs if job["job_id"] in answers}
    for pk, answer in answers.items():
        assert answer.status_code in (200, 409)
        assert ends[pk] == ("cancelled" if answer.status_code == 200 else "completed")
    assert set(ends.values()) == {"cancelled", "completed"}


@pytest.mark.parametrize("told", ["by a notification", "by looking"])
def test_a_running_job_is_dead_soon(fleet, told):
    fleet.start()
    job = fleet.post(long_film())
    work = fleet.wait_for_encoder(job)
    began = time.monotonic()
    if told == "by looking":
        wish_in_silence(fleet, job)
    else:
        assert cancel(fleet, job).status_code == 200
    assert fleet.end(job) == "cancelled"
    assert gone(work, 0)
    assert time.monotonic() - began < (2 if told == "by looking" else 1)


def wish_in_silence(fleet, job):
    """Write the wish as the API does, but notify nobody."""
    with psycopg.connect(host=fleet.service.socket_dir, user="postgres", dbname=fleet.service.database) as connection:
        connection.execute("UPDATE jobs_job SET cancel_requested_at = now() WHERE id = %s", [job["job_id"]])


def test_an_encoder_that_ignores_signals_dies_with_its_children_wherever_they_hide(fleet, tmp_path):
    encoder = encoders.stubborn(tmp_path)
    fleet.start(**encoder.env)
    job = fleet.post(film())
    fleet.service.wait_for(lambda: len(work_of(job)) >= 4)
    work = work_of(job)
    began = time.monotonic()
    cancel(fleet, job)
    assert fleet.end(job) == "cancelled"
    assert gone(work, 0)
    assert time.monotonic() - began < 1


def narrated_film(fleet):
    """Return a film with speech of its own, which nobody has recognised before."""
    speech = media.converted(SPEECH, ".wav", "-af", f"volume={next(VOLUMES):g}")
    narrator = {"type": "audio", "src": fleet.service.upload(speech)}
    subtitles = {"type": "subtitles", "language": "en", "model": "tiny-words"}
    return {"resolution": "160x90", "fps": 5, "scenes": [{"elements": [narrator]}], "elements": [subtitles]}


def recogniser_of(fleet, job):
    """Return the recogniser that a job's worker keeps, if it is running."""
    worker = fleet.row(job, "worker_pid")
    below = psutil.Process(worker).children() if worker else []
    return [process for process in below if "media_services.transcriber" in process.cmdline()]


def test_the_recogniser_dies_with_a_cancel_and_with_its_worker(fleet):
    fleet.start()
    job = fleet.post(narrated_film(fleet))
    work = fleet.service.wait_for(lambda: recogniser_of(fleet, job))
    cancel(fleet, job)
    assert fleet.end(job) == "cancelled"
    assert gone(work, 0)
    job = fleet.post(narrated_film(fleet))
    work = fleet.service.wait_for(lambda: recogniser_of(fleet, job))
    os.kill(fleet.row(job, "worker_pid"), signal.SIGKILL)
    assert gone(work)
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]


def test_the_recogniser_stays_warm_from_job_to_job_and_its_death_costs_an_attempt(fleet):
    fleet.start(VIDEOCRAFT_JOB_WORKERS=1)
    job = fleet.post(narrated_film(fleet))
    (warm,) = fleet.service.wait_for(lambda: recogniser_of(fleet, job))
    assert fleet.end(job) == "completed"
    assert warm.is_running()
    warm.suspend()  # to be struck while it is called
    job = fleet.post(narrated_film(fleet))
    fleet.service.wait_for(lambda: fleet.row(job, "stage") == "transcribing")
    warm.kill()
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["retried", "completed"]
    fleet.post(narrated_film(fleet))
    assert fleet.end(fleet.jobs[-1]) == "completed"


def test_a_recogniser_that_is_not_called_is_spared_by_a_cancel(fleet):
    fleet.start(VIDEOCRAFT_JOB_WORKERS=1)
    job = fleet.post(narrated_film(fleet))
    (warm,) = fleet.service.wait_for(lambda: recogniser_of(fleet, job))
    assert fleet.end(job) == "completed"
    job = fleet.post(long_film())
    fleet.wait_for_encoder(job)
    cancel(fleet, job)
    assert fleet.end(job) == "cancelled"
    assert warm.is_running()


def test_a_job_cancelled_while_its_worker_drains_is_cancelled_and_not_given_back(fleet):
    cluster = fleet.start(VIDEOCRAFT_DRAIN_SECONDS=30)
    job = fleet.post(long_film())
    fleet.wait_for_encoder(job)
    cluster.terminate()
    time.sleep(0.3)
    cancel(fleet, job)
    assert fleet.end(job, 3) == "cancelled"
    assert cluster.wait(10) == 0
