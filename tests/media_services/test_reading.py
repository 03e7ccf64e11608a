"""Reading a document: what is put right, what is refused, and where each problem is said to be."""

import pytest

from media_services.errors import DocumentError
from media_services.movie.reading import read

IMAGE = {"type": "image", "src": "https://example.com/a.png"}
AUDIO = {"type": "audio", "src": "https://example.com/a.mp3"}


def film(*elements, **keys):
    return {"scenes": [{"elements": list(elements)}], **keys}


def problems(document, **options):
    with pytest.raises(DocumentError) as caught:
        read(document, **options)
    return [(problem.path, problem.code) for problem in caught.value.problems]


def warnings(document):
    return [(warning.path, warning.code) for warning in read(document).warnings]


def test_one_project_is_an_array_of_one():
    assert read(film(IMAGE)).projects == read([film(IMAGE)]).projects


def test_pointers_start_at_what_was_posted():
    assert [path for _, path in read(film(IMAGE)).sources()] == ["/scenes/0/elements/0/src"]
    assert [path for _, path in read([film(IMAGE)]).sources()] == ["/0/scenes/0/elements/0/src"]


def test_all_errors_are_reported_at_once_in_the_order_of_the_document():
    document = [
        film(
            {"type": "vidio"}, {"type": "image"}, {**AUDIO, "start": -1}, {"type": "image", "src": "ftp://x/y"}, fps=0
        ),
        {},
    ]
    assert problems(document) == [
        ("/0/fps", "out-of-range"),
        ("/0/scenes/0/elements/0/type", "unknown-type"),
        ("/0/scenes/0/elements/1/src", "missing"),
        ("/0/scenes/0/elements/2/start", "out-of-range"),
        ("/0/scenes/0/elements/3/src", "invalid-value"),
        ("/1", "empty"),
    ]


@pytest.mark.parametrize("document", [None, 3, "film", [], [None], [[]], {"scenes": 3}, {"scenes": [{"elements": {}}]}])
def test_what_is_no_document_is_refused(document):
    assert problems(document)


@pytest.mark.parametrize("duration", [0, -3, -0.5, float("nan"), float("inf"), "long", 1e9])
def test_durations_that_mean_nothing_are_refused(duration):
    assert [path for path, _ in problems(film({**AUDIO, "duration": duration}))] == ["/scenes/0/elements/0/duration"]


@pytest.mark.parametrize("duration", [1, 0.04, -1, -2, "2.5"])
def test_durations_that_mean_something_are_read(duration):
    assert read(film({**AUDIO, "duration": duration})).projects[0].scenes[0].elements[0].duration == float(duration)


def test_keys_spelt_otherwise_are_read_and_reported_where_they_stand():
    document = film({**IMAGE, "z_index": 3, "zIndex": 4, "fit": "cover"}, background_color="red")
    assert warnings(document) == [
        ("/scenes/0/elements/0/z_index", "alias"),
        ("/scenes/0/elements/0/zIndex", "alias"),
        ("/scenes/0/elements/0/fit", "alias"),
        ("/background_color", "unknown-key"),
    ]
    assert read(document).projects[0].scenes[0].elements[0].z_index == 3


def test_an_error_under_a_key_spelt_otherwise_is_reported_at_that_key():
    assert problems(film({**IMAGE, "z_index": 1000})) == [("/scenes/0/elements/0/z_index", "out-of-range")]


def test_an_unknown_key_is_reported_with_the_nearest_one():
    (warning,) = read(film(IMAGE, resolutoin="hd")).warnings
    assert warning.message == "'resolutoin' is not a key here; did you mean 'resolution'?"


def test_strict_makes_every_warning_an_error():
    assert problems(film(IMAGE, resolutoin="hd"), strict=True) == [("/resolutoin", "unknown-key")]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("bottom", "bottom-center"), ("center", "center-center"), ("left", "center-left"), ("left-top", "top-left"),
     ("center-top", "top-center"), ("center-right", "center-right"), ("Bottom_Right", "bottom-right"),
     ("custom", "custom")],
)  # fmt: skip
def test_positions_are_read_in_either_order(written, read_as):
    assert read(film({**IMAGE, "position": written})).projects[0].scenes[0].elements[0].position == read_as


def test_null_means_absent():
    assert read(film({**IMAGE, "x": None, "duration": None}, fps=None)).warnings == []


@pytest.mark.parametrize("length", ["60px", "10vw", "80%", "-5", 12, -1])
def test_lengths_may_carry_a_unit(length):
    assert read(film({**IMAGE, "width": length})).projects


@pytest.mark.parametrize("length", ["wide", "10em", [], True, 1e9, float("nan")])
def test_what_is_no_length_is_refused_once(length):
    assert problems(film({**IMAGE, "width": length})) == [("/scenes/0/elements/0/width", "invalid-value")]


@pytest.mark.parametrize(
    ("keys", "size"),
    [({"resolution": "sd"}, (640, 360)), ({"resolution": "full-hd"}, (1920, 1080)),
     ({"resolution": "641x359"}, (642, 360)),
     ({"resolution": "instagram-story"}, (1080, 1920)), ({"width": 301, "height": 200}, (302, 200)),
     ({"resolution": "hd", "width": 800}, (800, 720)),
     ({"resolution": "custom", "width": 320, "height": 240}, (320, 240)),
     ({}, None)],
)  # fmt: skip
def test_the_size_of_a_film(keys, size):
    assert read(film(IMAGE, **keys)).projects[0].stated_size() == size


@pytest.mark.parametrize(
    ("fps", "exact"), [(30, "30"), (29.97, "30000/1001"), (23.976, "24000/1001"), (59.94, "60000/1001"), (12.5, "25/2")]
)
def test_frame_rates_are_exact(fps, exact):
    assert str(read(film(IMAGE, fps=fps)).projects[0].frame_rate) == exact


def test_an_empty_scene_needs_a_duration_unless_it_is_the_only_one_over_a_background():
    video = {"type": "video", "src": "https://example.com/a.mp4"}
    assert problems({"scenes": [{}, {"elements": [IMAGE]}]}) == [("/scenes/0", "empty")]
    assert read({"scenes": [{}], "elements": [video]}).projects
    assert read({"scenes": [{"duration": 2}, {"elements": [IMAGE]}]}).projects


def test_what_would_change_the_film_and_is_not_rendered_yet_is_refused():
    assert problems(film({"type": "text", "text": "hello"})) == [("/scenes/0/elements/0/type", "unknown-type")]
    assert problems(film(IMAGE, format="webm")) == [("/format", "not-offered")]
    assert read(film(IMAGE, format="mp4")).warnings == []


def test_paths_are_sources_only_for_a_caller_who_is_trusted():
    document = film({"type": "image", "src": "media/a.png"})
    assert problems(document) == [("/scenes/0/elements/0/src", "invalid-value")]
    assert read(document, allow_files=True).projects


@pytest.mark.parametrize("colour", ["red", "#f00", "#ff0000", "rgb(255,0,0)", "rgba(255, 0, 0, 1)", "#ff0000ff", "RED"])
def test_colours_are_read_in_every_notation(colour):
    document = {"scenes": [{"background-color": colour, "duration": 1}]}
    assert read(document).projects[0].scenes[0].background_color in {"#ff0000", "#ff0000ff"}


def test_what_is_no_colour_is_refused():
    assert problems({"scenes": [{"background-color": "loud", "duration": 1}]}) == [
        ("/scenes/0/background-color", "invalid-value")
    ]


@pytest.mark.parametrize(
    ("written", "read_as"), [("classic-progressive", "progressive"), ("classic-one-word", "one-word")]
)
def test_subtitle_styles_have_other_names(written, read_as):
    document = {"scenes": [{"duration": 1}], "elements": [{"type": "subtitles", "settings": {"style": written}}]}
    assert read(document).projects[0].elements[0].settings.style == read_as


def test_nested_settings_are_read_like_everything_else():
    settings = {"font_size": "80px", "line-colour": "red", "outline-width": -1}
    document = {"scenes": [{"duration": 1}], "elements": [{"type": "subtitles", "settings": settings}]}
    assert problems(document) == [("/elements/0/settings/outline-width", "out-of-range")]
    del settings["outline-width"]
    assert [path for path, _ in warnings(document)] == [
        "/elements/0/settings/font_size",
        "/elements/0/settings/font_size",
        "/elements/0/settings/line-colour",
    ]
