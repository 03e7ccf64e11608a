"""Every key of the movie format, in a tiny film: as the format says, and like the reference made without FFmpeg."""

import functools

import pytest

from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.likeness import colour_distance, ssim
from tests.conformance.reference import Reference
from tests.conformance.rendered import Rendered, render

ALIKE = 0.98  # SSIM
APART = 4.0  # levels, on average


@functools.cache
def rendered(number: int) -> Rendered:
    return render(CASES[number].document)


def table(*, compared: bool):
    """Return the cases with what is known to be wrong with the engine: such a case fails once it is right."""
    params = []
    for number, case in enumerate(CASES):
        reason = case.unlike if compared else case.wrong
        marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
        if case.compared or not compared:
            params.append(pytest.param(number, case, id=case.name, marks=marks))
    return params


@pytest.mark.parametrize(("number", "case"), table(compared=False))
def test_it_is_seen(number: int, case: Case):
    shown = rendered(number)
    for frame, x, y, colour in case.seen:
        assert shown.is_colour(frame, x, y, colour), (
            f"frame {frame} at {x},{y}: {shown.pixel(frame, x, y)}, not {colour}"
        )
    for check in case.checks:
        check(shown)


@pytest.mark.parametrize(("number", "case"), table(compared=True))
def test_it_looks_like_the_reference(number: int, case: Case):
    shown = rendered(number)
    reference = Reference(shown.timeline)
    for frame in case.compared:
        wanted, seen = reference.frame(frame), shown.frames[frame]
        assert ssim(wanted, seen) >= ALIKE, f"frame {frame}: {ssim(wanted, seen):.4f}"
        assert colour_distance(wanted, seen) <= APART, f"frame {frame}: {colour_distance(wanted, seen):.1f}"
