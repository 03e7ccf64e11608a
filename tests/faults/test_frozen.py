"""Processes that live but stand still: their jobs are done by others, and what thaws changes nothing."""

import subprocess

import psutil
import pytest

from tests.faults import encoders
from tests.faults.conftest import family, film, freeze, is_dead, members, thaw, work_of

_OTHER_HOST = ("unshare", "--pid", "--fork", "--kill-child=TERM", "--mount-proc")


def can_make_another_host():
    try:
        return subprocess.run([*_OTHER_HOST, "true"], capture_output=True, timeout=10).returncode == 0
    except OSError:
        return False


def freeze_workers_of(fleet, job):
    """Stop the worker of a job and all that works for it; return them."""
    worker = psutil.Process(fleet.row(job, "worker_pid"))
    frozen = [worker, *worker.children(recursive=True)]
    freeze(frozen)
    return frozen


def test_a_worker_that_lets_its_lease_run_out_is_killed_and_its_job_done_by_another(fleet, tmp_path):
    encoder = encoders.late(tmp_path, 1)
    fleet.start(**encoder.env, VIDEOCRAFT_JOB_LEASE="2s")
    job = fleet.post(film())
    fleet.wait_for_encoder(job)
    frozen = freeze_workers_of(fleet, job)
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]
    assert all(is_dead(process) for process in frozen)


@pytest.mark.skipif(not can_make_another_host(), reason="needs to be allowed a pid namespace")
def test_a_worker_of_another_host_that_thaws_too_late_writes_nothing(fleet, tmp_path):
    for name in ("there", "here"):
        (tmp_path / name).mkdir()
    there = encoders.held(tmp_path / "there")
    cluster = fleet.start(*_OTHER_HOST, **there.env, VIDEOCRAFT_JOB_LEASE="2s")
    job = fleet.post(film())
    fleet.wait_for_encoder(job, 1)
    everything = family(cluster)
    freeze(everything)
    (tmp_path / "there" / "go").touch()
    fleet.start(VIDEOCRAFT_JOB_LEASE="2s")
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]
    thaw(everything)
    fleet.service.wait_for(lambda: not work_of(job), 10)
    assert fleet.outcomes(job) == ["lost", "completed"]


@pytest.mark.parametrize("which", ["monitor", "pusher", "housekeeper", "courier"])
def test_a_process_beside_the_workers_that_stands_still_is_replaced(fleet, which):
    cluster = fleet.start()
    (stuck,) = members(cluster, which)
    stuck.suspend()
    for _ in range(3):
        job = fleet.post(film())
        assert fleet.end(job) == "completed"


def test_a_cluster_whose_free_workers_take_nothing_ends_itself(fleet):
    cluster = fleet.start(VIDEOCRAFT_DRAIN_SECONDS=0)
    for worker in members(cluster, "worker"):
        worker.suspend()
    job = fleet.post(film())
    assert cluster.wait(40) == 1
    assert "beside a free worker" in fleet.service.log.read_text()
    fleet.start()
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["completed"]
