"""FFmpeg's ends: what was stopped or had no room may succeed later, what is wrong stays wrong."""

import os
import shutil
import signal
import subprocess

import pytest

from media_services import ffmpeg
from media_services.errors import ErrorCode, MediaError
from tests import media

LAVFI = ["-protocol_whitelist", "", "-format_whitelist", "lavfi", "-f", "lavfi"]
PICTURE = [*LAVFI, "-i", "testsrc2=size=640x360:rate=25"]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 512 KB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mount is not allowed here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def failure(arguments, folder, **options):
    with pytest.raises(MediaError) as caught:
        ffmpeg.render([*PICTURE, *arguments], cwd=folder, timeout_s=60, **options)
    return caught.value


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 255), (signal.SIGINT, 255), (signal.SIGKILL, -9)])
def test_one_that_was_stopped_may_succeed_when_tried_again(tmp_path, number, code):
    running = []

    def stop(frames):
        if frames and not running:
            running.extend(media.encoders())
            running[0].send_signal(number)

    error = failure(["-t", "600", tmp_path / "film.mp4"], tmp_path, tick=stop)
    assert (error.code, error.retryable) == (ErrorCode.FFMPEG_FAILED, True)
    assert error.message == f"FFmpeg was stopped before it had done its work (exit code {code})"


def test_one_that_cannot_do_its_work_is_not_tried_again(tmp_path):
    error = failure(["-vf", "scale=nonsense", "-t", "1", tmp_path / "film.mp4"], tmp_path)
    assert (error.code, error.retryable) == (ErrorCode.FFMPEG_FAILED, False)
    assert error.message.startswith("FFmpeg failed with exit code 234: ")


def test_a_file_that_must_not_be_written_is_not_taken_for_a_stop(tmp_path):
    """FFmpeg exits with 255 for this as well."""
    film = tmp_path / "film.mp4"
    film.touch()
    if subprocess.run(["chattr", "+i", film], capture_output=True).returncode:
        pytest.skip("only root can make a file immutable, and not on every file system")
    try:
        error = failure(["-t", "1", film], tmp_path)
    finally:
        subprocess.run(["chattr", "-i", film], check=True)
    assert "exit code 255" in error.message
    assert not error.retryable


def test_a_full_disk_is_named_and_the_work_may_be_tried_again(tiny_disk):
    error = failure(["-t", "20", tiny_disk / "film.mp4"], tiny_disk)
    assert (error.code, error.retryable) == (ErrorCode.STORAGE_FAILED, True)
    assert "the disk is full" in error.message
    assert "No space left on device" in error.detail
