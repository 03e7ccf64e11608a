"""A full disk, a failing storage, a bucket that is away: the job says so, keeps nothing, and is done when it can be."""

import contextlib
import os
import shutil
import subprocess

import pytest
from django.conf import settings
from PIL import Image

from tests.faults.conftest import film, members, run_fleet, work_of
from tests.s3 import S3Server
from tests.service import Service
from tests.web import LocalServer
from videocraft.embedded.server import EmbeddedServer


@pytest.fixture
def noise(tmp_path):
    """Serve a picture that no coder makes small."""
    file = tmp_path / "noise.png"
    Image.effect_noise((320, 180), 200).save(file)
    with LocalServer() as server:
        yield server.serve("/noise.png", file)


def large_film(noise):
    """Return a film of about two megabytes that is made in no time."""
    scene = {"duration": 20, "elements": [{"type": "image", "src": noise}]}
    return {"resolution": "320x180", "fps": 5, "quality": "high", "scenes": [scene]}


@contextlib.contextmanager
def small_disk(folder):
    """Put 512 KB in the place of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def can_mount(tmp_path):
    try:
        with small_disk(tmp_path / "probe"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@pytest.mark.parametrize("folder", ["media", "work"])
def test_a_disk_that_is_too_small(fleet, tmp_path, noise, folder):
    if os.geteuid() != 0 or not can_mount(tmp_path):
        pytest.skip("needs to be allowed to mount a file system")
    with small_disk(fleet.service.data_dir / folder):
        fleet.start()
        job = fleet.post(large_film(noise))
        assert fleet.end(job, 60) == "failed"
        error = fleet.row(job, "error")
        assert (error["code"], error["retryable"]) == ("STORAGE_FAILED", True)
        assert fleet.outcomes(job) == ["retried", "retried", "failed"]
        fleet.service.wait_for(lambda: not fleet.service.stray_files())
        fleet.stop()
    fleet.start()
    assert fleet.service.client.post(f"/api/v1/jobs/{job['job_id']}/retry").status_code == 200
    fleet.wait(job, "completed")
    size_bytes = fleet.service.one("SELECT size_bytes FROM jobs_video WHERE job_id = %s", job["job_id"])
    assert size_bytes > 512 * 1024


def test_a_storage_that_fails_for_a_while(fleet):
    videos = fleet.service.data_dir / "media" / "videos"
    shutil.rmtree(videos, ignore_errors=True)
    videos.parent.mkdir(exist_ok=True)
    videos.write_text("no folder")
    fleet.start(VIDEOCRAFT_JOB_RETRY_DELAY="2s")
    job = fleet.post(film())
    fleet.service.wait_for(lambda: fleet.outcomes(job) == ["retried"])
    assert fleet.row(job, "error")["code"] == "STORAGE_FAILED"
    videos.unlink()
    assert fleet.end(job) == "completed"
    assert fleet.outcomes(job) == ["retried", "completed"]


@pytest.fixture(scope="module")
def bucket_service(tmp_path_factory):
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    with S3Server() as s3, Service(tmp_path_factory.mktemp("buckets"), socket_dir) as service:
        service.keep_in(s3)
        service.start_web()
        yield service


@pytest.fixture
def bucket_fleet(bucket_service):
    yield from run_fleet(bucket_service)


@pytest.fixture
def s3(bucket_service):
    yield bucket_service.s3
    if not bucket_service.s3.is_running:
        bucket_service.s3.start()


@pytest.fixture
def sent_in_parts(tmp_path):
    """A document whose film is of about 7 MB, which a bucket takes in two parts."""
    file = tmp_path / "noise.png"
    Image.effect_noise((1280, 720), 200).save(file)
    scene = {"duration": 16, "elements": [{"type": "image", "src": "noise"}]}
    document = {"resolution": "1280x720", "fps": 5, "quality": "high", "cache": False, "scenes": [scene]}
    with LocalServer() as server:
        scene["elements"][0]["src"] = server.serve("/noise.png", file)
        yield document


# What a bucket carries out after it was given up is found by cleaning.
PATIENT = {"VIDEOCRAFT_JOB_RETRY_ATTEMPTS": 20, "VIDEOCRAFT_JOB_CLEANUP_INTERVAL": "1s"}


def failed_to_store(fleet, job):
    error = fleet.row(job, "error")
    return fleet.outcomes(job)[:1] == ["retried"] and error is not None and error["code"] == "STORAGE_FAILED"


def on_its_way(s3, job):
    """Return which films of a job are being sent in parts."""
    return [name for name in s3.uploads() if name.startswith(f"videos/{job['job_id']}/")]


@pytest.mark.parametrize("hangs", [False, True])
def test_a_bucket_that_refuses_or_hangs_for_a_while(bucket_fleet, s3, hangs):
    bucket_fleet.start(**PATIENT)
    with s3.failing("PUT", at="/videos/", hangs=hangs):
        job = bucket_fleet.post(film())
        bucket_fleet.service.wait_for(lambda: failed_to_store(bucket_fleet, job))
        error = bucket_fleet.row(job, "error")
        assert error["retryable"]
        assert ("does not answer" if hangs else "503") in error["message"]
    assert bucket_fleet.end(job) == "completed"


def test_a_bucket_that_is_dead_for_a_while(bucket_fleet, s3):
    bucket_fleet.start(**PATIENT)
    s3.kill()
    job = bucket_fleet.post(film())
    bucket_fleet.service.wait_for(lambda: failed_to_store(bucket_fleet, job))
    s3.start()
    assert bucket_fleet.end(job) == "completed"
    assert bucket_fleet.outcomes(job)[-1] == "completed"


def test_a_bucket_that_dies_in_the_midst_of_storing(bucket_fleet, s3, sent_in_parts):
    bucket_fleet.start(**PATIENT)
    with s3.failing("PUT", at="/videos/.*partNumber=2", hangs=True):
        job = bucket_fleet.post(sent_in_parts)
        bucket_fleet.service.wait_for(lambda: on_its_way(s3, job))
        s3.kill()
        bucket_fleet.service.wait_for(lambda: failed_to_store(bucket_fleet, job))
    s3.start()
    assert bucket_fleet.end(job) == "completed"


def test_a_worker_that_is_killed_in_the_midst_of_storing(bucket_fleet, s3, sent_in_parts):
    cluster = bucket_fleet.start(**PATIENT)
    with s3.failing("PUT", at="/videos/.*partNumber=2", hangs=True):
        job = bucket_fleet.post(sent_in_parts)
        bucket_fleet.service.wait_for(lambda: on_its_way(s3, job))
        for process in [*members(cluster, "worker"), *work_of(job)]:
            process.kill()
        bucket_fleet.service.wait_for(lambda: not on_its_way(s3, job))
    assert bucket_fleet.end(job) == "completed"
    assert bucket_fleet.outcomes(job)[-1] == "completed"
    size_bytes = bucket_fleet.service.one("SELECT size_bytes FROM jobs_video WHERE job_id = %s", job["job_id"])
    assert size_bytes > 5 * 2**20


def test_results_that_cannot_be_kept_hold_nobody_up(bucket_fleet, s3):
    bucket_fleet.start()
    with s3.failing(at="/results/", hangs=True):
        job = bucket_fleet.post(film(cache=True))
        assert bucket_fleet.end(job) == "completed"
    assert bucket_fleet.outcomes(job) == ["completed"]
