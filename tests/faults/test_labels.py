"""Clusters with labels and without: jobs that ask for some are done where they are, and wait in peace meanwhile."""

import os
import signal

import pytest

from tests.faults.apps import STARVED_S
from tests.faults.conftest import busy_film, film, members

pytestmark = pytest.mark.django_db


def labelled(document, *labels):
    return {"config": document, "labels": list(labels)}


def cluster_of(fleet, job):
    """Return the pid of the cluster whose worker made the latest attempt at a job."""
    query = "SELECT worker FROM jobs_jobattempt WHERE job_id = %s ORDER BY number DESC LIMIT 1"
    worker = int(fleet.service.one(query, job["job_id"]).rpartition(":")[2])
    living = [each for each in fleet.clusters if each.poll() is None]
    owners = [each.pid for each in living if worker in {one.pid for one in members(each, "worker")}]
    return owners[0] if owners else None


def pass_time(fleet, seconds):
    """Wait until a cluster's housekeeper has gone on beating for so long."""
    begun = fleet.service.one("SELECT max(heartbeat_at) FROM jobs_cluster")
    query = "SELECT max(heartbeat_at) > %s + make_interval(secs => %s) FROM jobs_cluster"
    fleet.service.wait_for(lambda: fleet.service.one(query, begun, seconds), seconds + 30)


def test_each_job_is_done_by_a_cluster_that_has_its_labels(fleet):
    plain = fleet.start()
    dedicated = fleet.start(VIDEOCRAFT_WORKER_LABELS="gpu", VIDEOCRAFT_WORKER_DEDICATED=1)
    jobs = {labels: [fleet.post(labelled(film(), *labels)) for _ in range(4)] for labels in ((), ("gpu",))}
    assert [fleet.end(job) for each in jobs.values() for job in each] == ["completed"] * 8
    assert {cluster_of(fleet, job) for job in jobs[()]} == {plain.pid}
    assert {cluster_of(fleet, job) for job in jobs["gpu",]} == {dedicated.pid}


def test_a_job_for_others_wakes_no_worker_and_starves_nobody_and_starts_at_once_when_they_come(fleet):
    cluster = fleet.start()
    assert fleet.end(fleet.post(film())) == "completed"
    job = fleet.post(labelled(film(), "gpu"))
    pass_time(fleet, 1)  # what was woken by the post, or helps, is asleep again
    workers = members(cluster, "worker")
    slept = [worker.num_ctx_switches().voluntary for worker in workers]
    pass_time(fleet, STARVED_S * 1.5)
    assert [worker.num_ctx_switches().voluntary for worker in workers] == slept
    assert cluster.poll() is None
    assert fleet.service.job(job)["waiting_for"] == ["gpu"]
    fleet.start(VIDEOCRAFT_WORKER_LABELS="gpu,big")
    assert fleet.end(job, 5) == "completed"


def test_a_dedicated_cluster_leaves_alone_what_asks_for_nothing(fleet):
    dedicated = fleet.start(VIDEOCRAFT_WORKER_LABELS="gpu", VIDEOCRAFT_WORKER_DEDICATED=1)
    job = fleet.post(film())
    pass_time(fleet, STARVED_S * 1.5)
    assert (dedicated.poll(), fleet.row(job, "status"), fleet.service.job(job)["waiting_for"]) == (None, "pending", [])
    fleet.start()
    assert fleet.end(job) == "completed"


def test_a_killed_clusters_labelled_job_waits_for_the_next_that_has_its_labels(fleet):
    labels = {"VIDEOCRAFT_WORKER_LABELS": "gpu"}
    fleet.start()
    killed = fleet.start(**labels)
    job = fleet.post(labelled(busy_film(), "gpu"))
    fleet.wait_for_encoder(job)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    fleet.wait(job, "pending")
    pass_time(fleet, 3)
    assert fleet.row(job, "status", "failures") == ("pending", 1)
    second = fleet.start(**labels)
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]
    assert cluster_of(fleet, job) == second.pid
