"""Cases of what is done to pictures: opacity, fades, turns, motion, colours, and what lies over what."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests import media
from tests.conformance import material
from tests.conformance.case import (
    GREY,
    QUARTERS,
    Case,
    Check,
    Document,
    Point,
    element,
    image,
    one,
    quarters_in,
    scene,
    video,
)
from tests.conformance.rendered import Rendered

_BOX = {"x": 60, "y": 30, "width": 160}
_LONG = 1.0  # s, of what changes


def _scenery(**keys: Any) -> Document:
    return image(material.scenery(), **keys)


def _footage(**keys: Any) -> Document:
    return element("video", material.footage(material.scenery(), step_px=8), **keys)


def cases() -> Iterator[Case]:
    yield from _through()
    yield from _turning()
    yield from _moving()
    yield from _coloured()
    yield from _piled()


def _through() -> Iterator[Case]:
    for kind, make in (("image", image), ("video", video)):
        half = quarters_in(20, 10, 160, 120, "#981818 #189818 #181898 #989818")
        yield Case(f"{kind}: opacity", one(make(x=20, y=10, opacity=0.5)), half)
        yield Case(f"{kind}: no opacity", one(make(x=20, y=10, opacity=0)), [(2, 40, 30, GREY)])
        rising = one(make(x=20, y=10, fade_in=0.5), seconds=_LONG)
        yield Case(f"{kind}: fade-in", rising, [(0, 40, 30, GREY), (6, 40, 30, "red")], [_monotonous(0, 6)],
                   compared=(0, 2, 4, 9))  # fmt: skip
        falling = one(make(x=20, y=10, fade_out=0.5), seconds=_LONG)
        yield Case(f"{kind}: fade-out", falling, [(4, 40, 30, "red"), (9, 40, 30, "#591313")], [_monotonous(9, 4)],
                   compared=(0, 5, 7, 9))  # fmt: skip
    both = one(image(x=20, y=10, fade_in=0.4, fade_out=0.4, start=0.1, duration=0.8), seconds=_LONG)
    yield Case("fades within an element's own time", both,
               [(0, 40, 30, GREY), (5, 40, 30, "red"), (9, 40, 30, GREY)], compared=(0, 3, 5, 7, 9))  # fmt: skip
    disc = one(image(material.disc(), x=20, y=10))
    yield Case("a picture with alpha", disc, [(0, 60, 50, "#00c85a"), (0, 22, 12, GREY)])
    faint = one(image(material.disc(alpha=128), x=20, y=10))
    yield Case("a picture half seen through", faint, [(0, 60, 50, "#187c45"), (0, 22, 12, GREY)])
    ghost = one(image(material.disc(), x=20, y=10, opacity=0.5))
    yield Case("opacity of a picture with alpha", ghost, [(0, 60, 50, "#187c45"), (0, 22, 12, GREY)])


def _turning() -> Iterator[Case]:
    for kind, make in (("image", _scenery), ("video", _footage)):
        yield Case(f"{kind}: rotate by 30", one(make(**_BOX, rotate={"angle": 30})), [(0, 62, 32, GREY)])
    turning = one(image(x=20, y=20, rotate={"angle": 90, "speed": 0.5}), seconds=_LONG)
    yield Case("rotate with a speed", turning,
               [*quarters_in(20, 20, 160, 120), *quarters_in(40, 0, 120, 160, "blue red yellow lime", frame=6)],
               compared=())  # fmt: skip
    yield Case("turning scenery", one(_scenery(**_BOX, rotate={"angle": 90, "speed": 1}), seconds=_LONG),
               compared=(3, 6, 9))  # fmt: skip


def _moving() -> Iterator[Case]:
    frames = (0, 3, 6, 9)
    for kind, make in (("image", _scenery), ("video", _footage)):
        for zoom in (5, -5):
            yield Case(f"{kind}: zoom {zoom}", one(make(resize="cover", zoom=zoom), seconds=_LONG), compared=frames)
        yield Case(f"{kind}: zoom in a box", one(make(**_BOX, zoom=8), seconds=_LONG), [(9, 56, 40, GREY)],
                   compared=frames)  # fmt: skip
        yield Case(f"{kind}: pan", one(make(resize="cover", pan="top-right", pan_distance=0.3), seconds=_LONG),
                   compared=frames)  # fmt: skip
        wandering = make(**_BOX, pan="right", pan_distance=0.4, pan_crop=False)
        yield Case(f"{kind}: pan that leaves the picture", one(wandering, seconds=_LONG),
                   [(0, 64, 60, GREY), (9, 216, 60, GREY)], compared=frames)  # fmt: skip
    yield Case("zoom and pan", one(_scenery(resize="cover", zoom=4, pan="left"), seconds=_LONG), compared=frames)
    for way in ("left", "right", "top", "bottom", "top-left", "top-right", "bottom-left", "bottom-right"):
        document = one(image(resize="fill", pan=way, pan_distance=0.4), seconds=_LONG)
        yield Case(f"pan {way}", document, list(_seams(way)), compared=())


def _coloured() -> Iterator[Case]:
    corrections: list[dict[str, float]] = [
        {"brightness": 0.2},
        {"brightness": -0.3},
        {"contrast": 1.5},
        {"gamma": 2},
        {"gamma": 0.5},
        {"saturation": 0},
        {"saturation": 2},
        {"brightness": 0.1, "contrast": 1.3, "gamma": 1.2, "saturation": 1.5},
    ]
    for correction in corrections:
        words = " ".join(f"{name} {value:g}" for name, value in correction.items())
        yield Case(words, one(_scenery(**_BOX, correction=correction)), [(0, 56, 40, GREY)])
    yield Case("correction of a video", one(_footage(**_BOX, correction=corrections[-1])), [(0, 56, 40, GREY)])
    grey = one(image(x=20, y=10, correction={"saturation": 0}))
    yield Case("no saturation is grey", grey, checks=[_is_grey(40, 30), _is_grey(150, 100)], compared=())
    bright = one(image(material.disc(), x=20, y=10, correction={"brightness": 0.3}))
    yield Case("correction keeps alpha", bright, [(0, 22, 12, GREY)])
    actor = [(2, 140, 90, "#c828a0"), (2, 70, 40, GREY), (2, 210, 140, GREY)]
    green = {"color": "#00b140"}
    for kind, file in (("image", material.studio()), ("video", material.footage(material.studio()))):
        yield Case(f"{kind}: chroma-key", one(element(kind, file, **_BOX, chroma_key=green)), actor)
    alike = material.studio(actor="#00a080")
    narrow = element("image", alike, **_BOX, chroma_key={**green, "tolerance": 1})
    yield Case("a tolerance of 1 leaves what is near", one(narrow), [(2, 140, 90, "#00a080"), (2, 70, 40, GREY)])
    wide = element("image", alike, **_BOX, chroma_key={**green, "tolerance": 40})
    yield Case("a tolerance of 40 takes what is near", one(wide), [(2, 140, 90, GREY), (2, 70, 40, GREY)])
    all_ = element("image", material.studio("blue", "yellow"), **_BOX, chroma_key={"color": "blue", "tolerance": 100})
    bare = [(2, 140, 90, GREY), (2, 70, 40, GREY)]
    yield Case("a tolerance of 100 takes all", one(all_), bare, compared=())
    disc = image(material.disc(colour="#c828a0"), x=60, y=30, chroma_key=green)
    yield Case("a key keeps alpha", one(disc), [(2, 100, 70, "#c828a0"), (2, 62, 32, GREY)])
    keyed = image(material.studio(), **_BOX, chroma_key=green, correction={"saturation": 0}, flip_horizontal=True)
    yield Case("the key comes before the correction", one(keyed), [(2, 70, 40, GREY)], [_is_grey(140, 90)])


def _piled() -> Iterator[Case]:
    red, blue, lime = (media.picture(width=112, height=112, color=colour) for colour in ("red", "blue", "lime"))
    moving = material.footage(lime)
    left, middle, right = {"x": 20, "y": 20}, {"x": 60, "y": 40}, {"x": 100, "y": 60}
    spots: list[Point] = [(2, 40, 100, "red"), (2, 80, 100, "lime"), (2, 140, 100, "blue"), (2, 240, 90, GREY)]
    yield Case("document order", one(image(red, **left), video(moving, **middle), image(blue, **right)), spots)
    yield Case("z-index", one(image(blue, **right, z_index=99), video(moving, **middle, z_index=0),
                              image(red, **left, z_index=-99)), spots)  # fmt: skip
    equal = one(image(blue, **right, z_index=2), image(red, **left, z_index=1), image(lime, **middle, z_index=1))
    yield Case("document order among equals", equal, spots)
    over = {"scenes": [scene(image(red, **left))], "elements": [image(blue, **middle)]}
    yield Case("a placed element of the project lies over the scenes", over, [(2, 40, 60, "red"), (2, 80, 60, "blue")])
    under = {"scenes": [scene(image(red, **left, z_index=1))], "elements": [image(blue, **middle)]}
    yield Case("z-index reaches across project and scene", under, [(2, 80, 60, "red"), (2, 140, 100, "blue")])
    clear = {"scenes": [scene(image(red, **left), color="transparent")], "elements": [video(moving)]}
    yield Case("a video of the project is the background", clear, [(2, 40, 60, "red"), (2, 300, 170, "lime")])


def _monotonous(first: int, last: int) -> Check:
    """Check that red rises from one frame to another without standing still."""

    def check(shown: Rendered) -> None:
        step = 1 if last > first else -1
        levels = [shown.pixel(number, 40, 30)[0] for number in range(first, last + step, step)][:5]
        assert np.diff(levels).min() > 20, levels

    return check


def _is_grey(x: int, y: int) -> Check:
    def check(shown: Rendered) -> None:
        assert np.ptp(shown.pixel(2, x, y)) <= 6

    return check


def _seams(way: str) -> Iterator[Point]:
    """Yield points about the seams between the quarters: the view of 0.6 of the sides goes from 0-0.6 to 0.4-1."""
    for frame, first, second in ((0, 5 / 6, 1 / 6), (9, 1 / 6, 5 / 6)):
        x = round(320 * (first if "right" in way else second if "left" in way else 0.5))
        y = round(180 * (first if "bottom" in way else second if "top" in way else 0.5))
        for number, colour in enumerate(QUARTERS.split()):
            yield frame, x + (8 if number % 2 else -8), y + (8 if number // 2 else -8), colour
