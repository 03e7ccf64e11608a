"""Rendering a film: its parts are told one after another, from nothing to all."""

from pathlib import Path

import pytest

from media_services import pipeline
from media_services.movie.reading import read
from media_services.render.crew import Conditions
from media_services.render.encode import render, verify
from tests import media


@pytest.fixture
def planned(tmp_path):
    """Return a function that decides the timeline of a document."""

    def done(document):
        movie = read({"resolution": "160x90", "fps": 25, **document}, allow_files=True)
        local = {src: Path(src) for src, _ in movie.sources()}
        (timeline,) = pipeline.plan(movie, tmp_path / "sources", lambda *where: None, local=local)
        return timeline

    return done


def rendered(timeline, folder):
    heard = []
    film = render(timeline, folder, report=heard.append, conditions=Conditions())
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    return film, heard


def stills(number):
    pictures = [media.picture(color=colour) for colour in ("red", "lime", "blue")]
    scenes = [{"duration": 0.1, "elements": [{"type": "image", "src": str(pictures[n % 3])}]} for n in range(number)]
    return {"scenes": scenes}


def test_each_picture_of_a_slide_show_moves_the_film_forward(planned, tmp_path):
    _, heard = rendered(planned(stills(40)), tmp_path)
    assert len(set(heard)) > 40


def test_a_film_of_loops_and_pictures_moves_forward_in_each_part(planned, tmp_path):
    video = {"type": "video", "src": str(media.video(duration_s=4)), "seek": 1, "duration": 2}
    picture = {"type": "image", "src": str(media.picture()), "x": 4, "y": 4}
    timeline = planned({"scenes": [{"duration": 6, "elements": [picture]}], "elements": [video]})
    film, heard = rendered(timeline, tmp_path)
    assert film.frames == 150
    assert len(set(heard)) >= 6


def test_checking_a_film_is_reported(planned, tmp_path):
    timeline = planned({"scenes": [{"duration": 60, "elements": [{"type": "image", "src": str(media.picture())}]}]})
    film, _ = rendered(timeline, tmp_path)
    heard = []
    verify(film.file, timeline, heard.append)
    assert heard == sorted(set(heard))
    assert len(heard) >= 4


def test_mixing_many_sounds_moves_forward(planned, tmp_path, monkeypatch):
    monkeypatch.setattr("media_services.render.sound.MAX_INPUTS", 2)
    tone = {"type": "audio", "src": str(media.tone(duration_s=1))}
    timeline = planned({"scenes": [{"duration": 0.5, "elements": [tone]} for _ in range(20)], "cache": False})
    _, heard = rendered(timeline, tmp_path)
    assert len(set(heard)) > 20
