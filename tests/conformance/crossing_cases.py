"""Cases of transitions: how each looks, and that all that goes on goes on through them."""

from collections.abc import Iterator
from typing import Any

from media_services.movie.settings import TransitionStyle
from tests import media
from tests.conformance import checks, material
from tests.conformance.case import Case, Check, Document, Point, element, image, scene, video
from tests.conformance.rendered import Rendered

_COMPARED = ("fade", "wipe", "slide", "fadeblack", "fadewhite")
_OLD, _NEW = "#802020", "#203080"
_FADE = {"style": "fade", "duration": 0.5}


def _red(**keys: Any) -> Document:
    return image(media.picture(color="red", width=160, height=90), **{"width": 320, **keys})


def _blue(**keys: Any) -> Document:
    return image(media.picture(color="blue", width=160, height=90), **{"width": 320, **keys})


def cases() -> Iterator[Case]:
    yield from _styles()
    yield from _limits()
    yield from _piles()
    yield from _going_on()


def _styles() -> Iterator[Case]:
    for style in TransitionStyle:
        transition = {"style": style.value, "duration": 0.7}
        first, second = (image(material.scenery(), width=160, **place) for place in ({}, {"x": 160, "y": 60}))
        document = {
            "scenes": [
                scene(first, seconds=0.9, color=_OLD),
                scene(second, seconds=0.9, color=_NEW, transition=transition),
            ],
            "elements": [image(material.disc(), position="bottom-left")],
        }  # fmt: skip
        points: list[Point] = [(1, 40, 140, "#00c85a"), (5, 40, 140, "#00c85a"), (10, 40, 140, "#00c85a")]
        points += [(1, 240, 160, _OLD), (10, 240, 30, _NEW)]
        compared = (1, 3, 5, 8, 10) if style.value.startswith(_COMPARED) else ()
        seen = [checks.lasts(11), _middle(style.value)]
        yield Case(f"transition {style.value}", document, points, seen, compared)


def _pair(first: Document, second: Document, seconds: float = 1, **keys: str) -> list[Document]:
    return [scene(first, seconds=seconds, **keys), scene(second, seconds=seconds, transition=_FADE, **keys)]


def _limits() -> Iterator[Case]:
    first = {"scenes": [scene(_red(), seconds=1, transition=_FADE)]}
    yield Case("the first scene comes in over black", first, [(0, 150, 90, "black"), (6, 150, 90, "red")],
               compared=(0, 2, 6))  # fmt: skip
    short = {"scenes": [scene(seconds=0.3, color="red"), scene(seconds=1, color="blue", transition=_FADE)]}
    yield Case("a transition is as long as its scenes allow", short, [(0, 150, 90, "red"), (3, 150, 90, "blue")],
               [checks.lasts(10), checks.warns("short-transition")])  # fmt: skip
    tight = {"scenes": [scene(seconds=1, color="red"), scene(seconds=1, color="lime", transition=_FADE),
                        scene(seconds=1, color="blue", transition=_FADE)]}  # fmt: skip
    spots: list[Point] = [(4, 150, 90, "red"), (10, 150, 90, "lime"), (15, 150, 90, "blue")]
    yield Case("one transition ends where the next begins", tight, spots, [checks.lasts(20)], compared=(7, 10, 12))


def _piles() -> Iterator[Case]:
    through = {
        "scenes": _pair(_red(width=160), _blue(width=160), color="transparent"),
        "elements": [video(material.footage(material.scenery(), frames=15, step_px=8))],
    }
    yield Case("the background goes on while scenes change", through, [(4, 40, 40, "red"), (11, 40, 40, "blue")],
               compared=(4, 7, 9, 12))  # fmt: skip
    held = {"scenes": _pair(_red(z_index=5), _blue(z_index=5)), "elements": [image(material.disc(), x=100, y=50)]}
    hidden: list[Point] = [(2, 140, 90, "red"), (7, 140, 90, "#990066"), (12, 140, 90, "blue")]
    yield Case("a transition keeps what lies over what", held, hidden, compared=(2, 7, 12))  # fmt: skip
    above = {"scenes": _pair(_red(), _blue()), "elements": [image(material.disc(), x=100, y=50, fade_in=1)]}
    yield Case("what fades above goes on while scenes change", above, compared=(4, 6, 8, 12))


def _going_on() -> Iterator[Case]:
    around = (2, 5, 7, 9, 12)
    footage = [element("video", material.footage(material.scenery(), step_px=8), resize="cover"),
               element("video", material.footage(material.scenery(), step_px=-8), resize="cover")]  # fmt: skip
    yield Case("footage goes on through a transition", {"scenes": _pair(*footage)}, compared=around)
    zooming = [image(material.scenery(), resize="cover", zoom=zoom) for zoom in (8, -8)]
    yield Case("a zoom goes on through a transition", {"scenes": _pair(*zooming)}, compared=around)
    panning = [video(material.footage(material.scenery(), step_px=8), x=20, y=20, pan="left"), _blue(opacity=0.5)]
    yield Case("a pan goes on through a transition", {"scenes": _pair(*panning)}, compared=around)
    ends, begins = _red(duration=0.7, fade_out=0.4), _blue(start=0.2, fade_in=0.5)
    yield Case("elements come and go within a transition", {"scenes": _pair(ends, begins)}, compared=around)
    loops = element("video", material.counting(4), resize="fill", loop=-1)
    counted = [checks.counts([n % 4 for n in range(5)]), checks.counts([(n + 1) % 4 for n in range(5)], first=10)]
    yield Case("loops go on through a transition", {"scenes": _pair(loops, loops)}, checks=counted, compared=around)
    held = element("video", material.counting(4), resize="fill", duration=1)
    yield Case("a last picture stays through a transition", {"scenes": _pair(held, _blue())}, compared=around)


def _middle(style: str) -> Check:
    """Check points by which the direction of a transition is known, when half of it is done."""
    left, right, top, bottom, near, corner = (100, 150), (300, 30), (250, 10), (120, 170), (165, 55), (312, 8)
    early, late = 3, 7
    points = {
        "wipeleft": [(5, right, _NEW), (5, left, _OLD)],
        "wiperight": [(5, left, _NEW), (5, right, _OLD)],
        "wipeup": [(5, bottom, _NEW), (5, top, _OLD)],
        "wipedown": [(5, top, _NEW), (5, bottom, _OLD)],
        "circleopen": [(late, near, _NEW), (early, corner, _OLD)],
        "circleclose": [(early, near, _OLD), (late, corner, _NEW)],
    }.get(style, [])

    def check(shown: Rendered) -> None:
        for frame, (x, y), colour in points:
            assert shown.is_colour(frame, x, y, colour), (frame, x, y, shown.pixel(frame, x, y))
        if style == "dissolve":
            part = shown.frames[5][150:178, 110:158].reshape(-1, 3)
            share = (part[:, 2] > part[:, 0]).mean()
            assert 0.3 < share < 0.7, share
        if style in ("fadeblack", "fadewhite"):
            levels = [frame[160:178, 170:310].mean() for frame in shown.frames[2:9]]
            assert (min(levels) < 25) if style == "fadeblack" else (max(levels) > 220), levels

    return check
