"""kill -9 of every process of a cluster, idle or at work: its job ends once, nothing runs on, and work goes on."""

import os
import signal
import time

import pytest

from tests.faults import encoders
from tests.faults.conftest import busy_film, family, film, gone, members, work_of


def starts_within(fleet, seconds):
    """Post a job and say whether a worker starts it in time; wait until it has ended, and its worker is idle."""
    began = time.monotonic()
    job = fleet.post(film())
    fleet.service.wait_for(lambda: fleet.row(job, "attempt"))
    took_s = time.monotonic() - began
    assert fleet.end(job) == "completed"
    fleet.service.wait_for(lambda: not fleet.service.stray_files())  # a worker killed as it tidies leaves them
    return took_s < seconds


def test_a_busy_worker(fleet):
    fleet.start()
    job = fleet.post(busy_film())
    work = fleet.wait_for_encoder(job)
    os.kill(fleet.row(job, "worker_pid"), signal.SIGKILL)
    assert gone(work)
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]


def test_each_idle_worker_in_turn_ten_times(fleet):
    cluster = fleet.start()
    assert starts_within(fleet, 10)
    for round_number in range(10):
        members(cluster, "worker")[round_number % 2].kill()
        assert starts_within(fleet, 2)


@pytest.mark.parametrize("which", ["pusher", "monitor", "housekeeper", "courier"])
def test_each_process_beside_the_workers(fleet, which):
    cluster = fleet.start()
    (victim,) = members(cluster, which)
    victim.kill()
    assert starts_within(fleet, 3)
    (replacement,) = members(cluster, which)
    assert replacement != victim


def test_an_idle_sentinel_is_replaced_with_all_its_processes(fleet):
    cluster = fleet.start()
    before = family(cluster)
    members(cluster, "sentinel")[0].kill()
    assert gone(before)
    assert starts_within(fleet, 5)
    assert cluster.poll() is None


def test_a_sentinel_whose_workers_are_busy(fleet):
    cluster = fleet.start()
    job = fleet.post(busy_film())
    work = fleet.wait_for_encoder(job)
    members(cluster, "sentinel")[0].kill()
    assert gone(work)
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]


@pytest.mark.parametrize("victims", ["main", "whole group"])
def test_a_whole_cluster(fleet, victims):
    cluster = fleet.start()
    job = fleet.post(busy_film())
    fleet.wait_for_encoder(job)
    everything = family(cluster)
    kill = os.kill if victims == "main" else os.killpg
    kill(cluster.pid, signal.SIGKILL)
    cluster.wait()
    assert gone(everything)
    assert fleet.row(job, "status") == "processing"
    fleet.start()
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]


def test_a_job_that_kills_its_worker_is_started_as_often_as_it_may_fail(fleet, tmp_path):
    encoder = encoders.murderous(tmp_path)
    fleet.start(**encoder.env)
    job = fleet.post(film())
    assert fleet.end(job) == "failed"
    assert encoder.starts == 3
    assert fleet.outcomes(job) == ["lost"] * 3
    assert fleet.row(job, "error")["code"] == "WORKER_LOST"


def test_what_left_the_group_of_a_killed_worker_is_found_by_its_mark(fleet, tmp_path):
    encoder = encoders.stubborn(tmp_path)
    fleet.start(**encoder.env, VIDEOCRAFT_JOB_RETRY_DELAY="1h")
    job = fleet.post(film())
    fleet.service.wait_for(lambda: len(work_of(job, 1)) >= 4)
    os.kill(fleet.row(job, "worker_pid"), signal.SIGKILL)
    fleet.service.wait_for(lambda: not work_of(job, 1), 5)
    fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")
    assert fleet.end(job) == "cancelled"
