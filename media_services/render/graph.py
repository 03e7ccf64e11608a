"""Owns the compilation of a Timeline into one FFmpeg filtergraph: pictures from the bottom up, sounds in lanes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from media_services.ffmpeg import SAFE_INPUT
from media_services.placing import Box
from media_services.render.plates import Plates
from media_services.timeline import SAMPLE_RATE, Layer, Sound, Timeline

_TO_BT709 = "out_color_matrix=bt709:out_range=tv"
_TAGS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
_SOUND = f"aresample={SAMPLE_RATE}:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo"
_LIMITER = "alimiter=limit=0.97:level=0:latency=1"


@dataclass(frozen=True)
class Graph:
    """FFmpeg's input options and its filtergraph, whose outputs are [picture] and [sound]."""

    inputs: tuple[str, ...]
    filters: str


@dataclass
class _Builder:
    """Collects inputs and filter chains while a graph is compiled."""

    timeline: Timeline
    inputs: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    count: int = 0

    def input(self, *options: str, file: Path) -> int:
        """Add an input and return its number."""
        self.inputs += [*options, "-i", str(file)]
        self.count += 1
        return self.count - 1

    def chain(self, source: str, filters: Iterable[str], label: str) -> str:
        """Add a chain of filters between two labels and return the second."""
        self.chains.append(f"{source}{','.join(filters)}{label}")
        return label


MakePlates = Callable[[Sequence[Layer], bool], Plates | None]


def compile_graph(timeline: Timeline, make_plates: MakePlates, *, subtitles: Sequence[str] = ()) -> Graph:
    """Compile a timeline; `make_plates(layers, opaque)` is asked for each run of still layers.

    `subtitles` are filters that draw over everything.
    """
    builder = _Builder(timeline)
    picture = _pictures(builder, make_plates)
    builder.chain(picture, [*subtitles, "format=yuv420p", "setsar=1", _TAGS], "[picture]")
    _sounds(builder)
    return Graph(tuple(builder.inputs), ";".join(builder.chains))


def _pictures(builder: _Builder, make_plates: MakePlates) -> str:
    """Pile the layers up and return the label of the result.

    The lowest stream is the film's base where it covers the whole canvas for the whole film, so that nothing is
    laid over a background which is never seen.
    """
    runs = [(moves, list(layers)) for moves, layers in groupby(builder.timeline.layers, key=lambda layer: layer.moves)]
    if runs and runs[0][0] and _is_base(runs[0][1][0], builder.timeline):
        base = _moving(builder, runs[0][1].pop(0), 0)
    else:
        still = runs.pop(0)[1] if runs and not runs[0][0] else []
        plates = make_plates(still, True)
        assert plates is not None
        base = _plates(builder, plates, opaque=True)
    for moves, layers in runs:
        if moves:
            for layer in layers:
                moving = _moving(builder, layer, layer.span.first_frame)
                box = layer.placement.box
                base = _overlay(builder, base, moving, box, layer.span.first_frame, layer.span.end_frame)
        elif (plates := make_plates(layers, False)) is not None:
            still_stream = _plates(builder, plates, opaque=False)
            base = _overlay(builder, base, still_stream, plates.box, plates.first_frame, plates.end_frame)
    return base


def _is_base(layer: Layer, timeline: Timeline) -> bool:
    assert layer.source is not None
    covers = layer.placement.box == Box(0, 0, timeline.width, timeline.height)
    whole = layer.span.first_frame == 0 and layer.span.end_frame == timeline.frames
    return covers and whole and not layer.source.probe.has_alpha


def _rate(fps: Fraction) -> str:
    return f"{fps.numerator}/{fps.denominator}"


def _moving(builder: _Builder, layer: Layer, first_frame: int) -> str:
    """Add a moving layer: its part of the source at the film's rate, scaled and cut to its box, from `first_frame`."""
    assert layer.source is not None
    fps, place = builder.timeline.fps, layer.placement
    seconds = layer.span.frames / fps + 1
    options = [*SAFE_INPUT, *_playback(layer), "-an"]
    number = builder.input(*options, file=layer.source.file)
    rate = f"fps={_rate(fps)}:start_time=0"
    scale = f"scale={place.scaled[0]}:{place.scaled[1]}:flags=bicubic:{_TO_BT709}"
    crop = f"crop={place.box.width}:{place.box.height}:{place.offset[0]}:{place.offset[1]}"
    slower = layer.source.probe.fps is not None and layer.source.probe.fps < fps
    steps = [f"trim=end={float(seconds):.6f}", *([scale, rate] if slower else [rate, scale])]
    steps += [crop] if place.scaled != (place.box.width, place.box.height) else []
    steps += ["setsar=1", f"format={'yuva420p' if layer.source.probe.has_alpha else 'yuv420p'}"]
    steps += ["tpad=stop=-1:stop_mode=clone", f"trim=end_frame={layer.span.frames}"]
    steps += [f"setpts=PTS+{first_frame}/({_rate(fps)}*TB)"] if first_frame else []
    return builder.chain(f"[{number}:v:0]", steps, f"[v{number}]")


def _playback(layer: Layer) -> list[str]:
    """Return the input options that play a source from its seek, over and over if it loops."""
    if layer.loops and layer.pass_ms < layer.span.duration_ms:
        return ["-stream_loop", "-1"]
    return ["-ss", f"{layer.seek_ms / 1000:.3f}"] if layer.seek_ms else []


def _plates(builder: _Builder, plates: Plates, *, opaque: bool) -> str:
    """Add a stream of plates; between two of them the earlier one stays."""
    number = builder.input("-f", "nut", file=plates.file)
    steps = [f"scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp:{_TO_BT709}"]
    steps += ["format=yuv420p" if opaque else "format=yuva420p"]
    if opaque:
        timeline = builder.timeline
        steps += [f"fps={_rate(timeline.fps)}:start_time=0", "tpad=stop=-1:stop_mode=clone"]
        steps += [f"trim=end_frame={timeline.frames}"]
    return builder.chain(f"[{number}:v:0]", steps, f"[v{number}]")


def _overlay(builder: _Builder, base: str, over: str, box: Box, first_frame: int, end_frame: int) -> str:
    enabled = f":enable='between(n,{first_frame},{end_frame - 1})'"
    if first_frame == 0 and end_frame >= builder.timeline.frames:
        enabled = ""
    step = f"overlay={box.x}:{box.y}:format=yuv420:eof_action=repeat{enabled}"
    return builder.chain(f"{base}{over}", [step], f"[o{len(builder.chains)}]")


def _sounds(builder: _Builder) -> None:
    """Lay sounds into as few lanes as do not overlap, mix the lanes, limit the sum, and cut it to the film's length."""
    samples = builder.timeline.samples
    lanes = [_lane(builder, lane, number) for number, lane in enumerate(lanes_of(builder.timeline.sounds))]
    if not lanes:
        silence = f"anullsrc=channel_layout=stereo:sample_rate={SAMPLE_RATE},atrim=end_sample={samples}"
        builder.chains.append(f"{silence}[sound]")
        return
    mixed = lanes[0]
    if len(lanes) > 1:
        mix = f"amix=inputs={len(lanes)}:normalize=0:duration=longest"
        mixed = builder.chain("".join(lanes), [mix], "[mix]")
    whole = [_LIMITER, f"apad=whole_len={samples}", f"atrim=end_sample={samples}"]
    builder.chain(mixed, whole, "[sound]")


def lanes_of(sounds: Sequence[Sound]) -> list[list[Sound]]:
    """Part sounds into the fewest lanes in which none overlaps another, each in the order of time."""
    lanes: list[list[Sound]] = []
    for sound in sorted(sounds, key=lambda sound: sound.span.start_ms):
        free = next((lane for lane in lanes if lane[-1].span.end_ms <= sound.span.start_ms), None)
        if free is None:
            lanes.append([sound])
        else:
            free.append(sound)
    return lanes


def _sample_at(time_ms: int) -> int:
    return time_ms * SAMPLE_RATE // 1000


def _lane(builder: _Builder, lane: Sequence[Sound], number: int) -> str:
    """Join a lane's sounds end to end, each padded with silence to where the next one starts."""
    labels, start = [], _sample_at(lane[0].span.start_ms)
    for order, sound in enumerate(lane):
        following = lane[order + 1].span.start_ms if order + 1 < len(lane) else sound.span.end_ms
        length = _sample_at(following) - _sample_at(sound.span.start_ms)
        labels.append(_clip(builder, sound, length))
    steps = [f"concat=n={len(labels)}:v=0:a=1"] if len(labels) > 1 else []
    steps += [f"adelay=delays={start}S:all=1"] if start else []
    return builder.chain("".join(labels), steps or ["anull"], f"[lane{number}]")


def _clip(builder: _Builder, sound: Sound, length: int) -> str:
    """Add one sound, exactly `length` samples long: its part of the source, looped or not, then silence."""
    loops = sound.loops and sound.pass_ms < sound.span.duration_ms
    options = ["-ss", f"{sound.seek_ms / 1000:.3f}"] if sound.seek_ms else []
    number = builder.input(*SAFE_INPUT, *options, "-vn", file=sound.source.file)
    one_pass, heard = _sample_at(sound.pass_ms), _sample_at(sound.span.duration_ms)
    steps = [_SOUND]
    if loops:
        steps += [f"apad=whole_len={one_pass}", f"atrim=end_sample={one_pass}", f"aloop=loop=-1:size={one_pass}"]
    steps += [f"atrim=end_sample={min(heard, length)}", f"volume={sound.volume:g}"]
    steps += [f"apad=whole_len={length}", f"atrim=end_sample={length}"]
    return builder.chain(f"[{number}:a:0]", steps, f"[a{number}]")
