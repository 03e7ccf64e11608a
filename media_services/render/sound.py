"""Owns the sound track's part of the graph: sounds in as few lanes as do not overlap, mixed, limited, exactly long."""

from collections.abc import Iterator, Sequence

from media_services.ffmpeg import SAFE_INPUT
from media_services.render.builder import Builder
from media_services.timeline import SAMPLE_RATE, Sound, Timeline

_SOUND = f"aresample={SAMPLE_RATE}:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo"
_CENTRED = "pan=stereo|c0=c0|c1=c0"  # as loud on either side as it is; FFmpeg itself makes it 3 dB fainter
_LIMITER = "alimiter=limit=0.97:level=0:latency=1"
_CLICK_MS = 5  # a sound that is cut in its midst rises and falls within so many milliseconds


def add_sounds(builder: Builder, timeline: Timeline) -> None:
    """Lay sounds into lanes, mix the lanes, limit the sum, and cut it to the film's length, as [sound]."""
    samples = timeline.samples
    lanes = [_lane(builder, lane) for lane in lanes_of(timeline.sounds)]
    if not lanes:
        silence = f"anullsrc=channel_layout=stereo:sample_rate={SAMPLE_RATE},atrim=end_sample={samples}"
        builder.chain("", [silence], "[sound]")
        return
    mixed = lanes[0]
    if len(lanes) > 1:
        mixed = builder.chain("".join(lanes), [f"amix=inputs={len(lanes)}:normalize=0:duration=longest"])
    builder.chain(mixed, [_LIMITER, f"apad=whole_len={samples}", f"atrim=end_sample={samples}"], "[sound]")


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


def _lane(builder: Builder, lane: Sequence[Sound]) -> str:
    """Join a lane's sounds end to end, each padded with silence to where the next one starts."""
    labels, start = [], _sample_at(lane[0].span.start_ms)
    for order, sound in enumerate(lane):
        following = lane[order + 1].span.start_ms if order + 1 < len(lane) else sound.span.end_ms
        length = _sample_at(following) - _sample_at(sound.span.start_ms)
        labels.append(_clip(builder, sound, length))
    steps = [f"concat=n={len(labels)}:v=0:a=1"] if len(labels) > 1 else []
    steps += [f"adelay=delays={start}S:all=1"] if start else []
    return builder.chain("".join(labels), steps or ["anull"])


def _clip(builder: Builder, sound: Sound, length: int) -> str:
    """Add one sound, exactly `length` samples long: its part of the source, looped or not, then silence."""
    loops = sound.loops and sound.pass_ms < sound.span.duration_ms
    options = ["-ss", f"{sound.seek_ms / 1000:.3f}"] if sound.seek_ms else []
    number = builder.input(*SAFE_INPUT, *options, "-vn", file=sound.source.file)
    one_pass, heard = _sample_at(sound.pass_ms), _sample_at(sound.span.duration_ms)
    steps = [_CENTRED, _SOUND] if sound.source.probe.channels == 1 else [_SOUND]
    if loops:
        steps += [f"apad=whole_len={one_pass}", f"atrim=end_sample={one_pass}", f"aloop=loop=-1:size={one_pass}"]
    steps += [f"atrim=end_sample={min(heard, length)}", *_fades(sound), f"volume={sound.volume:g}"]
    steps += [f"apad=whole_len={length}", f"atrim=end_sample={length}"]
    return builder.chain(f"[{number}:a:0]", steps)


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
