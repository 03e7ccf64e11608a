"""Owns preparing moving sources: animations become videos, and a looped part of a source becomes a file of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from media_services import ffmpeg
from media_services.media import MediaKind, Source
from media_services.probe import probe
from media_services.render.animation import as_video
from media_services.render.builder import TO_BT709
from media_services.render.footage import footage
from media_services.stage import Parts, Report, risen
from media_services.timeline import Layer, Timeline

_NEARLY_AS_IS = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "15", "-pix_fmt", "yuv420p")
_WITH_ALPHA = ("-c:v", "ffv1", "-g", "1", "-pix_fmt", "yuva420p")
_TAGGED = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")


def frames_to_prepare(timeline: Timeline) -> int:
    """Return how many frames, about, `prepare` will write."""
    frames = sum(_frames(layer, timeline) for layer in timeline.layers if _loops_a_part(layer))
    return frames + sum(_frames(layer, timeline) for layer in timeline.layers if _is_animation(layer))


def prepare(timeline: Timeline, folder: Path, *, report: Report, timeout_s: float) -> Timeline:
    """Return the timeline with a video in place of each animation, and with every looped part a file that loops."""
    parts = Parts(report, frames_to_prepare(timeline))
    layers = list(timeline.layers)
    for number, layer in enumerate(layers):
        if _is_animation(layer):
            layer = layers[number] = _as_footage(layer, folder, parts.next(_frames(layer, timeline)))
        if _loops_a_part(layer):
            frames = _frames(layer, timeline)
            layers[number] = _cut(layer, folder, number, frames, parts.next(frames), timeout_s)
    return replace(timeline, layers=tuple(layers))


def _is_animation(layer: Layer) -> bool:
    return layer.moves and layer.source is not None and layer.source.probe.kind is MediaKind.IMAGE


def _loops_a_part(layer: Layer) -> bool:
    if not layer.moves or not layer.loops or layer.pass_ms >= layer.span.duration_ms:
        return False
    assert layer.source is not None
    return layer.seek_ms > 0 or layer.pass_ms != layer.source.probe.duration_ms


def _frames(layer: Layer, timeline: Timeline) -> int:
    """Return how many frames one pass has if the source's are spread evenly; a recorded screen's are not."""
    assert layer.source is not None
    if _is_animation(layer):
        return layer.source.probe.frames or 1
    return max(1, round(layer.pass_ms / 1000 * (layer.source.probe.fps or timeline.fps)))


def _as_footage(layer: Layer, folder: Path, report: Report) -> Layer:
    """Return the layer of an animation as that of a video."""
    assert layer.source is not None
    video = as_video(layer.source.file, folder, tick=report)
    report(1.0)
    source = _made(layer.source, video)
    return replace(layer, source=source, pass_ms=source.probe.duration_ms or layer.pass_ms)


def _cut(layer: Layer, folder: Path, number: int, frames: int, report: Report, timeout_s: float) -> Layer:
    assert layer.source is not None
    has_alpha, reading = layer.source.probe.has_alpha, footage(layer.source)
    file = folder / f"pass-{number}.{'mkv' if has_alpha else 'mp4'}"
    part = ["-ss", f"{layer.seek_ms / 1000:.3f}", "-t", f"{layer.pass_ms / 1000:.3f}"]
    filters = ["-vf", ",".join([*reading.before, f"scale={TO_BT709}", *reading.after])]
    arguments = [*ffmpeg.SAFE_INPUT, *reading.options, *part, "-i", str(layer.source.file), "-an", *filters,
                 *(_WITH_ALPHA if has_alpha else _NEARLY_AS_IS), *_TAGGED, str(file)]  # fmt: skip
    ffmpeg.render(arguments, cwd=folder, tick=_counted(frames, report), timeout_s=timeout_s)
    report(1.0)
    return replace(layer, source=_made(layer.source, file), seek_ms=0)


def _counted(frames: int, report: Report) -> Callable[[int], None]:
    return lambda written: report(risen(written, frames))


def _made(source: Source, file: Path) -> Source:
    return replace(source, file=file, probe=probe(file))
