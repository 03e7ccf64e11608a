"""Owns which parts of a moving source are read for some frames of its layer, and at what times they are shown."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from media_services.timeline import Layer

MAX_LOOP_MS = 60_000  # the longest pass that is made a file for being looped
PASS_GOP = 15  # the frames from one keyframe of such a file to the next, so that it may be entered anywhere for little
PASS_FPS = 25  # by its timestamps, which say nothing but the order

# A picture due midway between two frames of the film is taken for late, however its timestamp is rounded on the way.
_LATE_S = Fraction(1, 10_000)


@dataclass(frozen=True)
class Piece:
    """A part of a source that is shown for some frames: FFmpeg's input options, and filters that set its times.

    Its pictures begin at time 0. `is_cut` says that some may be read that lie before it.
    """

    frames: int
    options: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    is_cut: bool = False


def is_looped(layer: Layer) -> bool:
    """Say whether a moving layer is seen for longer than one pass, which is played over."""
    return layer.moves and layer.loops and layer.pass_ms < layer.span.duration_ms


def pieces_of(layer: Layer, first: int, end: int, fps: Fraction) -> list[Piece]:
    """Return what is played in the frames [first, end) of a layer."""
    if layer.prepared:
        return [_over_and_over(layer, first, end, fps)]
    if is_looped(layer):
        return list(_passes(layer, first, end, fps))
    return [_part(layer, Fraction(first) / fps, end - first, fps)]


def _over_and_over(layer: Layer, first: int, end: int, fps: Fraction) -> Piece:
    """Loop a prepared pass from where it is at a frame; the time of each picture follows from its number.

    It is entered at a keyframe. Once it was, FFmpeg takes a pass for as long as what it has read of the first one, so
    its own timestamps are of no use.
    """
    assert layer.source is not None
    frames = layer.source.probe.frames or 1
    one_pass = Fraction(layer.pass_ms, 1000)
    rate = frames / one_pass
    played = first / fps % one_pass
    entered = math.floor(played * rate) // PASS_GOP * PASS_GOP
    options = ["-noaccurate_seek", "-ss", f"{(entered + 0.25) / PASS_FPS:.6f}"] if entered else []
    gone_s = played - entered / rate - _LATE_S
    times = f"setpts='(N/{float(rate):.9f}-{float(gone_s):.9f})/TB'"
    return Piece(end - first, ("-stream_loop", "-1", *options), ("settb=AVTB", times))


def _passes(layer: Layer, first: int, end: int, fps: Fraction) -> Iterator[Piece]:
    """Part what is played into passes, each from the first frame that shows it."""
    one_pass = Fraction(layer.pass_ms, 1000)
    while first < end:
        number = Fraction(first) / fps // one_pass
        next_pass = min(math.ceil((number + 1) * one_pass * fps), end)
        yield _part(layer, Fraction(first) / fps - number * one_pass, next_pass - first, fps)
        first = next_pass


def _part(layer: Layer, after_s: Fraction, frames: int, fps: Fraction) -> Piece:
    """Play a source once, from some seconds after its seek; behind its end the last picture stays.

    Amid it, it is read from a keyframe before, for the picture that is seen first may have begun earlier.
    """
    at_s = Fraction(layer.seek_ms, 1000) + min(after_s, Fraction(layer.pass_ms, 1000))
    from_s = math.floor(at_s)  # whole seconds are exact in the timestamps of any file
    shift_us = round((from_s - at_s + _LATE_S) * 1_000_000)
    filters = ["settb=AVTB", f"setpts=PTS{shift_us:+}", f"trim=end={float(frames / fps) + 1:.6f}"]
    if not at_s:
        return Piece(frames, (), tuple(filters))
    filters += [f"fps={fps.numerator}/{fps.denominator}", "tpad=stop=-1:stop_mode=clone", "trim=start=0"]
    options = ("-noaccurate_seek", "-ss", str(from_s)) if from_s else ()
    return Piece(frames, options, (*filters, "setpts=PTS-STARTPTS"), is_cut=True)
