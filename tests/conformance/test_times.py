"""Times are exact to the frame, at every rate and however many scenes there are."""

from fractions import Fraction

import pytest

from tests import film, media
from tests.conformance import material
from tests.conformance.case import Document, element, image, scene
from tests.conformance.rendered import render

SMALL: Document = {"resolution": "128x72"}
RATES = {23.976: Fraction(24000, 1001), 25: Fraction(25), 29.97: Fraction(30000, 1001), 30: Fraction(30),
         60: Fraction(60)}  # fmt: skip


def nearest(seconds: float, rate: Fraction) -> int:
    return int(Fraction(str(seconds)) * rate + Fraction(1, 2))


@pytest.mark.parametrize("fps", RATES)
def test_elements_come_and_go_in_exactly_their_frames(fps: float):
    rate = RATES[fps]
    white, red = (media.picture(color=colour) for colour in ("white", "red"))
    moving = element("video", material.footage(red, frames=30, fps="30"), x=64, start=0.31, duration=0.42)
    still = image(white, start=0.25, duration=0.333)
    fading = image(white, y=48, start=0.6, duration=0.2, opacity=0.99)
    shown = render({**SMALL, "fps": fps, "scenes": [scene(still, moving, fading, seconds=1, color="black")]})
    assert len(shown.frames) == nearest(1, rate)
    for (x, y), first, end in (((30, 20), 0.25, 0.583), ((100, 20), 0.31, 0.73), ((30, 60), 0.6, 0.8)):
        seen = [number for number, frame in enumerate(shown.frames) if frame[y, x, 0] > 128]
        assert seen == list(range(nearest(first, rate), nearest(end, rate)))


@pytest.mark.parametrize("fps", RATES)
def test_many_short_scenes_with_transitions_have_every_frame(fps: float):
    colours = ("red", "lime", "blue")
    fade = {"style": "fade", "duration": 0.1}
    scenes = [scene(seconds=0.333, color=colours[n % 3], **({"transition": fade} if n % 2 else {})) for n in range(24)]
    shown = render({**SMALL, "fps": fps, "scenes": scenes})
    seconds = round(24 * 0.333 - 12 * 0.1, 3)
    assert len(shown.frames) == nearest(seconds, RATES[fps])
    facts = film.facts(shown.file)
    assert facts["fps"] == RATES[fps]
    assert abs(facts["audio_s"] - facts["video_s"]) <= 1 / fps
    for number in range(24):
        start = number * 0.333 - (number + 1) // 2 * 0.1 + (0.1 if number % 2 else 0)
        frame = nearest(round(start, 3), RATES[fps])
        for inside in (frame, frame + 1):
            assert shown.is_colour(inside, 60, 30, colours[number % 3]), (number, inside)


@pytest.mark.parametrize("fps", [24, 29.97, 60])
def test_footage_of_another_rate_is_in_time(fps: float):
    shown = render({**SMALL, "fps": fps, "elements": [element("video", material.counting(50, fps="50"))]})
    for number, pixels in enumerate(shown.frames[:-1]):
        assert abs(material.number_shown(pixels) - number / RATES.get(fps, fps) * 50) <= 1.5


def test_seeking_is_exact_within_a_long_group_of_pictures():
    file = material.counting(100, fps="25", every=250)
    shown = render({**SMALL, "fps": 25, "scenes": [scene(element("video", file, seek=2.36), seconds=0.4)]})
    assert [material.number_shown(frame) for frame in shown.frames] == list(range(59, 69))
