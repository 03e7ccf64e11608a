"""How a film is cut into stretches, and what is left out of them because it is never seen."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from media_services.media import MediaKind, Probe, Source
from media_services.movie.document import Quality
from media_services.movie.settings import TransitionStyle
from media_services.placing import Box, Placement
from media_services.render.stretches import stretches_of
from media_services.timeline import Layer, Look, Motion, Span, Timeline, Transition, Turn

WHOLE = Placement.whole(64, 48)
SMALL = Placement(Box(0, 0, 20, 20), (20, 20))
ZOOM = Look(motion=Motion(1, 1.5))


def span(first, end):
    return Span(first * 100, end * 100, first, end)


def layer(name, first, end, *, placement=WHOLE, kind=MediaKind.IMAGE, has_alpha=False, **keys):
    source = Source(name, Path(name), name, 1, Probe(kind, "x", 1000, 64, 48, fps=10.0, has_alpha=has_alpha))
    return Layer(span(first, end), placement, "/", source, **keys)


def clip(name, first, end, **keys):
    return layer(name, first, end, kind=MediaKind.VIDEO, **keys)


def cut(*layers, frames=20, transitions=()):
    film = Timeline(64, 48, Fraction(10), frames, frames * 100, Quality.MEDIUM, (), layers, ())
    return stretches_of(replace(film, transitions=transitions))


def seen(pile):
    return [(shown.layer.source.src, shown.first_frame, shown.end_frame, shown.skip) for shown in pile]


def test_a_film_over_one_background_is_one_stretch():
    (stretch,) = cut(clip("back", 0, 20), layer("logo", 5, 10, placement=SMALL))
    assert stretch.frames == 20
    assert seen(stretch.pile) == [("back", 0, 20, 0), ("logo", 5, 10, 0)]


def test_clips_that_cover_the_canvas_one_after_another_are_each_the_base_of_a_stretch():
    first, second = cut(clip("a", 0, 12), clip("b", 12, 20), layer("logo", 0, 20, placement=SMALL))
    assert (first.frames, second.frames) == (12, 8)
    assert seen(first.pile) == [("a", 0, 12, 0), ("logo", 0, 12, 0)]
    assert seen(second.pile) == [("b", 0, 8, 0), ("logo", 0, 8, 12)]


def test_what_is_hidden_all_the_time_is_left_out():
    (stretch,) = cut(clip("back", 0, 20), layer("cover", 0, 20))
    assert seen(stretch.pile) == [("cover", 0, 20, 0)]
    through = cut(clip("back", 0, 20), layer("cover", 0, 20, look=Look(opacity=0.5)))
    assert [len(stretch.pile) for stretch in through] == [2]
    glass = cut(clip("back", 0, 20), layer("cover", 0, 20, has_alpha=True))
    assert [len(stretch.pile) for stretch in glass] == [2]


def test_a_turned_picture_is_not_taken_for_hidden_by_what_covers_its_box():
    (stretch,) = cut(
        layer("turned", 0, 20, placement=SMALL, look=Look(turn=Turn(45))), layer("cover", 0, 20, placement=SMALL)
    )
    assert len(stretch.pile) == 2


def test_a_background_under_a_zoomed_picture_is_not_seen_in_its_stretch():
    first, second = cut(clip("back", 0, 20), layer("near", 8, 20, look=ZOOM))
    assert seen(first.pile) == [("back", 0, 8, 0)]
    assert seen(second.pile) == [("near", 0, 12, 0)]


def test_in_a_transition_both_scenes_are_piled_up_and_what_lies_above_is_not_crossed():
    transition = Transition(TransitionStyle.FADE, 1, span(8, 12))
    before, during, after = cut(
        clip("back", 0, 20),
        layer("a", 0, 12, placement=SMALL, scene=0),
        layer("b", 8, 20, placement=SMALL, scene=1),
        layer("logo", 0, 20, placement=SMALL, look=Look(opacity=0.5)),
        transitions=(transition,),
    )
    assert [stretch.frames for stretch in (before, during, after)] == [8, 4, 8]
    assert seen(before.pile) == [("back", 0, 8, 0), ("a", 0, 8, 0), ("logo", 0, 8, 0)]
    assert seen(during.crossing.going) == [("back", 0, 4, 8), ("a", 0, 4, 8)]
    assert seen(during.crossing.coming) == [("back", 0, 4, 8), ("b", 0, 4, 0)]
    assert seen(during.pile) == [("logo", 0, 4, 8)]
    assert seen(after.pile) == [("back", 0, 8, 12), ("b", 0, 8, 4), ("logo", 0, 8, 12)]


def test_a_transition_is_never_cut_in_its_midst():
    transition = Transition(TransitionStyle.FADE, 1, span(8, 12))
    stretches = cut(
        clip("a", 0, 10, scene=0), clip("b", 8, 20, scene=1), clip("c", 9, 20, scene=1), transitions=(transition,)
    )
    assert [stretch.frames for stretch in stretches] == [8, 4, 8]
    assert sum(stretch.crossing is not None for stretch in stretches) == 1
