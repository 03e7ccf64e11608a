"""Slow motion is smooth: what is seen wanders in parts of a pixel, in even steps."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conformance import material
from tests.conformance.case import image, one
from tests.conformance.rendered import render

FRAMES, SIZE = 100, np.array([320, 180])
DOTS = [(x, y) for x in (0.3, 0.7) for y in (0.3, 0.7)]
REACH = 14  # px about a dot in which nothing else is
JITTER = 0.1  # px


def middle_of(pixels: NDArray[np.uint8], near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the middle of the light about a point, in pixels from the corner of the frame."""
    left, top = (int(part) - REACH for part in near)
    light = pixels[top : top + 2 * REACH, left : left + 2 * REACH].astype(float).mean(axis=2)
    light[light < 24] = 0
    columns, rows = np.arange(2 * REACH) + 0.5, np.arange(2 * REACH) + 0.5
    middle = np.array([light.sum(axis=0) @ columns, light.sum(axis=1) @ rows]) / light.sum()
    return middle + np.array([left, top])


def zoomed(done: float, dot: tuple[float, float]) -> NDArray[np.float64]:
    return SIZE / 2 + (np.array(dot) - 0.5) * SIZE * (1 + 0.1 * done)


def panned(done: float, dot: tuple[float, float]) -> NDArray[np.float64]:
    larger = 1 / 0.9
    return SIZE / 2 + (np.array(dot) - (0.5 + 0.1 * (done - 0.5), 0.5)) * SIZE * larger


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize(("keys", "expected"), [({"zoom": 1}, zoomed), ({"pan": "right"}, panned)])
def test_a_slow_motion_has_no_jitter(kind: str, keys: dict[str, object], expected: Callable[..., NDArray[np.float64]]):
    file = material.dots() if kind == "image" else material.footage(material.dots(), frames=FRAMES, fps="25")
    element = {**image(file, resize="cover", **keys), "type": kind}
    frames = render({**one(element, seconds=FRAMES / 25), "fps": 25}).frames
    assert len(frames) == FRAMES
    done = np.arange(FRAMES) / (FRAMES - 1)
    for dot in DOTS:
        wanted = np.array([expected(share, dot) for share in done])
        seen = np.array([middle_of(frame, near) for frame, near in zip(frames, wanted, strict=True)])
        for along in (0, 1):
            line = np.polyval(np.polyfit(done, seen[:, along], 1), done)
            assert np.abs(seen[:, along] - line).max() < JITTER
        assert np.abs(seen - wanted).max() < 0.35
