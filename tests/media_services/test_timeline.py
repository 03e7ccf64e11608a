"""Time and place: the rules of the format, exact to the frame."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from media_services.errors import MediaError
from media_services.media import MediaKind, Probe, Source
from media_services.movie.reading import read
from media_services.placing import Box
from media_services.timeline import frame_at
from media_services.timing import compute

SIZES = {"wide.png": (1600, 900), "small.png": (100, 50), "square.png": (400, 400)}


def source(src, kind):
    """Make a source from its name: `a-2500.mp3` lasts 2.5 s; `a-none.mp3` has no known length."""
    stem = src.rsplit(".", 1)[0]
    length = None if stem.endswith("-none") else int(stem.rsplit("-", 1)[1]) if kind is not MediaKind.IMAGE else 0
    width, height = (0, 0) if kind is MediaKind.AUDIO else SIZES.get(src, (640, 360))
    probe = Probe(kind, "x", length, width, height, fps=30.0, has_sound=kind is not MediaKind.IMAGE)
    return Source(src, Path(src), src, 1, probe)


def timeline(document, max_duration_ms=10**8):
    movie = read(document, allow_files=True)
    named = [element for element, _ in movie.elements()]
    sources = {(e.src, MediaKind(e.type)): source(e.src, MediaKind(e.type)) for e in named if hasattr(e, "src")}
    return compute(movie.projects[0], movie.pointers[0], sources, max_duration_ms=max_duration_ms)


def image(src="wide.png", **keys):
    return {"type": "image", "src": src, **keys}


def audio(ms, **keys):
    return {"type": "audio", "src": f"a-{ms}.mp3", **keys}


def video(ms, **keys):
    return {"type": "video", "src": f"v-{ms}.mp4", **keys}


def scenes(*lists, **keys):
    return {"resolution": "hd", "scenes": [{"elements": list(elements)} for elements in lists], **keys}


def scene_times(document):
    return [(scene.span.start_ms, scene.span.end_ms) for scene in timeline(document).scenes]


def layer_times(document):
    return [(layer.span.start_ms, layer.span.end_ms) for layer in timeline(document).layers]


def test_a_scene_lasts_as_long_as_its_longest_sound():
    assert scene_times(scenes([audio(2500), audio(1200), image()], [audio(700)])) == [(0, 2500), (2500, 3200)]


def test_a_stated_duration_wins_over_what_is_in_the_scene():
    document = {"scenes": [{"duration": 1.5, "elements": [audio(2500), image()]}]}
    assert scene_times(document) == [(0, 1500)]
    assert [(sound.span.start_ms, sound.span.end_ms) for sound in timeline(document).sounds] == [(0, 1500)]


def test_start_and_extra_time_lengthen_a_scene():
    assert scene_times(scenes([audio(1000, **{"start": 0.5, "extra-time": 0.25})])) == [(0, 1750)]


def test_an_image_fills_its_scene_and_never_lengthens_it():
    document = scenes([audio(2000), image(), image(start=0.5), image(duration=1)])
    assert layer_times(document) == [(0, 2000), (500, 2000), (0, 1000)]


def test_a_scene_with_only_an_image_lasts_five_seconds():
    assert scene_times(scenes([image()])) == [(0, 5000)]


def test_minus_two_lasts_as_long_as_the_scene():
    document = scenes([audio(2000), video(900, duration=-2), audio(5000, duration=-2)])
    assert scene_times(document) == [(0, 2000)]
    assert [(sound.span.start_ms, sound.span.end_ms) for sound in timeline(document).sounds] == [(0, 2000)] * 3


def test_seek_shortens_and_loop_lengthens():
    assert scene_times(scenes([audio(2000, seek=0.5)])) == [(0, 1500)]
    assert scene_times(scenes([audio(2000, seek=0.5, loop=2)])) == [(0, 4500)]


def test_an_endless_loop_fills_its_scene():
    document = scenes([audio(3000), audio(1000, loop=-1)])
    assert [(s.span.end_ms, s.pass_ms, s.loops) for s in timeline(document).sounds] == [
        (3000, 3000, False),
        (3000, 1000, True),
    ]


def test_a_seek_past_the_end_is_refused_at_its_place():
    with pytest.raises(MediaError) as caught:
        timeline(scenes([audio(2000, seek=2)]))
    assert caught.value.path == "/scenes/0/elements/0/seek"


def test_a_background_video_loops_to_the_end_of_the_film_and_lies_under_the_scenes():
    film = timeline(scenes([audio(2500), image()], elements=[video(1000)]))
    background, picture = film.layers
    assert (background.span.end_ms, background.loops, background.pass_ms) == (2500, True, 1000)
    assert background.placement.box == Box(0, 0, 1280, 720)
    assert picture.source.src == "wide.png"


def test_the_stated_duration_of_a_background_video_is_one_pass():
    (background,) = timeline({"scenes": [{"duration": 5}], "elements": [video(3000, duration=1.5)]}).layers
    assert (background.span.end_ms, background.pass_ms, background.loops) == (5000, 1500, True)


def test_project_audio_lies_under_the_film_and_never_lengthens_it():
    film = timeline(scenes([audio(2000)], elements=[audio(9000, volume=0.2)]))
    assert film.duration_ms == 2000
    assert [(sound.span.end_ms, sound.volume) for sound in film.sounds] == [(2000, 1), (2000, 0.2)]


def test_a_film_without_scenes_lasts_as_long_as_its_longest_element():
    assert timeline({"elements": [video(3000), audio(4500)]}).duration_ms == 4500
    assert timeline({"elements": [image()]}).duration_ms == 5000


def test_one_empty_scene_borrows_the_length_of_the_background():
    assert timeline({"scenes": [{}], "elements": [image(), video(3000)]}).duration_ms == 3000


def test_a_source_of_unknown_length_takes_the_fallback_with_a_warning():
    film = timeline(scenes([{"type": "audio", "src": "a-none.mp3"}], [{"type": "video", "src": "v-none.mp4"}]))
    assert film.duration_ms == 40_000
    assert [warning.path for warning in film.warnings] == ["/scenes/0/elements/0", "/scenes/1/elements/0"]


def test_muted_and_silent_elements_are_not_heard():
    assert (
        timeline(scenes([audio(1000, muted=True), video(1000, volume=0), audio(1000, volume=1)])).sounds[0].volume == 1
    )
    assert len(timeline(scenes([audio(1000, muted=True), video(1000, volume=0), audio(1000)])).sounds) == 1


def test_a_film_that_is_too_long_is_refused():
    with pytest.raises(MediaError, match=r"up to 1 s"):
        timeline(scenes([audio(2000)]), max_duration_ms=1000)


def names(document):
    return [layer.source.src if layer.source else layer.colour for layer in timeline(document).layers]


def test_layers_are_ordered_by_z_index_then_by_place_in_the_document():
    document = scenes([image("small.png", **{"z-index": 2}), image("wide.png"), image("square.png", **{"z-index": -1})])
    assert names(document) == ["square.png", "wide.png", "small.png"]


def test_a_logo_lies_over_all_scenes_and_a_backdrop_under_them():
    logo, backdrop = image("small.png", position="top-right"), image("square.png", resize="cover")
    assert names(scenes([image()], elements=[logo, backdrop])) == ["square.png", "wide.png", "small.png"]


def test_a_stated_scene_colour_hides_the_background_and_the_default_black_does_not():
    coloured = {"background-color": "#102030", "duration": 1, "elements": [image(**{"z-index": -5})]}
    assert names({"scenes": [coloured], "elements": [video(1000, **{"z-index": -9})]}) == [
        "v-1000.mp4",
        "#102030",
        "wide.png",
    ]
    transparent = {"background-color": "transparent", "duration": 1}
    assert names({"scenes": [transparent], "elements": [video(1000)]}) == ["v-1000.mp4"]


@pytest.mark.parametrize("fps", ["23.976", "25", "29.97", "30", "60"])
def test_a_film_of_400_scenes_does_not_drift_by_a_frame(fps):
    lengths = [4500 + (number * 37) % 91 for number in range(400)]
    film = timeline(scenes(*[[audio(ms)] for ms in lengths], fps=float(fps)))
    exact = film.fps * sum(lengths) / 1000
    assert film.frames == int(exact + Fraction(1, 2))
    assert film.scenes[-1].span.end_frame == film.frames
    assert all(before.span.end_frame == after.span.first_frame for before, after in pairwise(film.scenes))
    assert all(abs(s.span.first_frame - film.fps * s.span.start_ms / 1000) <= Fraction(1, 2) for s in film.scenes)


def test_the_sound_track_is_as_long_as_the_frames():
    film = timeline(scenes([audio(3333)], fps=29.97))
    assert film.frames == 100
    assert film.samples == round(100 * 48000 * 1001 / 30000)


@pytest.mark.parametrize(("time_ms", "frame"), [(0, 0), (16, 0), (17, 1), (50, 2), (1000, 30), (1001, 30)])
def test_times_are_put_on_the_nearest_frame(time_ms, frame):
    assert frame_at(time_ms, Fraction(30)) == frame


def test_the_size_is_that_of_the_first_background_video_when_nothing_states_it():
    assert timeline({"elements": [video(1000)]}).width == 640
    assert timeline({"scenes": [{"elements": [image()]}]}).width == 1920


def crossing(*lengths, **keys):
    made = [{"duration": ms / 1000, "transition": {"style": "fade", "duration": 1}} for ms in lengths]
    made[0].pop("transition")
    return timeline({"scenes": made, "resolution": "hd", "fps": 10, **keys})


def test_a_transition_overlaps_the_two_scenes_by_its_duration():
    film = crossing(3000, 2000, 4000)
    assert [(scene.span.start_ms, scene.span.end_ms) for scene in film.scenes] == [
        (0, 3000),
        (2000, 4000),
        (3000, 7000),
    ]
    assert [(t.scene, t.span.first_frame, t.span.end_frame) for t in film.transitions] == [(1, 20, 30), (2, 30, 40)]
    assert film.duration_ms == 7000


def test_a_transition_is_no_longer_than_its_scenes_and_says_so():
    film = crossing(3000, 600, 4000)
    assert [(t.span.start_ms, t.span.end_ms) for t in film.transitions] == [(2400, 3000)]
    assert [warning.code for warning in film.warnings] == ["short-transition", "short-transition"]
    assert film.warnings[0].path == "/scenes/1/transition/duration"


def test_the_first_scene_comes_in_over_nothing():
    film = timeline({"scenes": [{"duration": 3, "transition": {"duration": 1}}], "fps": 10})
    assert [(t.scene, t.span.start_ms, t.span.end_ms) for t in film.transitions] == [(0, 0, 1000)]
    assert film.duration_ms == 3000


def test_a_film_with_400_transitions_does_not_drift():
    film = crossing(*[2000 + (number * 37) % 91 for number in range(400)], fps=29.97)
    assert film.frames == frame_at(film.duration_ms, film.fps)
    assert all(t.span.end_frame == film.scenes[t.scene - 1].span.end_frame for t in film.transitions)
    assert all(t.span.first_frame == film.scenes[t.scene].span.first_frame for t in film.transitions)


def test_sounds_are_cross_faded_where_a_scene_comes_in():
    made = scenes([audio(3000)], [audio(3000)])
    made["scenes"][1]["transition"] = {"duration": 1}
    first, second = timeline(made).sounds
    assert [(f.rises, f.start_ms, f.end_ms) for f in first.fades] == [(False, 2000, 3000)]
    assert [(f.rises, f.start_ms, f.end_ms) for f in second.fades] == [(True, 2000, 3000)]


def test_fades_of_an_element_are_those_of_its_sound():
    (sound,) = timeline(scenes([audio(3000, **{"fade-in": 0.5, "fade-out": 1})])).sounds
    assert [(f.rises, f.start_ms, f.end_ms) for f in sound.fades] == [(True, 0, 500), (False, 2000, 3000)]


def test_a_crop_decides_the_natural_size():
    (layer,) = timeline(scenes([image(crop={"x": "50%", "y": 100, "width": 400})])).layers
    assert layer.placement.cut == Box(800, 100, 400, 800)
    assert layer.placement.scaled == (360, 720)


def test_a_picture_that_is_too_large_to_be_turned_is_refused_at_its_place():
    with pytest.raises(MediaError, match="8192") as caught:
        timeline(scenes([image(width=90_000, rotate={"angle": 10})]))
    assert caught.value.path == "/scenes/0/elements/0"


def test_a_text_fills_its_scene_and_gives_it_five_seconds():
    (layer,) = timeline(scenes([{"type": "text", "text": "Hello", "width": 300, "height": 100, "x": 20}])).layers
    assert (layer.span.end_ms, layer.placement.box) == (5000, Box(20, 0, 300, 100))


def test_a_text_has_no_source_to_be_cropped_and_is_even_where_filters_make_it():
    text = {"type": "text", "text": "Hello", "height": 21, "crop": {"width": 1}, "correction": {"brightness": 0.2}}
    (layer,) = timeline(scenes([text])).layers
    assert layer.placement.cut is None
    assert (layer.placement.box.width % 2, layer.placement.box.height % 2) == (0, 0)
