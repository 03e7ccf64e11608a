"""Plates: progress with every picture, and an end as soon as it is wished."""

from fractions import Fraction

import pytest

from media_services.media import MediaKind, Probe, Source
from media_services.placing import Box, Placement
from media_services.render.plates import make_plates
from media_services.timeline import Layer, Span
from tests import media

CANVAS = Box(0, 0, 64, 48)


@pytest.fixture
def make(tmp_path):
    """Return a function that makes the plates of pictures, each seen for one frame."""

    def made(pictures, report):
        source = Source("a", media.picture(), "a", 1, Probe(MediaKind.IMAGE, "png", 0, 64, 48))
        layers = [Layer(Span(0, 0, n, n + 1), Placement.whole(64, 48), "/", source) for n in range(pictures)]
        file = tmp_path / "plates.nut"
        return make_plates(
            layers, canvas=CANVAS, fps=Fraction(25), file=file, frames=pictures, opaque=True, report=report
        )

    return made


def test_every_picture_is_reported(make):
    heard = []
    make(20, heard.append)
    assert heard == sorted(set(heard))
    assert len(heard) >= 20
    assert heard[-1] == 1.0


def test_pictures_seen_at_once_are_reported_one_by_one(tmp_path):
    source = Source("a", media.picture(), "a", 1, Probe(MediaKind.IMAGE, "png", 0, 64, 48))
    layers = [Layer(Span(0, 0, 0, 10), Placement.whole(64, 48), "/", source)] * 30
    heard = []
    make_plates(
        layers, canvas=CANVAS, fps=Fraction(25), file=tmp_path / "a.nut", frames=10, opaque=False, report=heard.append
    )
    assert len(set(heard)) >= 30


def test_a_report_that_raises_stops_at_that_picture(make):
    heard = []

    class Cancelled(Exception):
        pass

    def report(fraction):
        heard.append(fraction)
        if len(heard) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        make(200, report)
    assert len(heard) == 3
