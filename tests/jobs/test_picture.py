"""The picture of a job: what is in it, where it stands, and that it stays legible, bounded and harmless."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from jobs import drawing, picture
from jobs.drawing import LEFT, RIGHT, WIDTH, Bar, Scale, lanes, together

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
SCRIPT = "</title><script>alert(1)</script>"


def at(second):
    return NOON + timedelta(seconds=second)


def step(task, start_s, end_s, *, worker="here:1", **facts):
    times = {"began_at": at(start_s), "ended_at": at(end_s), "seconds": end_s - start_s}
    return {"task": task, "what": task, "outcome": "made", "project": None, "worker": worker} | times | facts


def segment(number, outcome, *, worker="here:1", reasons=()):
    times = {"began_at": at(number), "ended_at": at(number + 1), "seconds": 1.0, "worker": worker}
    none = dict.fromkeys(times)
    return {
        "number": number,
        "start_s": number * 2.0,
        "end_s": number * 2.0 + 2,
        "outcome": outcome,
        "reasons": [{"message": message} for message in reasons],
    } | (times if outcome else none)


def shown(kind, start_s, end_s, path="/0/elements/0"):
    return {"kind": kind, "path": path, "start_s": start_s, "end_s": end_s}


def film(segments, *, project=0, layers=(), scenes=(), id="ad"):
    return {
        "project": project,
        "id": id,
        "frames": len(segments) * 20,
        "duration_s": len(segments) * 2.0,
        "scenes": list(scenes),
        "layers": list(layers),
        "segments": segments,
        "steps": [],
    }


def drawn(*films, steps=(), status="completed"):
    plan = {"job_id": "0b9d1c1e-1111-4111-8111-111111111111", "projects": films, "steps": list(steps)}
    return ElementTree.fromstring(picture.draw(plan, status=status, now=at(60)))


def texts(root):
    return [each.text for each in root.iter(f"{SVG}text")]


def titled(root, beginning):
    """Return the bars of which something is said that begins like this."""
    return [bar for bar in root.iter(f"{SVG}rect") if (bar.findtext(f"{SVG}title") or "").startswith(beginning)]


def looks(root, beginning):
    return [bar.get("class").split()[0] for bar in titled(root, beginning)]


def test_a_segment_is_drawn_by_its_time_and_what_came_of_it():
    root = drawn(film([segment(number, each) for number, each in enumerate(("made", "kept", "shared", None))]))
    assert looks(root, "segment ")[:4] == ["made", "kept", "shared", "open"]
    first = titled(root, "segment 1,")[0]
    assert (float(first.get("x")), float(first.get("width"))) == (LEFT, pytest.approx((RIGHT - LEFT) / 4 - 1, abs=0.1))


def test_pointing_at_a_segment_tells_why_it_had_to_be_made():
    root = drawn(film([segment(0, "made", reasons=["one", "two", "three", "four"])]))
    title = titled(root, "segment 1,")[0].findtext(f"{SVG}title")
    assert title.split("\n") == ["segment 1, 0.00–2.00 s: made in 1 s", "one", "two", "three", "and 1 more"]


def test_scenes_layers_sounds_and_subtitles_have_rows_of_their_own():
    layers = [shown("image", 0, 1), shown("sound", 0, 2), shown("subtitles", 0, 2)]
    names = texts(drawn(film([segment(0, "made")], scenes=[shown("scene", 0, 2, "intro")], layers=layers)))
    first = names.index("scenes")
    rows = ["scenes", "intro", "layers", "image", "sounds", "sound", "subtitles", "subtitles", "segments"]
    assert names[first : first + len(rows)] == rows


def test_what_finds_no_room_is_counted():
    root = drawn(film([segment(0, "made")], layers=[shown("image", 0, 2)] * 15))
    assert len(titled(root, "image")) == 12
    assert "and 3 more" in texts(root)


def test_four_hundred_segments_are_drawn_in_few_bars_that_say_it_of_all():
    root = drawn(film([segment(number, "made") for number in range(400)]))
    bars = [bar for bar in root.iter(f"{SVG}rect") if "segment 400," in (bar.findtext(f"{SVG}title") or "")]
    assert bars
    assert len(list(root.iter(f"{SVG}rect"))) < 250
    assert titled(root, "7 together:\nsegment 1, 0.00–2.00 s: made in 1 s\nsegment 2,")


def test_the_work_is_drawn_along_the_time_since_its_first_step():
    root = drawn(film([segment(0, "made"), segment(1, "kept")]), steps=[step("fetch", -2, 0)])
    assert "Work, 4 s from its first step to its last" in texts(root)
    fetch = titled(root, "fetch")[0]
    assert float(fetch.get("x")) == LEFT
    assert float(fetch.get("width")) == pytest.approx((RIGHT - LEFT) / 2 - 1, abs=0.1)


def test_the_segments_of_each_worker_have_a_row():
    names = texts(drawn(film([segment(0, "made"), segment(1, "made", worker="there:2")])))
    assert [name for name in names if name.startswith("worker")] == ["worker 1", "worker 2"]


def test_what_a_helper_made_is_shared_in_the_film_and_made_in_his_row():
    root = drawn(film([segment(0, "shared", worker="there:2")]))
    assert looks(root, "segment 1, 0.00–2.00 s") == ["shared"]
    assert looks(root, "segment 1 of 1, film 1: made, 1 s, there:2") == ["made"]


def test_steps_at_the_same_time_lie_under_one_another():
    root = drawn(steps=[step("fetch", 0, 2), step("fetch", 1, 3)])
    assert len({bar.get("y") for bar in titled(root, "fetch")}) == 2


@pytest.mark.parametrize(
    ("status", "says"),
    [("processing", "Work, 1:00 so far"), ("failed", "Work, failed after 1 s"),
     ("completed", "Work, 1 s from its first step to its last")],
)  # fmt: skip
def test_the_heading_of_the_work_says_how_the_job_is(status, says):
    assert says in texts(drawn(film([segment(0, "made"), segment(1, None)]), status=status))


@pytest.mark.parametrize(("status", "word"), [("processing", "not yet"), ("failed", "not made")])
def test_what_was_not_made_is_called_by_how_the_job_is(status, word):
    assert word in texts(drawn(film([segment(0, None)]), status=status))


@pytest.mark.parametrize(
    ("status", "says"), [("pending", "No film has been planned yet."), ("failed", "No film was planned.")]
)
def test_a_job_without_a_plan_says_so(status, says):
    assert says in texts(drawn(status=status))


def test_several_films_come_one_after_another_and_many_are_counted():
    root = drawn(*(film([segment(0, "kept")], project=number) for number in range(12)))
    headings = [text for text in texts(root) if text.startswith("Film")]
    assert headings[:2] == ["Film 1 “ad”, 2 s, 20 frames", "Film 2 “ad”, 2 s, 20 frames"]
    assert len(headings) == 10
    assert "and 2 more films" in texts(root)


def test_text_from_outside_is_text_and_nothing_else():
    layers = [shown(SCRIPT, 0, 2, SCRIPT)]
    segments = [segment(0, "made", reasons=[SCRIPT])]
    root = drawn(film(segments, layers=layers, id=f"\x00\ud800{SCRIPT}"), steps=[step("fetch", 0, 1, what=SCRIPT)])
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        *("svg", "title", "desc", "style", "pattern", "rect", "circle", "text"),
    }
    assert not re.search(r"https?:|@import|url\((?!#)", root.find(f"{SVG}style").text)


def test_it_says_what_it_shows_to_who_does_not_see_it():
    root = drawn(film([segment(0, "made"), segment(1, "kept"), segment(2, None)]), status="failed")
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Job 0b9d1c1e: its films and its work"
    assert root.findtext(f"{SVG}desc") == "The job is failed. Films: 1. Segments: 3: 1 kept, 1 made, 1 not made."


def test_no_text_reaches_into_another_or_out_of_the_picture():
    """As wide as it is at most, which is when the picture is shown narrow."""
    scenes = [shown("scene", number, number + 1, f"a scene with a long name {number}") for number in range(40)]
    films = [film([segment(number, "made") for number in range(20)], scenes=scenes, id="x" * 300)]
    root = drawn(*films, steps=[step("fetch", 0, 4000)])
    rows = {}
    for each in root.iter(f"{SVG}text"):
        rows.setdefault(each.get("y"), []).append(_extent(each))
    for extents in rows.values():
        extents.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(extents))
        assert extents[0][0] >= 0
        assert extents[-1][1] <= WIDTH


def _extent(text):
    x, width, look = float(text.get("x")), len(text.text) * drawing._CHAR, text.get("class", "").split()
    if "last" in look:
        return x - width, x
    return (x - width / 2, x + width / 2) if {"tick", "label"} & set(look) else (x, x + width)


def test_bars_lie_in_the_first_lane_that_is_free():
    def bar(start_s, end_s):
        return Bar(start_s, end_s, "made", "", "")

    found, left_out = lanes([bar(0, 2), bar(1, 3), bar(2, 4), bar(1, 2)], most=2)
    assert [[each.start_s for each in lane] for lane in found] == [[0, 2], [1]]
    assert left_out == 1


def test_small_bars_that_look_alike_are_drawn_together_and_others_are_not():
    bars = [Bar(number, number + 1, look, "", f"{number}") for number, look in enumerate("aaabba")]
    assert [bar.title for bar in together(bars, Scale(1000))] == ["3 together:\n0\n1\n2", "2 together:\n3\n4", "5"]
    assert len(list(together(bars, Scale(6)))) == 6


@pytest.mark.parametrize("length_s", [0, 0.04, 0.7, 5, 59, 61, 600, 4000, 100_000])
def test_the_times_that_are_named_are_few_and_within(length_s):
    ticks = Scale(length_s).ticks()
    assert 1 <= len(ticks) <= 6
    assert all(0 <= tick <= length_s + 1e-6 for tick in ticks)
