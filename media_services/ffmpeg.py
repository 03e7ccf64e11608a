"""Owns running the bundled FFmpeg: within its limits, with its progress and its failures."""

import errno
import functools
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import imageio_ffmpeg
from django.conf import settings

from media_services.confinement import Limits, asked_for
from media_services.errors import ErrorCode, MediaError
from media_services.opening import require_safe
from media_services.process import Finished, run

# As FFmpeg says it, as x264 does, and where it is a thread's stack that there is no room for.
_NO_MEMORY = ("Cannot allocate memory", "malloc of size", "pthread_create() failed")
QUIET = ("-hide_banner", "-nostdin", "-loglevel", "warning", "-y")


@functools.cache
def executable() -> str:
    """Return the path of the FFmpeg that imageio-ffmpeg brings."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def render(
    arguments: Sequence[str],
    *,
    cwd: Path,
    tick: Callable[[int], None] = lambda count: None,
    counted: str = "frame",
    environment: Mapping[str, str] | None = None,
    most_bytes: int | None = None,
    timeout_s: float,
) -> str:
    """Run FFmpeg to its end and return the last lines of its log.

    `tick` hears at least four times a second how many frames are written, or what else of its progress is `counted`,
    such as `out_time_us`; what it raises kills FFmpeg. A file that it writes may have `most_bytes`.
    Raises MediaError, with the log's tail, unless FFmpeg exits with 0 after reporting the end: STORAGE_FAILED if the
    disk is full, MEMORY_LIMIT if it wants far more than a job may hold, else FFMPEG_FAILED. One that was
    stopped leaves a playable file, and may do its work another time. Raises ValueError for an input without whitelists.
    """
    require_safe(arguments)
    limits = Limits(file_bytes=most_bytes, memory_bytes=asked_for(settings.VIDEOCRAFT.job_memory_limit))
    ended, count = False, 0

    def read(line: str) -> None:
        nonlocal ended, count
        name, _, value = line.partition("=")
        if name == counted and value.strip().isdigit():
            count = int(value)
        ended = ended or line.strip() == "progress=end"

    argv = [executable(), *QUIET, "-progress", "pipe:1", "-stats_period", "0.2", *arguments]
    finished = run(
        argv,
        cwd=cwd,
        on_line=read,
        tick=lambda: tick(count),
        environment=environment,
        limits=limits,
        timeout_s=timeout_s,
    )
    if finished.exit_code != 0 or not ended or _lacked_memory(finished):
        raise _failure(finished)
    return finished.stderr_tail


def _failure(finished: Finished) -> MediaError:
    code, tail = finished.exit_code, finished.stderr_tail
    if code == -errno.ENOSPC & 0xFF or "No space left on device" in tail:
        message = "the disk is full: FFmpeg has no space left to write to"
        return MediaError(ErrorCode.STORAGE_FAILED, message, retryable=True, detail=tail)
    if _lacked_memory(finished):
        message = "FFmpeg needs more memory than a job may have"
        return MediaError(ErrorCode.MEMORY_LIMIT, message, detail=tail)
    if code == -signal.SIGXFSZ:
        message = "FFmpeg wrote more than this film can take"
        return MediaError(ErrorCode.FFMPEG_FAILED, message, detail=tail)
    if _was_stopped(finished):
        message = f"FFmpeg was stopped before it had done its work (exit code {code})"
        return MediaError(ErrorCode.FFMPEG_FAILED, message, retryable=True, detail=tail)
    return MediaError(ErrorCode.FFMPEG_FAILED, f"FFmpeg failed with exit code {code}: {_cause(tail)}", detail=tail)


def _lacked_memory(finished: Finished) -> bool:
    """Return whether memory was refused to FFmpeg, on which it may end its output early and exit with 0."""
    code, tail = finished.exit_code, finished.stderr_tail
    return code == -errno.ENOMEM & 0xFF or any(words in tail for words in _NO_MEMORY)


def _was_stopped(finished: Finished) -> bool:
    """Return whether a signal ended FFmpeg: SIGKILL, or one on which it closes its files and exits with 255.

    255 is its exit code for EPERM as well, and then the log names that; of a signal it speaks at a level that is not
    shown.
    """
    asked = finished.exit_code == 255 and "Operation not permitted" not in finished.stderr_tail
    return finished.exit_code < 0 or asked


def _cause(tail: str) -> str:
    """Return the line that says why: the first that speaks of an error, for the later ones only follow from it."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it said nothing")
