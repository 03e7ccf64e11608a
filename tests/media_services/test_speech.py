"""Speech that was made with known times: the words that are recognised in it, and when they begin."""

import statistics

import numpy as np
import pytest

from media_services import pipeline
from media_services.movie.reading import read
from media_services.transcribe import Listening, transcribe
from tests import film
from tests.speech import SENTENCES, spoken

ENGLISH = Listening("tiny-words", "en")


@pytest.fixture(scope="module")
def sentences(recogniser):
    """Every test sentence: its true words, and the recognised ones."""
    made = [spoken(text) for text in SENTENCES]
    return [
        (true, transcribe(file, how=ENGLISH, threads=1, report=lambda _: None, recogniser=recogniser))
        for file, true in made
    ]


def plain(words):
    return [word.text.strip(".,") for word in words]


def test_spoken_sentences_give_their_words_exactly(sentences):
    assert [plain(heard) for _, heard in sentences] == [plain(true) for true, _ in sentences]


def test_words_begin_when_they_are_spoken(sentences):
    late_ms = [
        heard.start_ms - true.start_ms
        for pair in sentences
        for true, heard in zip(*pair, strict=True)
    ]  # fmt: skip
    assert statistics.median(map(abs, late_ms)) < 150
    assert statistics.quantiles(map(abs, late_ms), n=20)[-1] < 450


def test_the_highlighted_word_is_the_one_being_spoken(tmp_path, recogniser):
    file, true = spoken(SENTENCES[0])
    look = {"style": "classic", "word-color": "#00ff00", "line-color": "#ff0000", "outline-width": 0,
            "max-words-per-line": 7}  # fmt: skip
    speech = {"type": "audio", "src": str(file)}
    words = {"type": "subtitles", "language": "en", "model": "tiny-words", "settings": look}
    document = {"width": 640, "height": 360, "fps": 25, "scenes": [{"elements": [speech]}], "elements": [words]}
    movie = read(document, allow_files=True)
    local = {str(file): file}
    (made,) = pipeline.produce(movie, tmp_path, lambda *where: None, local=local, recogniser=recogniser).films
    middles = []
    for word in true[1:]:
        frame = film.frame(made.file, round((word.start_ms + word.end_ms) / 2 * 25 / 1000)).astype(int)
        columns = np.nonzero((frame[:, :, 1] > 180) & (frame[:, :, 0] < 90))[1]
        line = np.nonzero(frame.max(axis=2) > 180)[1]
        middles.append((columns.mean() - line.min()) / np.ptp(line))
    letters = [len(word.text) for word in true]
    expected = [
        (sum(letters[:n]) + n + letters[n] / 2) / (sum(letters) + len(letters) - 1) for n in range(1, len(true))
    ]
    assert middles == pytest.approx(expected, abs=0.06)
