"""Reading a document: what is put right, what is refused, and where each problem is said to be."""

import pytest

from media_services.errors import DocumentError
from media_services.movie.reading import read
from media_services.movie.settings import ChromaKey, Correction, Crop, Rotate, Transition

IMAGE = {"type": "image", "src": "https://example.com/a.png"}
TEXT = {"type": "text", "text": "hello"}
AUDIO = {"type": "audio", "src": "https://example.com/a.mp3"}


def film(*elements, **keys):
    return {"scenes": [{"elements": list(elements)}], **keys}


def element(raw, **keys):
    return read(film(raw, IMAGE, **keys)).projects[0].scenes[0].elements[0]


def problems(document, **options):
    with pytest.raises(DocumentError) as caught:
        read(document, **options)
    return [(problem.path, problem.code) for problem in caught.value.problems]


def warnings(document):
    return [(warning.path, warning.code) for warning in read(document).warnings]


def test_one_project_is_an_array_of_one():
    assert read(film(IMAGE)).as_json() == read([film(IMAGE)]).as_json()


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
    assert element({**AUDIO, "duration": duration}).duration == float(duration)


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


@pytest.mark.parametrize("kind", ["voice", "html", "component", "audiogram"])
def test_other_types_of_the_dialect_are_refused_with_those_that_there_are(kind):
    with pytest.raises(DocumentError) as caught:
        read(film({"type": kind}))
    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == ("/scenes/0/elements/0/type", "unknown-type")
    assert problem.message.endswith("there are image, video, audio, text, subtitles")


@pytest.mark.parametrize("kind", [None, 3, True, [], {}, "", "voices"])
def test_what_is_no_type_is_refused_wherever_it_stands(kind):
    part = {"type": kind, "src": "https://example.com/a.mp3"}
    assert problems({"scenes": [{"elements": [part]}], "elements": [part]}) == [
        ("/elements/0/type", "unknown-type"),
        ("/scenes/0/elements/0/type", "unknown-type"),
    ]


def test_a_type_that_is_nearly_one_is_answered_with_it():
    with pytest.raises(DocumentError, match="did you mean 'image'"):
        read(film({"type": "imagine"}))


def test_a_scene_in_which_nothing_has_a_length_needs_a_duration():
    silent = [{"type": "subtitles"}, {**AUDIO, "duration": -2}]
    assert problems(film(*silent)) == [("/scenes/0", "empty")]
    assert problems({"scenes": [{}], "elements": [TEXT, IMAGE, {"type": "subtitles"}]}) == [("/scenes/0", "empty")]
    for lasting in (TEXT, IMAGE, AUDIO, {"type": "subtitles", "duration": 2}):
        assert read(film(*silent, lasting)).projects


@pytest.mark.parametrize(
    ("keys", "name", "read_as"),
    [
        ({"x": "60px"}, "x", 60), ({"width": "80%"}, "width", "80%"), ({"width": "10vw"}, "width", "10vw"),
        ({"z-index": "12"}, "z_index", 12), ({"zoom": "-2.5"}, "zoom", -2.5), ({"pan": "up"}, "pan", "top"),
        ({"pan": "right-top"}, "pan", "top-right"), ({"fit": "cover"}, "resize", "cover"),
        ({"resize": "COVER"}, "resize", "cover"), ({"flip_horizontal": 1}, "flip_horizontal", True),
        ({"pan-crop": "no"}, "pan_crop", False), ({"panDistance": 0.2}, "pan_distance", 0.2),
        ({"chroma-key": "lime"}, "chroma_key", ChromaKey(color="#00ff00")),
        ({"chroma_key": {"colour": "#0f0", "tolerance": "30"}}, "chroma_key", ChromaKey(color="#0f0", tolerance=30)),
        ({"rotate": 45}, "rotate", Rotate(angle=45)), ({"rotate": "45"}, "rotate", Rotate(angle=45)),
        ({"rotate": {"Angle": 45, "speed": None}}, "rotate", Rotate(angle=45)),
        ({"crop": {"x": "10px", "width": "50%"}}, "crop", Crop(x=10, width="50%")),
        ({"correction": {"gamma": "1.5"}}, "correction", Correction(gamma=1.5)),
    ],
)  # fmt: skip
def test_loose_values_of_a_picture_are_read(keys, name, read_as):
    assert getattr(element({**IMAGE, **keys}), name) == read_as


@pytest.mark.parametrize(
    "keys",
    [{"zoom": 3}, {"zoom": -2.5}, {"opacity": 1}, {"rotate": {"angle": 45}}, {"crop": {"width": 10.5}},
     {"width": "80%"}, {"chroma-key": {"color": "lime"}}, {"x": 3.0, "position": "custom"}, {"z-index": 3.0}],
)  # fmt: skip
def test_what_is_right_causes_no_warning(keys):
    assert warnings(film({**IMAGE, **keys})) == []


@pytest.mark.parametrize(
    ("key", "settings", "path"),
    [("crop", {"widht": 1}, "/widht"), ("rotate", {"angel": 1}, "/angel"), ("correction", {"hue": 1}, "/hue"),
     ("chroma-key", {"color": "red", "tol": 1}, "/tol")],
)  # fmt: skip
def test_unknown_keys_of_nested_settings_are_reported(key, settings, path):
    assert warnings(film({**IMAGE, key: settings})) == [(f"/scenes/0/elements/0/{key}{path}", "unknown-key")]


@pytest.mark.parametrize(
    ("keys", "path"),
    [({"crop": {"Width": "wide"}}, "/crop/Width"), ({"rotate": {"speed": -1}}, "/rotate/speed"),
     ({"rotate": "far"}, "/rotate"), ({"rotate": True}, "/rotate"), ({"crop": 3}, "/crop"),
     ({"correction": {"gamma": 0}}, "/correction/gamma"), ({"chroma-key": {}}, "/chroma-key/color"),
     ({"chroma_key": "loud"}, "/chroma_key"), ({"pan": "in"}, "/pan"), ({"zoom": True}, "/zoom"),
     ({"opacity": "1e-1"}, "/opacity"), ({"fade-in": -1}, "/fade-in"), ({"z-index": 0.5}, "/z-index"),
     ({"zoom": 10**400}, "/zoom"), ({"zoom": "9" * 400}, "/zoom"), ({"width": "9" * 400 + "vw"}, "/width")],
)  # fmt: skip
def test_what_is_wrong_in_a_picture_is_refused_at_its_place(keys, path):
    assert [place for place, _ in problems(film({**IMAGE, **keys}))] == [f"/scenes/0/elements/0{path}"]


def test_a_transition_may_be_a_word():
    scene = {"duration": 3, "transition": "WipeLeft"}
    assert [code for _, code in warnings({"scenes": [scene]})] == ["loose-value", "loose-value"]
    assert read({"scenes": [scene]}).projects[0].scenes[0].transition == Transition(style="wipeleft", duration=1)
    assert problems({"scenes": [{**scene, "transition": "swirl"}]}) == [("/scenes/0/transition", "wrong-type")]


@pytest.mark.parametrize(
    ("written", "read_as"), [(700, "700"), ("bold", "700"), ("normal", "400"), ("300", "300"), (400.0, "400")]
)
def test_weights_of_letters_are_read_in_every_notation(written, read_as):
    document = film({**TEXT, "settings": {"font-weight": written}})
    assert warnings(document) == []
    assert read(document).projects[0].scenes[0].elements[0].settings.font_weight == read_as


@pytest.mark.parametrize("weight", [450, 0, 1000, "heavy", True, [], 10**400])
def test_what_is_no_weight_is_refused(weight):
    path = "/scenes/0/elements/0/settings/font-weight"
    assert [place for place, _ in problems(film({**TEXT, "settings": {"font-weight": weight}}))] == [path]


@pytest.mark.parametrize(
    ("written", "read_as", "odd"),
    [(700, "bold", 0), ("400", "normal", 0), ("bold", "bold", 0), (900, "bold", 1), ("300", "normal", 1)],
)
def test_subtitles_are_bold_or_not(written, read_as, odd):
    movie = read(film(AUDIO, {"type": "subtitles", "settings": {"font-weight": written}}))
    assert movie.projects[0].scenes[0].elements[1].settings.font_weight == read_as
    assert len(movie.warnings) == odd


@pytest.mark.parametrize(("written", "read_as"), [(3, "3"), (3.0, "3"), (2.5, "2.5"), (True, "true")])
def test_a_text_may_be_a_number(written, read_as):
    assert element({"type": "text", "text": written}).text == read_as


def test_styling_at_the_top_level_is_read_as_settings():
    text = {**TEXT, "fontSize": "60px", "color": "red", "text_align": "left", "width": 300}
    settings = element(text).settings
    assert (settings.font_size, settings.color, settings.text_align) == (60, "#ff0000", "left")
    place = "/scenes/0/elements/0"
    assert warnings(film(text)) == [
        (f"{place}/fontSize", "alias"),
        (f"{place}/fontSize", "misplaced"),
        (f"{place}/fontSize", "loose-value"),
        (f"{place}/color", "misplaced"),
        (f"{place}/text_align", "alias"),
        (f"{place}/text_align", "misplaced"),
    ]


def test_styling_of_subtitles_at_the_top_level_is_read_as_settings():
    subtitles = {"type": "subtitles", "style": "progressive", "position": "bottom", "font-size": 80}
    settings = read(film(AUDIO, subtitles)).projects[0].scenes[0].elements[1].settings
    assert (settings.style, settings.position, settings.font_size) == ("progressive", "bottom-center", 80)


def test_settings_come_before_styling_at_the_top_level():
    text = {**TEXT, "color": "red", "settings": {"color": "blue"}}
    assert element(text).settings.color == "#0000ff"
    assert warnings(film(text)) == [("/scenes/0/elements/0/color", "misplaced")]


def test_what_is_wrong_with_styling_is_reported_where_it_stands():
    text = {**TEXT, "colour": "loud", "text-align": "middle", "Settings": {"font_size": "big"}}
    assert problems(film(text)) == [
        ("/scenes/0/elements/0/Settings/font_size", "invalid-value"),
        ("/scenes/0/elements/0/colour", "invalid-value"),
        ("/scenes/0/elements/0/text-align", "invalid-value"),
    ]


def test_ids_may_be_missing_and_are_not_interpreted():
    movie = read({**film({**IMAGE, "id": ["a"]}), "client-data": {"a": [1]}, "comment": 3})
    assert (movie.projects[0].client_data, movie.projects[0].scenes[0].id) == ({"a": [1]}, None)
    assert movie.projects[0].scenes[0].elements[0].id == ["a"]


def test_a_key_that_is_spelt_in_two_ways_is_read_the_same_whatever_the_order():
    keys = {"z_index": 3, "zIndex": 4, "ZIndex": 5}
    for order in (keys, dict(reversed(keys.items()))):
        assert element({**IMAGE, **order}).z_index == 3
        assert element({**IMAGE, **order, "z-index": 6}).z_index == 6


@pytest.mark.parametrize("keys", [{"draft": True}, {"cache": False}, {"format": "webm"}, {"format": "gif"}])
def test_all_keys_of_a_project_are_offered(keys):
    assert warnings(film(IMAGE, **keys)) == []


def test_problems_are_listed_up_to_a_number_that_can_be_read():
    found = problems(film(*[{"type": "x"}] * 500, scene=1) | {"scenes": [{"elements": [{"type": "x"}] * 500}] * 3})
    assert len(found) == 1001
    assert found[0] == ("", "more-problems")


def test_a_document_is_not_nested_without_end():
    deep = []
    for _ in range(100):
        deep = [deep]
    assert problems(film(IMAGE, **{"client-data": deep}))[0][0].startswith("/client-data/0/0/0")


@pytest.mark.parametrize("text", ["a\ud800", "a\x00"])
def test_texts_that_cannot_be_stored_are_refused(text):
    assert problems(film(IMAGE, comment=[text])) == [("/comment/0", "invalid-value")]


def test_a_movie_can_be_read_again():
    document = film({**IMAGE, "rotate": 3, "id": "a"}, {**TEXT, "text": "{{ '{{' }}", "color": "red"}, comment="{{")
    again = read(read(document).as_json(), strict=True)
    assert again.as_json() == read(document).as_json()
    assert again.as_json()[0]["comment"] == "{{"


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
