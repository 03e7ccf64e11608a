"""Owns cutting a film into stretches, each a pile of layers of its own, one after another; pure data.

A film is one stretch unless a scene comes in over another, or a moving layer covers the canvas for a part of the film:
such a layer is then the base of its stretch, and nothing is laid over a background that is never seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from media_services.movie.settings import TransitionStyle
from media_services.placing import Box
from media_services.timeline import Layer, Span, Timeline, Transition


@dataclass(frozen=True)
class Shown:
    """A layer during a part of its span: the frames [first_frame, end_frame) of a stretch, from its frame `skip` on."""

    layer: Layer
    first_frame: int
    end_frame: int
    skip: int

    @property
    def frames(self) -> int:
        return self.end_frame - self.first_frame


Pile = tuple[Shown, ...]  # from the bottom to the top


@dataclass(frozen=True)
class Crossing:
    """Two piles of which the second comes in over the first during all of a stretch."""

    style: TransitionStyle
    going: Pile
    coming: Pile


@dataclass(frozen=True)
class Stretch:
    """A part of the film and what is seen in it: a crossing, if there is one, and layers above."""

    frames: int
    pile: Pile
    crossing: Crossing | None = None

    def piles(self) -> Iterator[Pile]:
        """Yield every pile."""
        if self.crossing:
            yield self.crossing.going
            yield self.crossing.coming
        yield self.pile


def stretches_of(timeline: Timeline) -> list[Stretch]:
    """Cut a film into the fewest stretches, in the order of time."""
    crossings = {transition.span.first_frame: transition for transition in timeline.transitions}
    cuts = sorted(cuts_of(timeline))
    return [_stretch(timeline, first, end, crossings.get(first)) for first, end in pairwise(cuts)]


def cuts_of(timeline: Timeline) -> set[int]:
    """Return the frames at which stretches begin or end."""
    cuts = {0, timeline.frames}
    for layer in timeline.layers:
        if not layer.is_still and covers(layer, timeline):
            ends = (layer.span.first_frame, layer.span.end_frame)
            cuts |= {frame for frame in ends if 0 < frame < timeline.frames}
    for transition in timeline.transitions:
        first, end = transition.span.first_frame, transition.span.end_frame
        cuts = {cut for cut in cuts if not first < cut < end} | {first, end}
    return cuts


def covers(layer: Layer, timeline: Timeline) -> bool:
    """Say whether nothing beneath a layer is seen while it is there."""
    return layer.is_opaque and layer.placement.box == Box(0, 0, timeline.width, timeline.height)


def _stretch(timeline: Timeline, first: int, end: int, transition: Transition | None) -> Stretch:
    layers = list(timeline.layers)
    if transition is None:
        return Stretch(end - first, _pile(layers, first, end))
    scenes = (transition.scene - 1, transition.scene)
    shown = [layer for layer in layers if layer.span.first_frame < end and layer.span.end_frame > first]
    highest = max((number for number, layer in enumerate(shown) if layer.scene in scenes), default=-1)
    going, coming = (
        _pile([layer for layer in shown[: highest + 1] if layer.scene in (None, scene)], first, end) for scene in scenes
    )
    return Stretch(end - first, _pile(shown[highest + 1 :], first, end), Crossing(transition.style, going, coming))


def _pile(layers: Sequence[Layer], first: int, end: int) -> Pile:
    """Return what is seen of layers between two frames, without what one opaque layer above hides all the time."""
    pile: list[Shown] = []
    for layer in reversed(layers):
        start, stop = max(layer.span.first_frame, first), min(layer.span.end_frame, end)
        shown = Shown(layer, start - first, stop - first, start - layer.span.first_frame)
        if start < stop and not any(_hides(above, shown) for above in pile):
            pile.append(shown)
    return tuple(reversed(pile))


def _hides(above: Shown, shown: Shown) -> bool:
    if not above.layer.is_opaque or shown.layer.look.turn is not None:  # its corners lie outside its box
        return False
    always = above.first_frame <= shown.first_frame and shown.end_frame <= above.end_frame
    box = shown.layer.placement.box
    return always and box.within(above.layer.placement.box) == box


def in_stretch(shown: Shown) -> Layer:
    """Return a layer as if the stretch were all of the film."""
    span = shown.layer.span
    return replace(shown.layer, span=Span(span.start_ms, span.end_ms, shown.first_frame, shown.end_frame))
