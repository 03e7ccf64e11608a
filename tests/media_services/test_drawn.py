"""Subtitles as they are seen: the pixels of true films, in each style."""

import numpy as np
import pytest

from media_services import pipeline
from media_services.movie.reading import read
from tests import film

WIDTH, HEIGHT = 640, 360
WORDS = [("alpha", 0, 500), ("bravo", 500, 1000), ("gamma", 1000, 1500)]
PLAIN = {"word-color": "#00ff00", "line-color": "#ff0000", "outline-width": 0, "position": "center-center"}
GREEN, RED, BLUE = (0, 255, 0), (255, 0, 0), (0, 0, 255)


@pytest.fixture
def shown(tmp_path_factory):
    """Return a function that renders subtitles in a look over black, and gives the frame in the middle of each word."""

    def show(words=WORDS, background="#000000", **look):
        captions = {"words": [{"text": text, "start_ms": start, "end_ms": end} for text, start, end in words]}
        element = {"type": "subtitles", "captions": captions, "settings": {**PLAIN, **look}}
        scene = {"duration": 1.6, "background-color": background, "elements": []}
        document = {"width": WIDTH, "height": HEIGHT, "fps": 10, "quality": "high", "scenes": [scene],
                    "elements": [element]}  # fmt: skip
        folder = tmp_path_factory.mktemp("drawn")
        file = pipeline.produce(read(document), folder, lambda *where: None, local={}).films[0].file
        return [film.frame(file, (start + end) // 200).astype(int) for _, start, end in words]

    return show


def near(frame, colour, within=60):
    return (np.abs(frame - np.array(colour)) < within).all(axis=2)


def lit(frame, colour):
    """Return how many pixels are of a colour, and the middle of their columns; None where there are too few."""
    rows, columns = np.nonzero(near(frame, colour))
    return (len(rows), columns.mean()) if len(rows) > 30 else (0, None)


def test_classic_shows_the_whole_line_with_the_spoken_word_in_its_colour(shown):
    frames = shown(style="classic")
    middles = [lit(frame, GREEN)[1] for frame in frames]
    assert middles == sorted(middles)
    assert all(lit(frame, RED)[0] > 500 for frame in frames)
    assert lit(frames[0], RED)[1] > middles[0]
    assert lit(frames[2], RED)[1] < middles[2]


def test_progressive_shows_words_as_they_are_spoken_and_those_that_are_there_stay_where_they_are(shown):
    classic, progressive = shown(style="classic"), shown(style="progressive")
    assert lit(progressive[0], RED)[0] == 0
    assert 0 < lit(progressive[1], RED)[0] < lit(progressive[2], RED)[0]
    for whole, part in zip(classic, progressive, strict=True):
        assert lit(part, GREEN)[1] == pytest.approx(lit(whole, GREEN)[1], abs=1)


def test_one_word_shows_the_spoken_word_alone_in_the_middle(shown):
    for frame in shown(style="one-word"):
        count, middle = lit(frame, GREEN)
        assert count > 500
        assert middle == pytest.approx(WIDTH / 2, abs=12)
        assert lit(frame, RED)[0] == 0


def extent(mask):
    rows, columns = np.nonzero(mask)
    return columns.min(), columns.max(), rows.min(), rows.max()


def test_a_boxed_line_stands_on_one_box_that_reaches_beyond_it(shown):
    frames = shown(style="boxed-line", **{"box-color": "#0000ff"})
    boxes = [extent(near(frame, BLUE)) for frame in frames]
    assert np.ptp(np.array(boxes), axis=0).max() <= 2
    left, right, top, bottom = boxes[0]
    letters = extent(near(frames[0], RED) | near(frames[0], GREEN))
    assert left < letters[0] - 2
    assert right > letters[1] + 2
    assert top < letters[2]
    assert bottom > letters[3]


def test_a_boxed_word_has_its_box_behind_it_and_no_other_word_has(shown):
    for frame in shown(style="boxed-word", **{"box-color": "#0000ff"}):
        left, right, *_ = extent(near(frame, BLUE))
        spoken = extent(near(frame, GREEN))
        others = np.nonzero(near(frame, RED))[1]
        assert left < spoken[0]
        assert right > spoken[1]
        assert not ((others > left + 12) & (others < right - 12)).any()


@pytest.mark.parametrize("style", ["boxed-line", "boxed-word"])
def test_a_box_is_as_opaque_as_its_colour_says(shown, style):
    frame = shown(style=style, background="#ffffff", **{"box-color": "#0000ff80"})[0]
    assert near(frame, (127, 127, 255), within=25).sum() > 500
    assert near(frame, BLUE).sum() < 50


@pytest.mark.parametrize("style", ["classic", "progressive", "one-word", "boxed-line", "boxed-word"])
def test_an_outline_and_a_shadow_are_drawn_where_asked_for_and_0_is_none(shown, style):
    look = {"style": style, "box-color": "#00000000", "outline-color": "#0000ff", "shadow-color": "#ff00ff"}
    plain = shown(**look)[0]
    outlined = shown(**look, **{"outline-width": 4})[0]
    shadowed = shown(**look, **{"shadow-offset": 6})[0]
    assert lit(plain, BLUE)[0] == lit(plain, (255, 0, 255))[0] == 0
    assert lit(outlined, BLUE)[0] > 400
    assert lit(outlined, (255, 0, 255))[0] == 0
    assert lit(shadowed, (255, 0, 255))[0] > 200


PLACES = [(f"{row}-{column}", x, y) for row, y in (("top", 0), ("center", 1), ("bottom", 2))
          for column, x in (("left", 0), ("center", 1), ("right", 2))]  # fmt: skip


@pytest.mark.parametrize(("position", "column", "row"), PLACES)
def test_the_nine_places(shown, position, column, row):
    frame = shown([("alpha", 0, 500)], style="one-word", position=position)[0]
    left, right, top, bottom = extent(near(frame, GREEN))
    x, y = (left + right) / 2, (top + bottom) / 2
    assert [x < WIDTH / 3, WIDTH / 3 < x < 2 * WIDTH / 3, x > 2 * WIDTH / 3][column]
    assert [y < HEIGHT / 3, HEIGHT / 3 < y < 2 * HEIGHT / 3, y > 2 * HEIGHT / 3][row]
    assert left > 15
    assert right < WIDTH - 15
    assert top > 10
    assert bottom < HEIGHT - 10


def test_a_place_of_its_own_is_where_the_upper_left_corner_goes(shown):
    frame = shown([("HHH", 0, 500)], style="one-word", position="custom", x=100, y="50%")[0]
    left, _, top, _ = extent(near(frame, GREEN))
    assert left == pytest.approx(103, abs=6)
    assert 180 < top < 195


def test_braces_and_backslashes_are_drawn_and_not_obeyed(shown):
    plain, braced = (
        extent(near(shown([(text, 0, 500)], style="one-word")[0], GREEN)) for text in ("fs200x", r"{\fs200}x")
    )
    assert braced[1] - braced[0] > plain[1] - plain[0]
    assert braced[3] - braced[2] < 45
