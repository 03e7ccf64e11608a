"""Plates: progress with every picture, an end as soon as it is wished, and no drawing of the same twice."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from media_services.media import MediaKind, Probe, Source
from media_services.movie.document import Text
from media_services.movie.settings import TextSettings
from media_services.placing import Box, Placement
from media_services.render import pixels
from media_services.render.pixels import Memory, pixels_of
from media_services.render.plates import make_plates, write_frames
from media_services.timeline import Layer, Look, Span
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


@pytest.mark.parametrize("channels", [3, 4])
def test_what_is_written_is_read_again_without_loss(tmp_path, channels):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (36, 50, channels), np.uint8) for _ in range(3)]
    file, fps = tmp_path / "a.nut", Fraction(30000, 1001)
    write_frames(file, zip((0, 7, 300), pictures, strict=True), (50, 36), fps, opaque=channels == 3)
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    assert [round(frame.time * fps) for frame in frames] == [0, 7, 300]
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.array_equal(frame.to_ndarray(format="rgb24" if channels == 3 else "rgba"), picture)


class TestMemory:
    @pytest.fixture
    def drawn(self, monkeypatch):
        """Return the list of what is drawn from now on."""
        drawn = []

        def draw(layer, region, canvas):
            drawn.append(layer)
            return Image.new("RGB", (region.width, region.height))

        monkeypatch.setattr(pixels, "_memory", Memory(1024**2))
        monkeypatch.setattr(pixels, "_drawn", draw)
        return drawn

    @staticmethod
    def picture(color="red"):
        file = media.picture(color=color)
        source = Source("a", file, f"content of {file}", 1, Probe(MediaKind.IMAGE, "png", 0, 64, 48))
        return Layer(Span(0, 9, 0, 9), Placement.whole(64, 48), "/a", source)

    @staticmethod
    def text(words="a", **settings):
        text = Text(type="text", text=words, settings=TextSettings(**settings))
        return Layer(Span(0, 9, 0, 9), Placement.whole(64, 48), "/a", text=text)

    def test_what_is_seen_again_at_another_time_is_not_drawn_again(self, drawn):
        colour = Layer(Span(0, 9, 0, 9), Placement.whole(64, 48), "/a", colour="#123456")
        for layer in (self.picture(), self.text(), colour):
            first = pixels_of(layer, CANVAS, (64, 48))
            again = pixels_of(replace(layer, span=Span(9, 20, 9, 20), path="/b", scene=2), CANVAS, (64, 48))
            assert again is first
        assert len(drawn) == 3

    def test_all_that_decides_how_it_looks_tells_it_from_others(self, drawn):
        picture, text = self.picture(), self.text()
        larger = Placement(CANVAS, (128, 96))
        layers = [
            picture,
            self.picture("blue"),
            replace(picture, source=replace(picture.source, sha256="other")),
            replace(picture, placement=larger),
            replace(picture, look=Look(flip_vertical=True)),
            text,
            self.text("b"),
            self.text(color="#00ff00"),
            replace(text, font=picture.source),
        ]
        for layer in layers:
            pixels_of(layer, CANVAS, (64, 48))
        pixels_of(picture, Box(0, 0, 32, 48), (64, 48))
        pixels_of(text, CANVAS, (640, 480))
        assert len(drawn) == len(layers) + 2

    def test_no_more_is_kept_than_allowed_and_what_was_asked_for_last(self):
        memory, made = Memory(30), []

        def get(key, size=10):
            return memory.get(key, lambda: made.append(key) or np.zeros(size, np.uint8))

        for key in "abcadb":
            get(key)
        assert made == list("abcdb")
        get("large", 31)
        get("large", 31)
        assert made == [*"abcdb", "large", "large"]

    def test_what_is_kept_cannot_be_changed(self, drawn):
        with pytest.raises(ValueError, match="read-only"):
            pixels_of(self.picture(), CANVAS, (64, 48))[0, 0] = 0
