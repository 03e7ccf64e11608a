"""Owns checking a film that was written: that it has exactly what was asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from media_services.errors import ErrorCode, MediaError
from media_services.opening import open_streams
from media_services.render.output import OUTPUTS, shown_fps, shown_frames
from media_services.stage import Report
from media_services.timeline import Timeline

_AUDIO_TOLERANCE_S = 0.03
_REPORT_PACKETS = 256


def verify(film: Path, timeline: Timeline, report: Report) -> None:
    """Raise MediaError unless a film has exactly its frames, size and length, and sound that ends with the picture."""
    frames, fps, size = shown_frames(timeline), shown_fps(timeline), timeline.film_size
    found = _measure(film, lambda done: report(done / frames))
    wanted_s = float(timeline.frames / timeline.fps)
    if found.frames != frames or found.size != size:
        raise MediaError(
            ErrorCode.FFMPEG_FAILED,
            f"the film that was written has {found.frames} frames of {found.size[0]}x{found.size[1]} "
            f"instead of {frames} of {size[0]}x{size[1]}",
        )
    if abs(found.picture_s - wanted_s) > float(1 / fps):
        raise MediaError(
            ErrorCode.FFMPEG_FAILED,
            f"the film that was written lasts {found.picture_s:.3f} s instead of {wanted_s:.3f} s",
        )
    if (found.sound_s is not None) != OUTPUTS[timeline.format].has_sound:
        raise MediaError(
            ErrorCode.FFMPEG_FAILED, f"the film that was written has {'no ' * (found.sound_s is None)}sound"
        )
    if found.sound_s is not None and abs(found.sound_s - wanted_s) > max(_AUDIO_TOLERANCE_S, float(1 / fps)):
        raise MediaError(
            ErrorCode.FFMPEG_FAILED, f"the film's sound lasts {found.sound_s:.3f} s and its picture {wanted_s:.3f} s"
        )


@dataclass(frozen=True)
class _Found:
    """What a file has: its frames, their size, and when its streams end; None for a sound that it does not have."""

    frames: int
    size: tuple[int, int]
    picture_s: float
    sound_s: float | None


def _measure(film: Path, tick: Callable[[int], None]) -> _Found:
    """Read every packet of a film, for not every container states how long its streams are.

    `tick` hears how many frames were read.
    """
    frames = 0
    ends_s = {"video": 0.0, "audio": 0.0}
    try:
        with open_streams(film, is_own=True) as container:
            video, has_sound = container.streams.video[0], bool(container.streams.audio)
            size = (video.codec_context.width, video.codec_context.height)
            for packet in container.demux():
                if not packet.size or packet.pts is None:
                    continue
                kind = packet.stream.type
                ends_s[kind] = max(ends_s[kind], float((packet.pts + (packet.duration or 0)) * packet.time_base))
                frames += kind == "video"
                if kind == "video" and frames % _REPORT_PACKETS == 0:
                    tick(frames)
    except (av.FFmpegError, IndexError) as problem:
        raise MediaError(ErrorCode.FFMPEG_FAILED, f"the film that was written cannot be read: {problem}") from problem
    return _Found(frames, size, ends_s["video"], ends_s["audio"] if has_sound else None)
