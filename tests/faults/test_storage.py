"""A full disk and a failing storage: the job says so, keeps nothing, and is done when there is room again."""

import contextlib
import os
import shutil
import subprocess

import pytest
from PIL import Image

from tests.faults.conftest import film
from tests.web import LocalServer


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
