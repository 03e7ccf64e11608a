"""Owns preparing moving sources: animations become videos, and what is looped becomes one pass of it as it is shown."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from pathlib import Path

from media_services import ffmpeg, results
from media_services.journal import Outcome, Task, step
from media_services.media import MediaKind, Source
from media_services.opening import SAFE_INPUT
from media_services.placing import Box
from media_services.probe import probe
from media_services.render.animation import as_video
from media_services.render.crew import Conditions
from media_services.render.footage import footage
from media_services.render.keys import pass_inputs
from media_services.render.moving import detailed_size, scaled
from media_services.render.output import most_bytes
from media_services.render.playing import MAX_LOOP_MS, PASS_FPS, PASS_GOP, is_looped
from media_services.stage import Parts, Report, risen
from media_services.timeline import Layer, Timeline

# Uncompressed, a pass is read for next to nothing; so it is as long as all of a film's take no more room than this.
_PLAIN_BYTES = 1024**3
_PLAIN = ("-c:v", "rawvideo", "-pix_fmt", "yuv420p")
_KEPT_BYTES = 64 * 1024**2  # the largest pass that is kept for another job, which may make it again instead

# MPEG-4 at its best is read in half the time that H.264 takes as good, and made in less.
_NEARLY_AS_IS = ("-c:v", "mpeg4", "-qmin", "1", "-qscale:v", "1", "-sc_threshold", "1000000000", "-pix_fmt", "yuv420p")
_WITH_ALPHA = ("-c:v", "ffv1", "-level", "1", "-pix_fmt", "yuva420p")  # level 3 takes no picture 2 pixels wide
_EACH_ONCE = ("-fps_mode", "passthrough", "-enc_time_base", f"1/{PASS_FPS}")
_TAGGED = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")

Key = tuple[Hashable, ...]  # what a pass or a video depends on


def frames_to_prepare(timeline: Timeline) -> int:
    """Return how many frames `prepare` will write, as far as it is known before."""
    return sum(frames for _, frames in _to_prepare(timeline))


def with_plain_passes(timeline: Timeline) -> Timeline:
    """Return a film that says of which layers the pass is not to be compressed."""
    plain: set[Key] = set()
    size_bytes = 0
    for layer in timeline.layers:
        if not _needs_pass(layer) or _pass(layer) in plain or _is_animation(layer) or _has_alpha(layer):
            continue
        width, height = detailed_size(layer)
        its_bytes = _frames(layer, timeline) * width * height * 3 // 2
        if size_bytes + its_bytes <= _PLAIN_BYTES:
            plain.add(_pass(layer))
            size_bytes += its_bytes
    layers = [replace(layer, plain=_needs_pass(layer) and _pass(layer) in plain) for layer in timeline.layers]
    return replace(timeline, layers=tuple(layers))


def prepare(timeline: Timeline, folder: Path, *, report: Report, conditions: Conditions, project: int = 0) -> Timeline:
    """Return the timeline with a video in place of each animation, and with one pass of what is looped, each made once.

    A pass has the film's rate as far as it has whole frames, and the size and colours it is shown in.
    """
    parts = Parts(report, frames_to_prepare(timeline))
    reports = {key: parts.next(frames) for key, frames in _to_prepare(timeline)}
    made: dict[Key, Layer] = {}
    # a pass is made afresh if any of the layers it is for asks for that
    afresh = {_pass(layer) for layer in timeline.layers if _needs_pass(layer) and not layer.cache}

    def prepared(layer: Layer) -> Layer:
        if _is_animation(layer):
            assert layer.source is not None
            layer = _as_footage(layer, layer.source, folder, reports.pop(_animation(layer), lambda done: None))
        if not _needs_pass(layer):
            return layer
        key = _pass(layer)
        if key not in made:
            file = folder / f"pass-{len(made)}.{'avi' if layer.plain else 'mov'}"
            with step(conditions.journal, Task.PREPARE, layer.path, project=project) as entry:
                one = replace(layer, cache=key not in afresh)
                made[key], entry.outcome = _one_pass(one, timeline, file, reports.pop(key), conditions)
        return replace(layer, source=made[key].source, seek_ms=0, prepared=True)

    return replace(timeline, layers=tuple(map(prepared, timeline.layers)))


def _to_prepare(timeline: Timeline) -> Iterator[tuple[Key, int]]:
    """Yield what is to be made, each once, and how many frames it has."""
    known: set[Key] = set()
    for layer in timeline.layers:
        wanted = [(_animation(layer), _pictures(layer))] if _is_animation(layer) else []
        wanted += [(_pass(layer), _frames(layer, timeline))] if _needs_pass(layer) else []
        for key, frames in wanted:
            if key not in known:
                known.add(key)
                yield key, frames


def _is_animation(layer: Layer) -> bool:
    return layer.moves and layer.source is not None and layer.source.probe.kind is MediaKind.IMAGE


def _has_alpha(layer: Layer) -> bool:
    return layer.source is not None and layer.source.probe.has_alpha


def _needs_pass(layer: Layer) -> bool:
    return is_looped(layer) and layer.pass_ms <= MAX_LOOP_MS


def _animation(layer: Layer) -> Key:
    assert layer.source is not None
    return (layer.source.src,)


def _pass(layer: Layer) -> Key:
    """Return what a pass depends on; where on the canvas it is shown does not matter."""
    assert layer.source is not None
    box = layer.placement.box
    place = replace(layer.placement, box=Box(0, 0, box.width, box.height))
    return layer.source.src, layer.seek_ms, layer.pass_ms, place, detailed_size(layer)


def _pictures(layer: Layer) -> int:
    assert layer.source is not None
    return layer.source.probe.frames or 1


def _frames(layer: Layer, timeline: Timeline) -> int:
    return max(1, round(layer.pass_ms * timeline.fps / 1000))


def _as_footage(layer: Layer, animation: Source, folder: Path, report: Report) -> Layer:
    """Return the layer of an animation as that of a video."""
    video = as_video(animation.file, folder, tick=report)
    report(1.0)
    return replace(layer, source=_made(animation, video))


def _one_pass(
    layer: Layer, timeline: Timeline, file: Path, report: Report, conditions: Conditions
) -> tuple[Layer, Outcome]:
    """Make a pass: as many frames as the film has in its time, evenly spread; the file gives each the same time."""
    assert layer.source is not None
    reading, frames = footage(layer.source), _frames(layer, timeline)
    part = ["-ss", f"{layer.seek_ms / 1000:.3f}", "-t", f"{layer.pass_ms / 1000:.3f}"]
    filters = [
        *reading.before, *scaled(layer.placement, detailed_size(layer), reading.after),
        f"fps={frames * 1000}/{layer.pass_ms}:start_time=0", "tpad=stop=-1:stop_mode=clone", "setsar=1",
        f"settb=1/{PASS_FPS}", "setpts=N",
    ]  # fmt: skip
    coder = _PLAIN if layer.plain else _WITH_ALPHA if _has_alpha(layer) else _NEARLY_AS_IS
    options = [*coder, "-g", str(PASS_GOP), *_EACH_ONCE, *_TAGGED]
    arguments = [*SAFE_INPUT, *reading.options, *part, "-i", str(layer.source.file), "-an",
                 "-vf", ",".join(filters), "-frames:v", str(frames), *options, str(file)]  # fmt: skip
    name = results.key("passes", plain=layer.plain, **pass_inputs(layer, frames, detailed_size(layer)))
    outcome = Outcome.KEPT
    if not (layer.cache and results.take_file(name, file)):
        outcome = Outcome.MADE
        tick, timeout_s = _counted(frames, report), conditions.timeout_s
        room_bytes = most_bytes(frames, detailed_size(layer))
        ffmpeg.render(arguments, cwd=file.parent, tick=tick, most_bytes=room_bytes, timeout_s=timeout_s)
        if file.stat().st_size <= _KEPT_BYTES:
            results.put_file(name, file)
    report(1.0)
    made = _made(layer.source, file)
    return replace(layer, source=replace(made, probe=replace(made.probe, frames=frames))), outcome


def _counted(frames: int, report: Report) -> Callable[[int], None]:
    return lambda written: report(risen(written, frames))


def _made(source: Source, file: Path) -> Source:
    return replace(source, file=file, probe=probe(file))
