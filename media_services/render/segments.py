"""Owns cutting a film into segments that are encoded each by itself, and joined: where the cuts are, what is in each.

A cut lies where a scene or a stretch begins, never within a transition; what is longer than it should be is cut evenly.
So what FFmpeg has open and in memory at once does not grow with the film. Pure data.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from media_services.render.stretches import cuts_of
from media_services.timeline import Layer, Span, Timeline, Transition

# Starting an encoder costs about as much as encoding two frames at 1080p; these are at least twenty times that.
_LEAST_PIXELS = 80_000_000
_LEAST_S = 2
_MOST_TIMES = 4  # the least
_MOST_STRETCHES = 8


@dataclass(frozen=True)
class Segment:
    """The frames [first_frame, end_frame) of a film."""

    first_frame: int
    end_frame: int

    @property
    def frames(self) -> int:
        return self.end_frame - self.first_frame


def segments_of(timeline: Timeline) -> list[Segment]:
    """Cut a film into segments, in the order of time."""
    least = max(math.ceil(_LEAST_S * timeline.fps), math.ceil(_LEAST_PIXELS / (timeline.width * timeline.height)))
    return [Segment(first, end) for first, end in pairwise(_cuts(timeline, least))]


def _cuts(timeline: Timeline, least: int) -> Iterator[int]:
    """Yield the frames at which segments begin, and the film's end.

    A segment has at least `least` frames, unless so much happens in it that fewer are enough work, or it is the last.
    """
    begun = number = 0
    yield 0
    stretches = cuts_of(timeline)
    for cut in _places(timeline, stretches, least):
        number += cut in stretches
        is_long = cut - begun >= least
        if cut < timeline.frames and (is_long or number >= _MOST_STRETCHES):
            begun, number = cut, 0
            yield cut
    yield timeline.frames


def _places(timeline: Timeline, stretches: set[int], least: int) -> Iterator[int]:
    """Yield the frames at which the film may be cut: where something begins, and amid what is long."""
    inside = {
        frame
        for transition in timeline.transitions
        for frame in range(transition.span.first_frame + 1, transition.span.end_frame)
    }
    crossed = {(transition.span.first_frame, transition.span.end_frame) for transition in timeline.transitions}
    begins = {scene.span.first_frame for scene in timeline.scenes if scene.span.first_frame < timeline.frames}
    for first, end in pairwise(sorted((begins - inside) | stretches)):
        pieces = 1 if (first, end) in crossed else max(1, (end - first) // (least * _MOST_TIMES))
        yield from (first + (end - first) * piece // pieces for piece in range(1, pieces + 1))


def part_of(timeline: Timeline, segment: Segment) -> Timeline:
    """Return a segment's pictures as a film of its own, in which layers may begin before it and end behind it.

    It says nothing of where in the film it lies: spans count milliseconds from their own start, scenes from the first.
    """
    layers = [layer for layer in timeline.layers if is_in(layer.span, segment)]
    transitions = [transition for transition in timeline.transitions if is_in(transition.span, segment)]
    scenes = [layer.scene for layer in layers if layer.scene is not None]
    lowest = min([*scenes, *(transition.scene - 1 for transition in transitions)], default=0)

    def layer_in(layer: Layer) -> Layer:
        scene = None if layer.scene is None else layer.scene - lowest
        return replace(layer, span=_moved(layer.span, segment), scene=scene)

    def transition_in(transition: Transition) -> Transition:
        return replace(transition, span=_moved(transition.span, segment), scene=transition.scene - lowest)

    return replace(
        timeline,
        frames=segment.frames,
        duration_ms=round(segment.frames * 1000 / timeline.fps),
        scenes=(),
        layers=tuple(map(layer_in, layers)),
        sounds=(),
        captions=(),
        transitions=tuple(map(transition_in, transitions)),
        warnings=(),
    )


def is_in(span: Span, segment: Segment) -> bool:
    """Say whether anything of a span is in a segment."""
    return span.first_frame < segment.end_frame and span.end_frame > segment.first_frame


def _moved(span: Span, segment: Segment) -> Span:
    first = segment.first_frame
    return Span(0, span.duration_ms, span.first_frame - first, span.end_frame - first)
