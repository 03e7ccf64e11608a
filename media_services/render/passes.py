"""Owns cutting one pass out of a moving source, where a film loops less than the whole of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from media_services import ffmpeg
from media_services.probe import probe
from media_services.timeline import Layer, Timeline


def cut_passes(timeline: Timeline, folder: Path, *, tick: Callable[[], None], timeout_s: float) -> Timeline:
    """Return the timeline with every looped part of a source made a file of its own, which loops as a whole."""
    layers = tuple(
        _cut(layer, folder / f"pass-{number}.mp4", tick, timeout_s) if _loops_a_part(layer) else layer
        for number, layer in enumerate(timeline.layers)
    )
    return replace(timeline, layers=layers)


def _loops_a_part(layer: Layer) -> bool:
    if not layer.moves or not layer.loops or layer.pass_ms >= layer.span.duration_ms:
        return False
    assert layer.source is not None
    return layer.seek_ms > 0 or layer.pass_ms != layer.source.probe.duration_ms


def _cut(layer: Layer, file: Path, tick: Callable[[], None], timeout_s: float) -> Layer:
    assert layer.source is not None
    part = ["-ss", f"{layer.seek_ms / 1000:.3f}", "-t", f"{layer.pass_ms / 1000:.3f}"]
    coder = ["-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "15", "-pix_fmt", "yuv420p"]
    arguments = [*ffmpeg.SAFE_INPUT, *part, "-i", str(layer.source.file), *coder, str(file)]
    ffmpeg.render(arguments, cwd=file.parent, tick=tick, timeout_s=timeout_s)
    source = replace(layer.source, file=file, probe=probe(file))
    return replace(layer, source=source, seek_ms=0)
