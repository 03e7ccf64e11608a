"""Captions from speech: the true recogniser on true speech, drawn into true films."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from media_services import pipeline
from media_services.captioning import _name, place_words
from media_services.errors import MediaError
from media_services.media import MediaKind, Probe, Source
from media_services.movie.reading import read
from media_services.subtitles.lines import Word
from media_services.timeline import Sound, Span
from media_services.transcribe import Listening, transcribe
from media_services.weights import checkpoint
from tests import film, media

SPEECH = Path(__file__).parent.parent.parent / "examples" / "media"
ENGLISH = Listening("tiny-words", "en")
SUBTITLES = {"type": "subtitles", "language": "en", "model": "tiny-words"}


@pytest.fixture
def words_in(recogniser):
    """A function: the words of a sound file, after a look at what it reports."""

    def words_in(file, how=ENGLISH, heard=None):
        heard = [] if heard is None else heard
        words = transcribe(file, how=how, threads=1, report=heard.append, recogniser=recogniser)
        assert heard == sorted(heard)
        return words

    return words_in


def plain(words):
    return [word.text.strip(",.").lower() for word in words]


def test_the_example_speech_is_recognised_word_for_word(words_in):
    sunrise, sea = (words_in(SPEECH / f"{name}.mp3") for name in ("sunrise", "sea"))
    assert plain(sunrise) == ["good", "morning", "hello", "world", "and", "welcome"]
    assert plain(sea) == ["this", "is", "the", "first", "scene", "blue", "and", "white"]
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(sunrise))


def test_music_and_silence_give_no_words(tmp_path, words_in):
    media.ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "2", tmp_path / "silence.wav")
    assert words_in(media.tone()) == []
    assert words_in(tmp_path / "silence.wav") == []


@pytest.fixture
def long_silence(tmp_path):
    """Four of Whisper's windows in which nobody speaks."""
    media.ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "118", tmp_path / "silence.wav")
    return tmp_path / "silence.wav"


def test_windows_without_speech_are_reported_too(long_silence, words_in):
    heard = []
    assert words_in(long_silence, heard=heard) == []
    assert len({fraction for fraction in heard if 0.1 < fraction < 1}) >= 3


def test_a_model_that_is_not_here_is_an_error_that_says_how_to_get_it():
    with pytest.raises(MediaError) as caught:
        checkpoint("large-v9")
    assert "manage.py whisper_model --download large-v9" in caught.value.message
    assert "large-v9.pt" in caught.value.message
    assert "VIDEOCRAFT_WHISPER_DIR" in caught.value.message


def test_a_sound_of_no_length_has_no_words(tmp_path, words_in):
    media.ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "0", tmp_path / "nothing.wav")
    assert words_in(tmp_path / "nothing.wav") == []


def test_a_damaged_model_is_an_error_that_trying_again_does_not_help(tmp_path, settings, words_in):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"whisper_dir": tmp_path})
    (tmp_path / "broken.pt").write_bytes(checkpoint("tiny-words").read_bytes()[:100_000])
    with pytest.raises(MediaError) as caught:
        words_in(SPEECH / "sea.mp3", Listening("broken", "en"))
    assert not caught.value.retryable
    assert "broken.pt could not be loaded" in caught.value.message


def test_words_to_expect_are_told_to_the_recogniser_and_part_of_what_is_kept(words_in):
    words = words_in(SPEECH / "sea.mp3", Listening("tiny-words", "en", ("blue", "white")))
    assert len(words) >= 5
    assert _name((Listening("tiny-words", "en", ("blue",)), "a")) != _name((Listening("tiny-words", "en"), "a"))


def sound(start_ms, end_ms, seek_ms=0):
    source = Source("a", Path("a"), "a", 1, Probe(MediaKind.AUDIO, "wav", 9000))
    return Sound(Span(start_ms, end_ms, 0, 0), source, "/0", 1.0, seek_ms, 9000, False, 0)


def test_words_are_moved_to_where_their_sound_lies_in_the_film():
    words = [Word("a", 100, 300), Word("b", 900, 1200), Word("c", 1900, 2300)]
    assert place_words(words, sound(5000, 7000)) == [
        Word("a", 5100, 5300),
        Word("b", 5900, 6200),
        Word("c", 6900, 7000),
    ]
    assert place_words(words, sound(5000, 6000, seek_ms=500)) == [Word("b", 5400, 5700)]


def test_a_first_word_stretched_over_the_silence_before_it_is_shortened():
    assert place_words([Word("late", 0, 3400)], sound(0, 5000)) == [Word("late", 1900, 3400)]


def test_a_film_shows_the_spoken_word_in_its_colour(tmp_path, recogniser, words_in):
    look = {
        "style": "one-word",
        "word-color": "#00ff00",
        "outline-width": 0,
        "position": "center-center",
        "font-size": 60,
    }
    speech = {"type": "audio", "src": str(SPEECH / "sunrise.mp3")}
    document = {
        "resolution": "640x360",
        "fps": 10,
        "scenes": [{"elements": [speech]}],
        "elements": [{**SUBTITLES, "settings": look}],
    }
    movie = read(document, allow_files=True)
    stages = []
    local = {speech["src"]: Path(speech["src"])}
    production = pipeline.produce(
        movie, tmp_path, lambda stage, fraction: stages.append(stage), local=local, recogniser=recogniser
    )
    assert "transcribing" in stages
    words = words_in(SPEECH / "sunrise.mp3")
    word = words[2]
    during = film.frame(production.films[0].file, (word.start_ms + word.end_ms) // 200)
    green = (during[:, :, 1] > 180) & (during[:, :, 0] < 90)
    assert green.sum() > 300
    rows, columns = np.nonzero(green)
    assert abs(rows.mean() - 180) < 25
    assert abs(columns.mean() - 320) < 25


def test_subtitles_of_a_scene_are_drawn_in_that_scene_alone(tmp_path, recogniser):
    scenes = [
        {"elements": [{"type": "audio", "src": str(SPEECH / "sunrise.mp3")}]},
        {
            "elements": [
                {"type": "audio", "src": str(SPEECH / "sea.mp3")},
                {**SUBTITLES, "settings": {"outline-width": 0}},
            ]
        },
    ]
    movie = read({"resolution": "320x180", "fps": 10, "scenes": scenes}, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    production = pipeline.produce(movie, tmp_path, lambda *where: None, local=local, recogniser=recogniser)
    frames = production.films[0].frames
    lit = [number for number in range(0, frames, 4) if film.frame(production.films[0].file, number).max() > 128]
    assert lit
    assert min(lit) >= 38


def test_a_sound_that_was_heard_before_is_not_listened_to_again(tmp_path, recogniser, monkeypatch):
    speech = media.converted(SPEECH / "desert.mp3", ".wav", "-af", "volume=0.9")
    document = {
        "resolution": "320x180",
        "fps": 5,
        "scenes": [{"elements": [{"type": "audio", "src": str(speech)}]}],
        "elements": [SUBTITLES],
    }
    movie = read(document, allow_files=True)
    drawn = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        local = {str(speech): speech}
        production = pipeline.produce(movie, folder, lambda *where: None, local=local, recogniser=recogniser)
        drawn.append((production.films[0].file.parent / "subtitles.ass").read_text())
        monkeypatch.setattr("media_services.captioning.transcribe", None)  # what would be called
    assert drawn[0] == drawn[1]
    assert "Dialogue" in drawn[0]
