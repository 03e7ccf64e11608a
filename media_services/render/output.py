"""Owns what each format of a film is: its suffix and content type, its rate, and the options FFmpeg encodes it with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePath

from media_services.movie.document import Format, Quality
from media_services.opening import OWN_INPUT
from media_services.timeline import SAMPLE_RATE, Timeline

# The fastest GIF: a delay is whole hundredths of a second, and browsers take a single one for ten.
MAX_GIF_FPS = 50
GOP_S = 2

_PRESET, _DRAFT_PRESET = "veryfast", "ultrafast"
_X264_CRF = {Quality.LOW: 28, Quality.MEDIUM: 23, Quality.HIGH: 18}
_VP9_CRF = {Quality.LOW: 40, Quality.MEDIUM: 33, Quality.HIGH: 24}
_GIF_COLOURS = {Quality.LOW: 64, Quality.MEDIUM: 256, Quality.HIGH: 256}
# Ordered dithering stands still where the picture does, which error diffusion pays for in bytes.
_GIF_DITHER = {Quality.LOW: "bayer:bayer_scale=4", Quality.MEDIUM: "bayer:bayer_scale=3", Quality.HIGH: "sierra2_4a"}
_BT709 = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
_HUNDREDTHS = 100
_PIXEL_BYTES = 6  # a lossless coder makes somewhat more of noise than the 4 that a pixel has with its alpha
_FRAMES_SOUND_BYTES = SAMPLE_RATE * 2 * 4  # of the slowest film, a frame a second
_SLACK_BYTES = 64 * 1024**2  # for what is there however short the film


@dataclass(frozen=True)
class Output:
    """What a format is as a file.

    A frame of it costs `frame_cost` to draw and encode, and `finishing_cost` once all are drawn, in frames of MP4.
    """

    suffix: str
    content_type: str
    has_sound: bool
    frame_cost: float
    finishing_cost: float = 0.0


# Half of a frame's cost is drawing it. Measured at 720p on two cores, VP9 costs 8 times as much CPU as x264, and what
# makes a GIF, lossless pictures, their palette and its use, 4 times.
OUTPUTS = {
    Format.MP4: Output("mp4", "video/mp4", has_sound=True, frame_cost=1.0),
    Format.WEBM: Output("webm", "video/webm", has_sound=True, frame_cost=4.5),
    Format.GIF: Output("gif", "image/gif", has_sound=False, frame_cost=1.0, finishing_cost=1.5),
}
_CONTENT_TYPES = {f".{output.suffix}": output.content_type for output in OUTPUTS.values()}


def content_type_of(name: str) -> str:
    """Return the content type of a film by the name of its file."""
    return _CONTENT_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")


def shown_fps(timeline: Timeline) -> Fraction:
    """Return the rate that the film's format shows it at: its own, as far as a GIF can."""
    return min(timeline.fps, Fraction(MAX_GIF_FPS)) if timeline.format is Format.GIF else timeline.fps


def shown_frames(timeline: Timeline) -> int:
    """Return how many frames the film's format shows."""
    return max(1, math.floor(timeline.frames * shown_fps(timeline) / timeline.fps + Fraction(1, 2)))


def keyframe_interval(timeline: Timeline) -> int:
    """Return how many frames lie between two keyframes at most."""
    return math.ceil(GOP_S * timeline.fps)


def most_bytes(frames: int, size: tuple[int, int]) -> int:
    """Return more bytes than any file on the way to a film can need: its frames and their sound, not compressed."""
    return frames * (size[0] * size[1] * _PIXEL_BYTES + _FRAMES_SOUND_BYTES) + _SLACK_BYTES


def picture_options(timeline: Timeline) -> list[str]:
    """Return the output options of a segment's [picture], an MP4 whatever the format: its times are exact.

    Those of two segments of a film differ in nothing but the number of frames, so that they can be joined. One thread
    encodes, for with another number the pictures would be others, and cores are better used by segments side by side.
    """
    coder = _CODERS[timeline.format](timeline)
    return [
        "-map", "[picture]", "-frames:v", str(timeline.frames), *coder, "-g", str(keyframe_interval(timeline)),
        "-threads:v", "1", "-pix_fmt", "yuv420p", *_BT709, "-f", "mp4",
    ]  # fmt: skip


def sound_options(timeline: Timeline) -> list[str]:
    """Return the output options of a film's [sound]."""
    return ["-map", "[sound]", *_SOUND_CODERS[timeline.format], "-ar", str(SAMPLE_RATE)]


def joined_options(timeline: Timeline, segments: str, sound: str | None) -> list[str]:
    """Return the inputs and output options that join segments, by a list of them, with the sound, as they are."""
    heard = [*OWN_INPUT, "-i", sound, "-map", "0:v", "-map", "1:a"] if sound else []
    first = ["-movflags", "+faststart"] if timeline.format is Format.MP4 else []
    return [*OWN_INPUT, "-f", "concat", "-i", segments, *heard, "-c", "copy", "-map_metadata", "-1", *first]


def segment_list(files: Sequence[str], ends: Sequence[Fraction]) -> str:
    """Return FFmpeg's list of segments that end at so many seconds of the film; no error in their lengths adds up."""
    ends_us = [0, *(round(end * 1_000_000) for end in ends)]
    lengths = [(end - start) / 1_000_000 for start, end in pairwise(ends_us)]
    entries = [f"file {file}\nduration {length:.6f}\n" for file, length in zip(files, lengths, strict=True)]
    return "ffconcat version 1.0\n" + "".join(entries)


def _mp4(timeline: Timeline) -> list[str]:
    preset = _DRAFT_PRESET if timeline.draft else _PRESET
    return ["-c:v", "libx264", "-preset", preset, "-crf", str(_X264_CRF[timeline.quality])]


def _webm(timeline: Timeline) -> list[str]:
    speed = ["-deadline", "realtime", "-cpu-used", "8"] if timeline.draft else ["-deadline", "good", "-cpu-used", "5"]
    return ["-c:v", "libvpx-vp9", *speed, "-b:v", "0", "-crf", str(_VP9_CRF[timeline.quality])]


def _lossless(timeline: Timeline) -> list[str]:
    return ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"]


_CODERS = {Format.MP4: _mp4, Format.WEBM: _webm, Format.GIF: _lossless}
_SOUND_CODERS = {
    Format.MP4: ("-c:a", "aac", "-b:a", "192k", "-f", "mp4"),
    Format.WEBM: ("-c:a", "libopus", "-b:a", "128k", "-f", "webm"),
}


def palette_options(timeline: Timeline, *, pictures: str) -> list[str]:
    """Return the input and output options that find the colours of all of a GIF's pictures, as one picture.

    A palette is known only when the last frame is. Used in the same pass it kept every frame in memory until then:
    1.2 GiB for 10 s at 720p, against 160 MiB in two.
    """
    steps = ",".join([*_slower(timeline), f"palettegen=max_colors={_GIF_COLOURS[timeline.quality]}"])
    return [*OWN_INPUT, "-i", pictures, "-vf", steps, "-frames:v", "1", "-update", "1"]


def _slower(timeline: Timeline) -> list[str]:
    """Return the filters that bring a film to the rate that a GIF can have."""
    is_slower = shown_fps(timeline) < timeline.fps
    return [f"fps={MAX_GIF_FPS}", "tpad=stop=1:stop_mode=clone"] if is_slower else []


def gif_options(timeline: Timeline, *, pictures: str, palette: str) -> list[str]:
    """Return the inputs and the output options that make a GIF, which loops for ever, of pictures and their palette.

    The muxer rounds each frame's time to hundredths, so that no error adds up; the last frame lasts to the film's end.
    """
    dither = f"paletteuse=dither={_GIF_DITHER[timeline.quality]}:diff_mode=rectangle"
    use = f"[0:v]{','.join(_slower(timeline) or ['null'])}[shown];[shown][1:v]{dither}"
    return [
        *OWN_INPUT, "-i", pictures, *OWN_INPUT, "-i", palette, "-filter_complex", use,
        "-frames:v", str(shown_frames(timeline)),
        "-loop", "0", "-final_delay", str(final_delay(timeline)), "-map_metadata", "-1",
    ]  # fmt: skip


def final_delay(timeline: Timeline) -> int:
    """Return how many hundredths of a second a GIF's last frame is shown."""
    last = _hundredths((shown_frames(timeline) - 1) / shown_fps(timeline))
    return max(1, _hundredths(timeline.frames / timeline.fps) - last)


def _hundredths(seconds: Fraction) -> int:
    return math.floor(seconds * _HUNDREDTHS + Fraction(1, 2))
