"""Limits of time, of standing still, of memory and of cores hold for all that a job starts."""

import os
import time

import psutil
import pytest

from tests.faults import encoders
from tests.faults.conftest import film, long_film, work_of


def test_work_that_takes_too_long_is_killed_whatever_the_guards_cycle(fleet):
    fleet.start(VIDEOCRAFT_JOB_PROCESS_TIMEOUT="1.5s")
    job = fleet.post(long_film())
    began = time.monotonic()
    assert fleet.end(job) == "failed"
    assert time.monotonic() - began < 5
    assert fleet.row(job, "error")["code"] == "TIMEOUT"
    assert fleet.outcomes(job) == ["failed"]
    assert not work_of(job)


def test_work_in_which_nothing_moves_is_killed_and_tried_again(fleet, tmp_path):
    encoder = encoders.hanging(tmp_path)
    fleet.start(**encoder.env, VIDEOCRAFT_JOB_STALL_TIMEOUT="300ms")
    job = fleet.post(film())
    assert fleet.end(job) == "failed"
    assert (fleet.outcomes(job), encoder.starts) == (["retried", "retried", "failed"], 3)
    error = fleet.row(job, "error")
    assert (error["code"], error["retryable"]) == ("TIMEOUT", True)
    assert "nothing moved" in error["message"]


def test_work_that_takes_too_much_memory_is_killed(fleet, tmp_path):
    encoder = encoders.hungry(tmp_path, megabytes=500)
    fleet.start(**encoder.env, VIDEOCRAFT_JOB_MEMORY_LIMIT=512 * 1024**2)
    job = fleet.post(film())
    assert fleet.end(job) == "failed"
    error = fleet.row(job, "error")
    assert (error["code"], error["retryable"]) == ("MEMORY_LIMIT", False)
    assert (fleet.outcomes(job), encoder.starts) == (["failed"], 1)
    peak = fleet.service.one("SELECT memory_peak_bytes FROM jobs_jobattempt WHERE job_id = %s", job["job_id"])
    assert peak > 512 * 1024**2


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores to be kept to one")
def test_two_jobs_with_one_core_each_have_each_a_core_of_its_own(fleet):
    fleet.start(VIDEOCRAFT_JOB_CPU_LIMIT=1)
    jobs = [fleet.post(long_film()) for _ in range(2)]
    cores = [affinity(fleet, job) for job in jobs]
    assert [len(each) for each in cores] == [1, 1]
    assert cores[0] != cores[1]
    for job in jobs:
        fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")
        fleet.end(job)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores to be kept to one")
def test_an_encoder_uses_no_more_than_its_core(fleet):
    fleet.start(VIDEOCRAFT_JOB_CPU_LIMIT=1)
    job = fleet.post(long_film())
    (encoder,) = fleet.wait_for_encoder(job)
    began, before = time.monotonic(), encoder.cpu_times()
    time.sleep(0.6)
    after = encoder.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    assert used_s <= (time.monotonic() - began) * 1.1 + 0.02
    fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")
    assert fleet.end(job) == "cancelled"


def affinity(fleet, job):
    (encoder,) = fleet.wait_for_encoder(job)
    return set(psutil.Process(encoder.pid).cpu_affinity())


def test_no_more_jobs_run_at_once_than_may(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 1)
    fleet.start(**encoder.env, VIDEOCRAFT_JOB_WORKERS=4, VIDEOCRAFT_JOB_MAX_CONCURRENT=2)
    jobs = [fleet.post(film()) for _ in range(6)]
    most = 0
    while any(fleet.row(job, "status") != "completed" for job in jobs):
        running = fleet.service.one("SELECT count(*) FROM jobs_job WHERE status = 'processing'")
        most = max(most, running)
        time.sleep(0.02)
    assert most == 2
