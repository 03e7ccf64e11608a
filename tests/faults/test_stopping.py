"""SIGTERM and SIGINT, to main or to everything: running jobs are given back uncharged, and the exit status is 0."""

import contextlib
import os
import signal
import time

import psutil
import pytest

from tests.faults import encoders
from tests.faults.conftest import family, film, gone, long_film, members


def to_main(cluster, number):
    os.kill(cluster.pid, number)


def to_group(cluster, number):
    """Signal the process group, as Ctrl-C in a terminal does."""
    os.killpg(cluster.pid, number)


def to_everything(cluster, number):
    """Signal every process of the service, the encoder among them, as systemd does."""
    for process in [psutil.Process(cluster.pid), *family(cluster)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may be quicker than we are
            process.send_signal(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("target", [to_main, to_group, to_everything])
def test_running_jobs_are_given_back_and_queued_ones_left(fleet, target, number):
    cluster = fleet.start(VIDEOCRAFT_JOB_WORKERS=1, VIDEOCRAFT_DRAIN_SECONDS=0.5)
    running, queued = fleet.post(long_film()), fleet.post(long_film())
    fleet.wait_for_encoder(running)
    everything = family(cluster)
    began = time.monotonic()
    target(cluster, number)
    assert cluster.wait(10) == 0
    assert time.monotonic() - began < 8
    assert gone(everything, 0.5)
    assert fleet.row(running, "status", "failures", "attempt") == ("pending", 0, 1)
    assert fleet.row(queued, "status", "attempt") == ("pending", 0)
    assert fleet.outcomes(running) == ["released"]
    for job in (running, queued):
        fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")


def test_two_signals_shortly_after_each_other(fleet):
    cluster = fleet.start(VIDEOCRAFT_DRAIN_SECONDS=0.5)
    job = fleet.post(long_film())
    fleet.wait_for_encoder(job)
    os.kill(cluster.pid, signal.SIGTERM)
    time.sleep(0.05)
    os.kill(cluster.pid, signal.SIGTERM)
    assert cluster.wait(10) == 0
    assert fleet.outcomes(job) == ["released"]
    fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")


def test_work_that_ends_within_the_drain_is_completed(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 1)
    cluster = fleet.start(**encoder.env, VIDEOCRAFT_DRAIN_SECONDS=20)
    job = fleet.post(film())
    fleet.wait_for_encoder(job)
    os.kill(cluster.pid, signal.SIGTERM)
    assert cluster.wait(15) == 0
    assert fleet.outcomes(job) == ["completed"]


def test_a_released_job_is_done_by_the_next_cluster(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 5)
    cluster = fleet.start(**encoder.env, VIDEOCRAFT_DRAIN_SECONDS=0)
    job = fleet.post(film())
    fleet.wait_for_encoder(job)
    os.kill(cluster.pid, signal.SIGTERM)
    assert cluster.wait(10) == 0
    fleet.start()
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["released", "completed"]


def test_a_cluster_stops_although_a_worker_stands_still(fleet):
    cluster = fleet.start(VIDEOCRAFT_DRAIN_SECONDS=0)
    members(cluster, "worker")[0].suspend()
    os.kill(cluster.pid, signal.SIGTERM)
    assert cluster.wait(25) == 0
