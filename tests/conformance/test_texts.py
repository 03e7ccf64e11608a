"""Texts are where they are told to be, and each setting does what it says."""

import functools
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageColor

from tests.conformance.case import Document, scene
from tests.conformance.rendered import Rendered, render

WORDS = "Hxg\nHxg"


def shown(text: str = WORDS, place: Document | None = None, **settings: Any) -> Rendered:
    """Render a text of two lines of 24 px, white on blue, in the whole canvas."""
    look = {"font-size": 24, **{key.replace("_", "-"): value for key, value in settings.items()}}
    return _rendered(json.dumps({"type": "text", "text": text, "settings": look, **(place or {})}))


@functools.cache
def _rendered(element: str) -> Rendered:
    return render({"scenes": [scene(json.loads(element), seconds=0.3, color="#0000ff")]})


def lit(film: Rendered, colour: str = "white", frame: int = 1, within: int = 70) -> NDArray[np.bool_]:
    away = np.abs(film.frames[frame].astype(int) - ImageColor.getrgb(colour))
    return np.asarray(away.max(axis=2) < within)


def extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom of what is lit."""
    rows, columns = np.nonzero(mask)
    assert len(rows), "nothing is seen"
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_text_stands_in_the_middle():
    left, top, right, bottom = extent(lit(shown()))
    assert (left + right) / 2 == pytest.approx(160, abs=3)
    assert (top + bottom) / 2 == pytest.approx(90, abs=6)
    assert 40 < bottom - top < 60


@pytest.mark.parametrize(
    ("across", "down"), [("left", "top"), ("right", "bottom"), ("left", "center"), ("center", "top"), ("right", "top")]
)
def test_a_text_stands_at_its_position_in_the_canvas_and_in_a_box(across: str, down: str):
    for box in ((0, 0, 320, 180), (100, 40, 160, 100)):
        place = dict(zip(("x", "y", "width", "height"), box, strict=True))
        film = shown(place=place, horizontal_position=across, vertical_position=down)
        left, top, right, bottom = extent(lit(film))
        gaps = {"left": left - box[0], "right": box[0] + box[2] - right, "top": top - box[1],
                "bottom": box[1] + box[3] - bottom}  # fmt: skip
        for side in (across, down):
            if side != "center":
                assert 0 <= gaps[side] < 14
        assert min(gaps.values()) >= 0


@pytest.mark.parametrize(("align", "at"), [("left", 0.0), ("center", 0.5), ("right", 1.0)])
def test_lines_are_aligned_to_each_other(align: str, at: float):
    mask = lit(shown("HHHHHH\nH", text_align=align))
    _, top, _, bottom = extent(mask)
    middle = (top + bottom) // 2
    (first, _, last, _), (left, _, right, _) = extent(mask[:middle]), extent(mask[middle:])
    assert left - first == pytest.approx((last - first - (right - left)) * at, abs=3)


@pytest.mark.parametrize("colour", ["red", "#00ff00", "rgb(255, 0, 255)"])
def test_color(colour: str):
    film = shown(color=colour)
    assert lit(film, colour).sum() > 100
    assert lit(film, "white").sum() == 0


def test_font_size():
    small, large = (extent(lit(shown("H", font_size=size))) for size in (20, "60px"))
    assert (large[3] - large[1]) / (small[3] - small[1]) == pytest.approx(3, abs=0.4)
    viewed = extent(lit(shown("H", font_size="10vw")))
    assert viewed[3] - viewed[1] == pytest.approx((small[3] - small[1]) * 1.6, abs=3)


def test_font_weight_and_style():
    ink = {weight: lit(shown("HHHH", font_size=40, font_weight=weight)).sum() for weight in (400, "bold")}
    assert ink["bold"] > 1.2 * ink[400]
    upright, italic = (lit(shown("IIII", font_size=40, font_style=style)) for style in ("normal", "italic"))
    assert (upright != italic).mean() > 0.003


def test_font_family():
    sans, other = (
        lit(shown("Rag", font_size=40, font_family=family)) for family in ("DejaVu Sans", "DejaVu Sans Mono")
    )
    assert (sans != other).mean() > 0.005


def test_background_color_lies_under_the_text_only():
    film = shown(background_color="red", padding=10)
    left, top, right, bottom = extent(lit(film, "red"))
    text = extent(lit(film))
    assert left <= text[0] - 6
    assert right >= text[2] + 6
    assert right - left < 200
    assert bottom - top < 110


def test_line_height_and_letter_spacing():
    one, two = (extent(lit(shown(line_height=height))) for height in (1, 2))
    assert (two[3] - two[1]) - (one[3] - one[1]) == pytest.approx(24, abs=3)
    tight, wide = (extent(lit(shown("HHHHH", letter_spacing=spacing))) for spacing in (0, 10))
    assert 36 <= (wide[2] - wide[0]) - (tight[2] - tight[0]) <= 54


def test_outline_and_shadow():
    film = shown("H", font_size=60, outline_color="red", outline_width=4)
    inner, outer = extent(lit(film)), extent(lit(film, "red"))
    assert outer[0] == pytest.approx(inner[0] - 4, abs=2)
    assert outer[3] == pytest.approx(inner[3] + 4, abs=2)
    assert lit(shown("H", font_size=60), "red").sum() == 0
    film = shown("H", font_size=60, shadow_color="lime", shadow_offset=6)
    inner, shadow = extent(lit(film)), extent(lit(film, "lime"))
    assert shadow[2] == pytest.approx(inner[2] + 6, abs=2)
    assert shadow[3] == pytest.approx(inner[3] + 6, abs=2)


def test_a_long_text_is_wrapped_in_its_box():
    place = {"x": 40, "y": 10, "width": 120, "height": 160}
    left, top, right, bottom = extent(lit(shown("many words that do not fit into one line", place)))
    assert left >= 40
    assert right <= 160
    assert bottom - top > 60


def test_a_text_looks_as_other_elements_do():
    faint = shown("H", {"opacity": 0.5}, font_size=90)
    assert lit(faint, "#8080ff", within=30).sum() > 500
    assert lit(faint, "white").sum() == 0
    lying = extent(lit(shown("HHHH", {"rotate": {"angle": 90}})))
    assert lying[3] - lying[1] > 2 * (lying[2] - lying[0])
    fading = shown("H", {"fade-in": 0.3}, font_size=90)
    assert [lit(fading, frame=frame).sum() for frame in (0, 1)] == [0, 0]
    flipped, upright = (lit(shown("L", keys, font_size=90)) for keys in ({"flip-horizontal": True}, {}))
    assert (flipped[:, ::-1] == upright).mean() > 0.97
    grown = _rendered(json.dumps({"type": "text", "text": "H", "zoom": 10, "settings": {"font-size": 60}}))
    first, last = (extent(lit(grown, frame=frame)) for frame in (0, 2))
    assert last[3] - last[1] == pytest.approx(2 * (first[3] - first[1]), abs=5)


def test_a_text_in_other_scripts_is_drawn():
    for text in ("Привет", "你好", "שלום", "é̂ ﬁ"):
        assert lit(shown(text, font_size=40)).sum() > 200


def test_a_text_of_its_own_time_leaves_its_scene_alone():
    text = {"type": "text", "text": "H", "start": 0.1, "duration": 0.1, "settings": {"font-size": 60}}
    film = _rendered(json.dumps(text))
    assert [lit(film, frame=frame).sum() > 100 for frame in range(3)] == [False, True, False]
