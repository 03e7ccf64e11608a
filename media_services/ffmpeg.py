"""Owns running the bundled FFmpeg: its safe input options, its progress, and its failures."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import imageio_ffmpeg

from media_services.errors import ErrorCode, MediaError
from media_services.process import run

# Input options, given before each -i: local files only, and no format that opens other files or sockets.
_DEMUXERS = (
    "mov,matroska,webm,mp3,wav,w64,ogg,flac,aac,aiff,amr,asf,avi,caf,flv,mpegts,mpeg,mpegvideo,h264,hevc,ivf,nut,ac3,"
    "eac3,opus,au,mxf,gif,webp_pipe,apng"
)
SAFE_INPUT = ("-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS)
QUIET = ("-hide_banner", "-nostdin", "-loglevel", "warning", "-y")


@functools.cache
def executable() -> str:
    """Return the path of the FFmpeg that imageio-ffmpeg brings."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def render(
    arguments: Sequence[str],
    *,
    cwd: Path,
    on_frame: Callable[[int], None] = lambda frame: None,
    tick: Callable[[], None] = lambda: None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float,
) -> str:
    """Run FFmpeg to its end and return the last lines of its log; `on_frame` hears how many frames are written.

    Raises MediaError(FFMPEG_FAILED) with the log's tail unless it exits with 0 after reporting the end itself: one
    that was stopped exits with 0 as well, and leaves a playable file.
    """
    ended = False

    def read(line: str) -> None:
        nonlocal ended
        name, _, value = line.partition("=")
        if name == "frame" and value.strip().isdigit():
            on_frame(int(value))
        ended = ended or line.strip() == "progress=end"

    argv = [executable(), *QUIET, "-progress", "pipe:1", "-stats_period", "0.2", *arguments]
    finished = run(argv, cwd=cwd, on_line=read, tick=tick, environment=environment, timeout_s=timeout_s)
    if finished.exit_code != 0 or not ended:
        raise MediaError(
            ErrorCode.FFMPEG_FAILED,
            f"FFmpeg failed with exit code {finished.exit_code}: {_cause(finished.stderr_tail)}",
            retryable=finished.exit_code < 0,
            detail=finished.stderr_tail,
        )
    return finished.stderr_tail


def _cause(tail: str) -> str:
    """Return the line that says why: the first that speaks of an error, for the later ones only follow from it."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it said nothing")
