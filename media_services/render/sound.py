"""Owns the sound track: sounds in as few lanes as do not overlap, mixed, limited, exactly as long as the film."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from media_services.opening import OWN_INPUT, SAFE_INPUT
from media_services.render.builder import Builder, Graph
from media_services.timeline import SAMPLE_RATE, Sound, Timeline

MAX_INPUTS = 64  # that one FFmpeg mixes; what is more is mixed in bundles before

_SOUND = f"aresample={SAMPLE_RATE}:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo"
_CENTRED = "pan=stereo|c0=c0|c1=c0"  # as loud on either side as it is; FFmpeg itself makes it 3 dB fainter
_LIMITER = "alimiter=limit=0.97:level=0:latency=1"
_CLICK_MS = 5  # a sound that is cut in its midst rises and falls within so many milliseconds
_BUNDLE = (
    "-map",
    "[sound]",
    "-c:a",
    "pcm_f32le",
    "-f",
    "w64",
)  # 32 bits may be louder than what can be heard in the end


@dataclass(frozen=True)
class Clip:
    """Something heard for `length` samples from the sample `start` on: a file, how it is read, what is done to it."""

    start: int
    length: int
    file: Path
    options: tuple[str, ...]
    filters: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        return self.start + self.length


Mix = Callable[[Graph, Sequence[str], Path], None]  # runs FFmpeg with a graph and output options, into a file


def track(timeline: Timeline, folder: Path, mix: Mix) -> Graph:
    """Return the graph of a film's sound track as [sound]; of many sounds, bundles are mixed into `folder` first."""
    clips = sorted(map(_clip, timeline.sounds), key=lambda clip: clip.start)
    while len(clips) > MAX_INPUTS:
        groups = [clips[first : first + MAX_INPUTS] for first in range(0, len(clips), MAX_INPUTS)]
        clips = [_bundled(group, folder, mix) for group in groups]
    builder = Builder(timeline.fps)
    samples = timeline.samples
    if clips:
        end = [_LIMITER, f"apad=whole_len={samples}", f"atrim=end_sample={samples}"]
        builder.chain(_mixed(builder, clips), end, "[sound]")
    else:
        silence = f"anullsrc=channel_layout=stereo:sample_rate={SAMPLE_RATE},atrim=end_sample={samples}"
        builder.chain("", [silence], "[sound]")
    return builder.graph()


def _bundled(clips: Sequence[Clip], folder: Path, mix: Mix) -> Clip:
    """Mix clips into a file of their own."""
    start, end = clips[0].start, max(clip.end for clip in clips)
    file = folder / f"bundle-{start}-{len(list(folder.glob('bundle-*')))}.w64"
    builder = Builder(Fraction(SAMPLE_RATE))
    mixed = _mixed(builder, [replace(clip, start=clip.start - start) for clip in clips])
    builder.chain(mixed, [f"apad=whole_len={end - start}", f"atrim=end_sample={end - start}"], "[sound]")
    mix(builder.graph(), _BUNDLE, file)
    return Clip(start, end - start, file, (*OWN_INPUT, "-f", "w64"))


def _mixed(builder: Builder, clips: Sequence[Clip]) -> str:
    lanes = [_lane(builder, lane) for lane in lanes_of(clips)]
    if len(lanes) == 1:
        return lanes[0]
    return builder.chain("".join(lanes), [f"amix=inputs={len(lanes)}:normalize=0:duration=longest"])


def lanes_of(clips: Sequence[Clip]) -> list[list[Clip]]:
    """Part clips, given in the order of time, into the fewest lanes in which none overlaps another."""
    lanes: list[list[Clip]] = []
    for clip in clips:
        free = next((lane for lane in lanes if lane[-1].end <= clip.start), None)
        if free is None:
            lanes.append([clip])
        else:
            free.append(clip)
    return lanes


def _lane(builder: Builder, lane: Sequence[Clip]) -> str:
    """Join a lane's clips end to end, each padded with silence to where the next one starts."""
    labels, start = [], lane[0].start
    for order, clip in enumerate(lane):
        until = lane[order + 1].start if order + 1 < len(lane) else clip.end
        number = builder.input(*clip.options, file=clip.file)
        room = [f"apad=whole_len={until - clip.start}", f"atrim=end_sample={until - clip.start}"]
        labels.append(builder.chain(f"[{number}:a:0]", [*clip.filters, *room]))
    steps = [f"concat=n={len(labels)}:v=0:a=1"] if len(labels) > 1 else []
    steps += [f"adelay=delays={start}S:all=1"] if start else []
    return builder.chain("".join(labels), steps or ["anull"])


def _sample_at(time_ms: int) -> int:
    return time_ms * SAMPLE_RATE // 1000


def _clip(sound: Sound) -> Clip:
    """Return what of a sound is heard: its part of the source, looped or not, as loud as it should be."""
    start, end = _sample_at(sound.span.start_ms), _sample_at(sound.span.end_ms)
    loops = sound.loops and sound.pass_ms < sound.span.duration_ms
    options = ["-ss", f"{sound.seek_ms / 1000:.3f}"] if sound.seek_ms else []
    one_pass = _sample_at(sound.pass_ms)
    steps = [_CENTRED, _SOUND] if sound.source.probe.channels == 1 else [_SOUND]
    if loops:
        steps += [f"apad=whole_len={one_pass}", f"atrim=end_sample={one_pass}", f"aloop=loop=-1:size={one_pass}"]
    steps += [f"atrim=end_sample={end - start}", *_fades(sound), f"volume={sound.volume:g}"]
    return Clip(start, end - start, sound.source.file, (*SAFE_INPUT, *options, "-vn"), tuple(steps))


def _fades(sound: Sound) -> Iterator[str]:
    """Yield the filters by which a sound rises and falls: as is asked for, else so fast that no click is heard."""
    start_ms, length_ms = sound.span.start_ms, sound.span.duration_ms
    click_ms = min(_CLICK_MS, length_ms // 2)
    if sound.seek_ms and not any(fade.rises for fade in sound.fades):
        yield _fade("in", 0, click_ms)
    plays_on = sound.loops or sound.pass_ms > length_ms
    if plays_on and not any(not fade.rises and fade.end_ms <= sound.span.end_ms for fade in sound.fades):
        yield _fade("out", length_ms - click_ms, click_ms)
    for fade in sound.fades:
        first_ms = max(fade.start_ms - start_ms, 0)
        yield _fade("in" if fade.rises else "out", first_ms, fade.end_ms - start_ms - first_ms)


def _fade(way: str, start_ms: int, length_ms: int) -> str:
    first, samples = _sample_at(start_ms), max(_sample_at(length_ms), 1)
    return f"afade=t={way}:start_sample={first}:nb_samples={samples}:curve=qsin"
