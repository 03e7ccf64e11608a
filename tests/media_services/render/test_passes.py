"""Passes of looped parts: true progress while FFmpeg works, and none while it hangs."""

import signal
from pathlib import Path

import pytest

from media_services import pipeline
from media_services.movie.reading import read
from media_services.render.crew import Conditions
from media_services.render.passes import prepare
from tests import media


class Stop(Exception):
    pass


@pytest.fixture
def cut(tmp_path):
    """Return a function that cuts 30 s out of a longer video, of which a film loops them."""

    def done(report):
        source = str(media.video(size="640x360", duration_s=32, fps="25", sound=False))
        video = {"type": "video", "src": source, "seek": 1, "duration": 30}
        movie = read(
            {"resolution": "960x540", "scenes": [{"duration": 90}], "cache": False, "elements": [video]},
            allow_files=True,
        )
        (timeline,) = pipeline.plan(movie, tmp_path, lambda *where: None, local={source: Path(source)})
        return prepare(timeline, tmp_path, report=report, conditions=Conditions())

    return done


def test_cutting_is_reported_by_the_frames_written(cut):
    heard = []
    timeline = cut(heard.append)
    assert heard == sorted(heard)
    assert len({fraction for fraction in heard if 0 < fraction < 1}) >= 3
    assert heard[-1] == 1.0
    assert timeline.layers[0].source.probe.frames == 900


def test_an_ffmpeg_that_hangs_moves_nothing(cut):
    heard = []

    def report(fraction):
        heard.append(fraction)
        if fraction > 0:
            for child in media.encoders():
                child.send_signal(signal.SIGSTOP)
        if heard.count(fraction) > 6 and fraction > 0:
            raise Stop

    with pytest.raises(Stop):
        cut(report)
    assert 0 < heard[-1] < 1
    assert media.encoders() == []


@pytest.mark.parametrize(("width", "height"), [(2, 40), (2, 120), (40, 2), (2, 2)])
def test_what_is_as_narrow_as_can_be_is_drawn(tmp_path, width, height):
    box = {"width": width, "height": height, "resize": "fill", "position": "custom"}
    clip = {"type": "video", "src": str(media.video(duration_s=0.3)), "x": 40, "loop": -1, **box}
    gif = {"type": "image", "src": str(media.animated_gif()), **box}
    still = {"type": "image", "src": str(media.picture()), "x": 10, "opacity": 0.5, **box}
    fading = {**still, "x": 20, "fade-in": 0.2}
    document = {"resolution": "160x90", "fps": 10, "cache": False}
    document["scenes"] = [{"duration": 1, "elements": [gif, {**gif, "x": 30, "loop": 0}, still, fading, clip]}]
    movie = read(document, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    film = pipeline.produce(movie, tmp_path, lambda *where: None, local=local).films[0]
    assert film.frames == 10


def test_a_pass_of_no_length_is_one_frame(tmp_path):
    video = {"type": "video", "src": str(media.video()), "duration": 1e-9}
    document = {"resolution": "160x90", "fps": 10, "cache": False, "scenes": [{"duration": 1}], "elements": [video]}
    movie = read(document, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    film = pipeline.produce(movie, tmp_path, lambda *where: None, local=local).films[0]
    assert film.frames == 10
