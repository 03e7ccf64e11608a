"""Owns what each format of a film is: its suffix and content type, its rate, and the options FFmpeg encodes it with."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from media_services.movie.document import Format, Quality
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
_MIN_VP9_TILE_PX = 256
_HUNDREDTHS = 100


@dataclass(frozen=True)
class Output:
    """What a format is as a file; `frame_cost` is what a frame of it costs to draw and encode, in frames of MP4."""

    suffix: str
    content_type: str
    has_sound: bool
    frame_cost: float


# Half of a frame's cost is drawing it. Measured at 720p on two cores, VP9 costs 8 times as much CPU as x264, and what
# makes a GIF, lossless pictures, their palette and its use, 4 times.
OUTPUTS = {
    Format.MP4: Output("mp4", "video/mp4", has_sound=True, frame_cost=1.0),
    Format.WEBM: Output("webm", "video/webm", has_sound=True, frame_cost=4.5),
    Format.GIF: Output("gif", "image/gif", has_sound=False, frame_cost=2.5),
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


def film_options(timeline: Timeline, threads: int) -> list[str]:
    """Return the output options of an MP4 or WebM of [picture] and [sound]."""
    coders = _webm(timeline, threads) if timeline.format is Format.WEBM else _mp4(timeline, threads)
    gop = str(keyframe_interval(timeline))
    return [
        "-map", "[picture]", "-map", "[sound]", "-frames:v", str(timeline.frames), *coders, "-g", gop,
        "-threads:v", str(threads), "-pix_fmt", "yuv420p", *_BT709, "-ar", str(SAMPLE_RATE), "-map_metadata", "-1",
    ]  # fmt: skip


def _mp4(timeline: Timeline, threads: int) -> list[str]:
    preset = _DRAFT_PRESET if timeline.draft else _PRESET
    return [
        "-c:v", "libx264", "-preset", preset, "-crf", str(_X264_CRF[timeline.quality]),
        "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart",
    ]  # fmt: skip


def _webm(timeline: Timeline, threads: int) -> list[str]:
    speed = ["-deadline", "realtime", "-cpu-used", "8"] if timeline.draft else ["-deadline", "good", "-cpu-used", "5"]
    tiles = math.floor(math.log2(max(1, min(timeline.width // _MIN_VP9_TILE_PX, threads))))
    return [
        "-c:v", "libvpx-vp9", *speed, "-row-mt", "1", "-tile-columns", str(tiles),
        "-b:v", "0", "-crf", str(_VP9_CRF[timeline.quality]), "-c:a", "libopus", "-b:a", "128k",
    ]  # fmt: skip


def gif_pass_filters(timeline: Timeline) -> str:
    """Return the filters that end a GIF's first pass: [shown], its frames, and [palette], the colours of all of them.

    A palette is known only when the last frame is. Used in the same pass it kept every frame in memory until then:
    1.2 GiB for 10 s at 720p, against 160 MiB in two.
    """
    colours = f"palettegen=max_colors={_GIF_COLOURS[timeline.quality]}"
    slower = shown_fps(timeline) < timeline.fps
    steps = [f"fps={MAX_GIF_FPS}", "tpad=stop=1:stop_mode=clone"] if slower else []
    return f"[picture]{','.join([*steps, 'split'])}[shown][counted];[counted]{colours}[palette];[sound]anullsink"


def gif_pass_options(timeline: Timeline, threads: int, *, pictures: str, palette: str) -> list[str]:
    """Return the outputs of a GIF's first pass: its pictures without any loss, and its palette as a picture."""
    return [
        "-map", "[shown]", "-frames:v", str(shown_frames(timeline)), "-c:v", "libx264", "-preset", "ultrafast",
        "-qp", "0", "-g", str(keyframe_interval(timeline)), "-threads:v", str(threads), "-pix_fmt", "yuv420p",
        *_BT709, pictures, "-map", "[palette]", "-frames:v", "1", "-update", "1", palette,
    ]  # fmt: skip


def gif_options(timeline: Timeline, *, pictures: str, palette: str) -> list[str]:
    """Return the inputs and the output options of a GIF's second pass, which loops for ever.

    The muxer rounds each frame's time to hundredths, so that no error adds up; the last frame lasts to the film's end.
    """
    use = f"[0:v][1:v]paletteuse=dither={_GIF_DITHER[timeline.quality]}:diff_mode=rectangle"
    return [
        "-i", pictures, "-i", palette, "-filter_complex", use, "-frames:v", str(shown_frames(timeline)),
        "-loop", "0", "-final_delay", str(final_delay(timeline)), "-map_metadata", "-1",
    ]  # fmt: skip


def final_delay(timeline: Timeline) -> int:
    """Return how many hundredths of a second a GIF's last frame is shown."""
    last = _hundredths((shown_frames(timeline) - 1) / shown_fps(timeline))
    return max(1, _hundredths(timeline.frames / timeline.fps) - last)


def _hundredths(seconds: Fraction) -> int:
    return math.floor(seconds * _HUNDREDTHS + Fraction(1, 2))
