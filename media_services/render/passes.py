"""Owns cutting one pass out of a moving source, where a film loops less than the whole of it."""

from dataclasses import replace
from pathlib import Path

from media_services import ffmpeg
from media_services.probe import probe
from media_services.stage import Parts, Report, risen
from media_services.timeline import Layer, Timeline


def frames_to_cut(timeline: Timeline) -> int:
    """Return how many frames, about, `cut_passes` will write."""
    return sum(_frames(layer, timeline) for layer in timeline.layers if _loops_a_part(layer))


def cut_passes(timeline: Timeline, folder: Path, *, report: Report, timeout_s: float) -> Timeline:
    """Return the timeline with every looped part of a source made a file of its own, which loops as a whole."""
    parts = Parts(report, frames_to_cut(timeline))
    layers = list(timeline.layers)
    for number, layer in enumerate(layers):
        if _loops_a_part(layer):
            frames = _frames(layer, timeline)
            layers[number] = _cut(layer, folder / f"pass-{number}.mp4", frames, parts.next(frames), timeout_s)
    return replace(timeline, layers=tuple(layers))


def _loops_a_part(layer: Layer) -> bool:
    if not layer.moves or not layer.loops or layer.pass_ms >= layer.span.duration_ms:
        return False
    assert layer.source is not None
    return layer.seek_ms > 0 or layer.pass_ms != layer.source.probe.duration_ms


def _frames(layer: Layer, timeline: Timeline) -> int:
    """Return how many frames one pass has if the source's are spread evenly; a recorded screen's are not."""
    assert layer.source is not None
    return max(1, round(layer.pass_ms / 1000 * (layer.source.probe.fps or timeline.fps)))


def _cut(layer: Layer, file: Path, frames: int, report: Report, timeout_s: float) -> Layer:
    assert layer.source is not None
    part = ["-ss", f"{layer.seek_ms / 1000:.3f}", "-t", f"{layer.pass_ms / 1000:.3f}"]
    coder = ["-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "15", "-pix_fmt", "yuv420p"]
    arguments = [*ffmpeg.SAFE_INPUT, *part, "-i", str(layer.source.file), *coder, str(file)]
    ffmpeg.render(arguments, cwd=file.parent, tick=lambda written: report(risen(written, frames)), timeout_s=timeout_s)
    report(1.0)
    source = replace(layer.source, file=file, probe=probe(file))
    return replace(layer, source=source, seek_ms=0)
