"""Passes of looped parts: true progress while FFmpeg works, and none while it hangs."""

import signal
from pathlib import Path

import pytest

from media_services import pipeline
from media_services.movie.reading import read
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
            {"resolution": "160x90", "scenes": [{"duration": 90}], "cache": False, "elements": [video]},
            allow_files=True,
        )
        (timeline,) = pipeline.plan(movie, tmp_path, lambda *where: None, local={source: Path(source)})
        return prepare(timeline, tmp_path, report=report, timeout_s=60)

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
