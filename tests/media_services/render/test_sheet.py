"""Pictures of films: which frames, where, how long it takes, and in which colours."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from media_services.render.sheet import clock, decoded_frames, make_sheet, pictures_of, take_poster
from tests import media

GREENS = "geq=r=0:g='255*N/48':b=0"


@pytest.fixture
def sheet(tmp_path):
    """Return a function that makes the contact sheet of a video at 25 fps and returns it as a picture."""

    def made(film, frames, heard=None):
        file = tmp_path / "contact.jpg"
        reports = [] if heard is None else heard
        make_sheet(film, file, frames=frames, fps=Fraction(25), report=reports.append)
        with Image.open(file) as picture:
            return picture.convert("RGB")

    return made


@pytest.mark.parametrize(("frames", "expected"), [(1, [0]), (2, [0, 1]), (5, [0, 1, 2, 3, 4]), (12, list(range(12)))])
def test_a_short_film_shows_all_its_frames(frames, expected):
    assert pictures_of(frames) == expected


def test_a_long_film_shows_the_middle_of_each_twelfth():
    assert pictures_of(2400) == list(range(100, 2400, 200))


def test_what_is_decoded_does_not_grow_with_the_film():
    assert decoded_frames(100, 60) == 100
    assert decoded_frames(10_000, 60) == decoded_frames(1_000_000, 60) == 720


@pytest.mark.parametrize(
    ("seconds", "tenths", "expected"),
    [
        (7.99, False, "0:07"),
        (7.99, True, "0:07.9"),
        (0.3, True, "0:00.3"),
        (61, False, "1:01"),
        (3723, False, "1:02:03"),
    ],
)
def test_times_are_cut_not_rounded(seconds, tenths, expected):
    assert clock(seconds, tenths=tenths) == expected


def test_the_pictures_are_those_of_their_times_in_the_order_of_reading(sheet):
    film = media.converted(media.video(duration_s=1.92, sound=False), ".mp4", "-vf", f"{GREENS},format=yuv420p")
    shown = np.asarray(sheet(film, 48)).astype(int)
    greens = [shown[8 + 206 * row + 80, 8 + 318 * column + 150, 1] for row in range(3) for column in range(4)]
    expected = [255 * (4 * part + 2) / 48 for part in range(12)]
    assert np.abs(np.asarray(greens) - expected).max() < 8


def test_a_sheet_is_1280_wide_with_a_label_under_each_picture(sheet):
    heard = []
    picture = sheet(media.video(duration_s=4), 100, heard)
    assert picture.size == (1280, 8 + 3 * (174 + 24 + 8))
    assert heard == [pytest.approx(part / 12) for part in range(1, 13)]
    labels = [picture.crop((8 + 318 * column, 184, 318 + 318 * column, 204)) for column in range(4)]
    assert all(max(label.convert("L").getdata()) > 150 for label in labels)
    assert len({label.tobytes() for label in labels}) == 4


@pytest.mark.parametrize(
    ("size", "expected"), [("90x160", (1280, 1757)), ("640x16", (1280, 128)), ("16x640", (328, 1757))]
)
def test_films_of_any_shape_fit(sheet, size, expected):
    assert sheet(media.video(size=size, duration_s=1), 25).size == expected


def test_a_film_of_one_frame_has_a_sheet_of_one_picture(sheet):
    assert sheet(media.video(duration_s=0.04), 1).size == (326, 214)


@pytest.mark.parametrize("coder", [("libx264", ".mp4"), ("libvpx-vp9", ".webm")])
@pytest.mark.parametrize("wanted", [0, 30, 99])
def test_a_poster_is_the_frame_of_its_time(tmp_path, coder, wanted):
    name, suffix = coder
    ever_lighter = "geq=lum='30+2*N':cb=128:cr=128"
    source = media.video(duration_s=4, sound=False)
    numbers = media.converted(source, suffix, "-vf", ever_lighter, "-c:v", name, "-g", "50")
    take_poster(numbers, tmp_path / "poster.jpg", at_s=wanted / 25)
    with Image.open(tmp_path / "poster.jpg") as poster:
        grey = np.asarray(poster.convert("L"))[45, 80]
    assert grey == pytest.approx((30 + 2 * wanted - 16) * 255 / 219, abs=1.5)


def test_a_time_after_the_last_frame_shows_the_last(tmp_path):
    take_poster(media.video(duration_s=1), tmp_path / "poster.jpg", at_s=5)
    assert (tmp_path / "poster.jpg").stat().st_size > 0
