"""Why a segment is not what it was: each change is told in words, at its place, and nothing else is."""

import time

import pytest

from jobs.explaining import Reason, contents, explain, that_hold
from media_services.journal import PlannedSegment

A, B = "/scenes/0/elements/0", "/scenes/0/elements/1"
FILM = {"fps": "30", "size": "hd", "engine": "1", "frames": "60"}


def layer(path, source, **aspects):
    return {f"{path} source": source, f"{path} place": "p", f"{path} look": "l"} | {
        f"{path} {name}": value for name, value in aspects.items()
    }


def segment(name, *layers, first_frame=0, end_frame=60, refused=None, **film):
    inputs = FILM | film
    for each in layers:
        inputs = inputs | each
    return PlannedSegment(first_frame, end_frame, name, inputs, refused)


def reasons(now, before, existing=()):
    (found,) = explain([now], None if before is None else [before], existing)
    return [(reason.what, reason.path, reason.message) for reason in found]


BEFORE = segment("old", layer(A, "cat"))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (segment("new", layer(A, "dog")), ("source", A, f"the source of {A} has another content")),
        (segment("new", layer(A, "cat", look="red")), ("look", A, f"the look of {A} changed")),
        (segment("new", layer(A, "cat", place="q")), ("place", A, f"the place of {A} changed")),
        (segment("new", layer(A, "cat", time="t")), ("time", A, f"the time of {A} changed")),
        (segment("new", layer(A, "cat", mood="m")), ("mood", A, f"mood of {A} changed")),
        (segment("new", layer(A, "cat"), layer(B, "dog")), ("new", B, f"{B} is new here")),
        (segment("new"), ("gone", A, f"{A} is gone from here")),
        (segment("new", layer(A, "cat"), fps="25"), ("fps", None, "the film's frame rate changed")),
        (segment("new", layer(A, "cat"), size="sd"), ("size", None, "the film's size changed")),
        (segment("new", layer(A, "cat"), subtitles="s"), ("subtitles", None, "the subtitles in it changed")),
        (segment("new", layer(A, "cat"), engine="2"), ("engine", None, "another version of the engine")),
        (segment("new", layer(A, "cat"), weather="w"), ("weather", None, "weather changed")),
        (segment("new", layer(A, "cat"), end_frame=50, frames="50"), ("cut", None, "it is cut at other frames")),
        (segment("new", layer(A, "cat")), ("other", None, "something else in it changed")),
        (segment("new", layer(B, "cat"), end_frame=50), ("cut", None, "it is cut at other frames")),
    ],
)
def test_one_change_is_one_reason(now, expected):
    assert reasons(now, BEFORE) == [expected]


def test_all_changes_are_told_those_of_the_film_first():
    now = segment("new", layer(A, "dog", look="red"), engine="2")
    assert [what for what, _, _ in reasons(now, BEFORE)] == ["engine", "source", "look"]


def test_a_text_is_told_as_a_text():
    now, before = (segment(text, {f"{A} text": text, f"{A} look": "l"}) for text in ("hello", "goodbye"))
    assert reasons(now, before) == [("text", A, f"the text of {A} changed")]


def test_what_was_not_changed_has_the_reason_that_holds_if_it_is_made_all_the_same():
    assert [what for what, _, _ in reasons(BEFORE, BEFORE, ["old"])] == ["not-kept"]
    assert [what for what, _, _ in reasons(BEFORE, BEFORE)] == ["not-made-before"]


@pytest.mark.parametrize("was_made", [True, False])
def test_such_a_reason_holds_only_for_what_was_made(was_made):
    conditional = [Reason(what, "").as_json() for what in ("not-kept", "not-made-before", "first")]
    change = Reason("look", "", A).as_json()
    assert that_hold([*conditional, change], was_made=was_made) == [*(conditional if was_made else []), change]


def test_the_first_film_of_a_project_has_nothing_to_be_compared_with():
    assert reasons(BEFORE, None) == [("first", None, "nothing of this project was made before")]


@pytest.mark.parametrize(
    ("pointer", "sentence"), [("/scenes/1", "/scenes/1 says cache: false"), ("", "the document says cache: false")]
)
def test_what_may_not_be_kept_says_who_forbids_it(pointer, sentence):
    now = segment("old", layer(A, "cat"), refused=pointer)
    assert reasons(now, BEFORE, ["old"])[0] == ("refused", pointer, sentence)


def test_a_scene_put_in_before_leaves_the_others_what_they_were():
    one = segment("one", layer("/scenes/0/elements/0", "cat"))
    two = segment("two", layer("/scenes/1/elements/0", "dog"))
    put_in = segment("put in", layer("/scenes/1/elements/0", "cow"), first_frame=60, end_frame=120)
    moved = segment("two", layer("/scenes/2/elements/0", "dog"), first_frame=120, end_frame=180)
    found = explain([one, put_in, moved], [one, two], ["one", "two"])
    assert [[reason.what for reason in each] for each in found] == [["not-kept"], ["source"], ["not-kept"]]


def test_a_changed_segment_is_compared_with_the_one_that_shares_most():
    cat, dog = layer("/scenes/0/elements/0", "cat"), layer("/scenes/1/elements/0", "dog")
    before = [segment("cat", cat), segment("dog", dog)]
    moved = layer("/scenes/0/elements/0", "dog", look="red")
    (found,) = explain([segment("new", moved)], before)
    assert [(reason.what, reason.path) for reason in found] == [("look", "/scenes/0/elements/0")]


def test_of_equals_the_nearer_is_compared_with():
    looks = [segment(f"{number}", layer(A, "cat", look=str(number))) for number in range(3)]
    now = [segment(f"new {number}", layer(A, "cat", look=str(number)), fps="25") for number in range(3)]
    assert [[reason.what for reason in each] for each in explain(now, looks)] == [["fps"]] * 3


def test_a_longer_film_has_parts_that_there_were_not():
    found = explain([segment("new", layer(A, "dog")), segment("more", layer(B, "cow"))], [BEFORE])
    assert [reason.what for reason in found[1]] == ["added"]


def test_reasons_are_few_however_much_changed():
    now = segment("new", *(layer(f"/elements/{number}", "x") for number in range(100)))
    assert len(reasons(now, BEFORE)) == 20


def test_long_films_are_compared_in_no_time():
    def film(look):
        return [segment(f"{look} {n}", layer(A, "cat", look=look), layer(f"/scenes/{n}", "dog")) for n in range(1500)]

    began = time.monotonic()
    found = explain(film("red"), film("blue"))
    assert time.monotonic() - began < 5
    assert {tuple(reason.what for reason in each) for each in found} == {("look",)}


def test_a_project_is_known_by_the_digests_of_sources_and_texts():
    segments = [segment("one", layer(A, "cat", text="hello")), segment("two", layer(B, "cat"))]
    assert contents(segments) == {"cat", "hello"}
