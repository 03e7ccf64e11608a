"""A worker or a whole cluster is killed in the midst of a render: the job ends all the same, once."""

import os
import signal
import time

import psutil
import pytest

from tests import media
from tests.service import Service


@pytest.fixture
def own(service, tmp_path):
    """A service of the test's own, which it may kill parts of; its web server answers from the same database."""
    with Service(tmp_path, service.socket_dir) as own:
        own.start_web()
        yield own


def long_job(service):
    image = {"type": "image", "src": service.upload(media.picture())}
    background = {"type": "video", "src": service.upload(media.video(size="640x360"))}
    document = {"resolution": "full-hd", "scenes": [{"duration": 15, "elements": [image]}], "elements": [background]}
    job = service.post(document)
    service.wait_for(lambda: service.job(job)["stage"] == "rendering")
    return job


def encoders(pid):
    return [p for p in psutil.Process(pid).children(recursive=True) if "ffmpeg" in p.name()]


def gone(processes, seconds=2):
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


def test_a_killed_worker_is_replaced_and_its_job_done_by_another(own):
    cluster = own.start_cluster()
    job = long_job(own)
    pid = own.one("SELECT worker_pid FROM jobs_job WHERE id = %s", job["job_id"])
    work = encoders(cluster.pid)
    assert work
    os.kill(pid, signal.SIGKILL)
    assert gone(work)
    ended = own.finish(job, seconds=90)
    assert (ended["status"], ended["attempt"], len(ended["videos"])) == ("completed", 2, 1)
    assert own.stray_files() == []


def test_a_killed_cluster_leaves_nothing_running_and_the_next_one_does_its_job(own):
    cluster = own.start_cluster()
    job = long_job(own)
    family = psutil.Process(cluster.pid).children(recursive=True)
    os.kill(cluster.pid, signal.SIGKILL)
    assert gone(family)
    assert own.job(job)["status"] == "processing"
    cluster.wait()
    own.start_cluster()
    ended = own.finish(job, seconds=90)
    assert (ended["status"], ended["attempt"]) == ("completed", 2)
    assert own.stray_files() == []


def test_a_cluster_told_to_stop_gives_its_job_back_uncharged(own):
    own.environment["VIDEOCRAFT_DRAIN_SECONDS"] = "0.5"
    cluster = own.start_cluster()
    job = long_job(own)
    began = time.monotonic()
    assert own.stop(cluster, signal.SIGTERM) == 0
    assert time.monotonic() - began < 8
    assert own.job(job)["status"] == "pending"
    assert own.one("SELECT failures FROM jobs_job WHERE id = %s", job["job_id"]) == 0
    assert own.stray_files() == []
