"""Pictures of films: which frames, where, how long it takes, and in which colours."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from media_services.render.sheet import clock, decoded_frames, make_sheet, nearest_keyframes, pictures_of, take_poster
from tests import media

CODERS = {
    "mp4": (".mp4", "-c:v", "libx264", "-preset", "veryfast", "-sc_threshold", "0"),
    "webm": (".webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "lossless": (".mp4", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"),
}


def ever_greener(coder, *, frames, keyframe_interval):
    """Make a video at 25 fps that is black at first and green at last."""
    suffix, *options = CODERS[coder]
    greens = f"geq=r=0:g='255*N/{frames}':b=0,format=yuv420p"
    plain = media.video(size="64x36", duration_s=frames / 25, sound=False)
    return media.converted(plain, suffix, "-vf", greens, *options, "-g", str(keyframe_interval))


def greens_of(shown):
    """Return how green the twelve pictures of a sheet are, in the order of reading."""
    greens = np.asarray(shown).astype(int)[:, :, 1]
    return [greens[8 + 206 * row + 80, 8 + 318 * column + 150] for row in range(3) for column in range(4)]


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
    assert decoded_frames(719, 60) == 719
    assert decoded_frames(720, 60) == decoded_frames(1_000_000, 60) == 12


@pytest.mark.parametrize("interval", [1, 2, 5, 60])
@pytest.mark.parametrize("more", [0, 1, 7, 400])
def test_each_part_as_long_as_the_keyframe_interval_shows_a_keyframe_of_its_own(interval, more):
    frames = 12 * interval + more
    keyframes = [Fraction(number) for number in range(0, frames, interval)]
    shown = nearest_keyframes([Fraction(number) for number in pictures_of(frames)], keyframes)
    assert len(set(shown)) == 12
    assert all(abs(time - middle) <= interval / 2 for time, middle in zip(shown, pictures_of(frames), strict=True))
    assert set(shown) <= set(keyframes)


def test_no_keyframe_is_shown_twice():
    times = [Fraction(10), Fraction(30)]
    assert nearest_keyframes(times, [Fraction(0), Fraction(21)]) == [0, 21]
    assert nearest_keyframes(times, [Fraction(19), Fraction(60)]) is None
    assert nearest_keyframes(times, [Fraction(0)]) is None


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


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("keyframe_interval", [7, 250])
def test_a_short_films_pictures_are_those_of_their_times_in_the_order_of_reading(sheet, coder, keyframe_interval):
    shown = greens_of(sheet(ever_greener(coder, frames=48, keyframe_interval=keyframe_interval), 48))
    expected = [255 * (4 * part + 2) / 48 for part in range(12)]
    assert np.abs(np.asarray(shown) - expected).max() < 8


@pytest.mark.parametrize("coder", CODERS)
def test_a_long_films_pictures_are_keyframes_with_their_own_times(sheet, coder, monkeypatch):
    labels = []
    monkeypatch.setattr("media_services.render.sheet.clock", lambda seconds, tenths: labels.append(seconds) or "")
    shown = greens_of(sheet(ever_greener(coder, frames=168, keyframe_interval=10), 168))
    assert [round(label * 25) for label in labels] == [10, 20, 30, 50, 60, 80, 90, 100, 120, 130, 150, 160]
    assert np.abs(np.asarray(shown) - 255 * 25 * np.asarray(labels) / 168).max() < 8


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
