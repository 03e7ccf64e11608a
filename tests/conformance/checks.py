"""What a case checks of a whole film, more than colours at points."""

from collections.abc import Iterable

import av
import numpy as np

from tests.conformance import material
from tests.conformance.case import Check
from tests.conformance.rendered import Rendered


def counts(numbers: Iterable[int], first: int = 0, off: int = 0) -> Check:
    """Check the numbers that frames show, from the first on."""
    wanted = list(numbers)

    def check(shown: Rendered) -> None:
        seen = [material.number_shown(frame) for frame in shown.frames[first : first + len(wanted)]]
        assert np.abs(np.subtract(seen, wanted)).max() <= off, (seen, wanted)

    return check


def lasts(frames: int) -> Check:
    def check(shown: Rendered) -> None:
        assert len(shown.frames) == frames

    return check


def codec(name: str) -> Check:
    def check(shown: Rendered) -> None:
        with av.open(str(shown.file)) as container:
            assert container.streams.video[0].codec_context.codec.canonical_name == name

    return check


def size(width: int, height: int) -> Check:
    def check(shown: Rendered) -> None:
        assert shown.frames[0].shape[:2] == (height, width)

    return check


def warns(code: str) -> Check:
    def check(shown: Rendered) -> None:
        assert code in shown.warnings

    return check
