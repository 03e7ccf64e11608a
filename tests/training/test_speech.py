"""Speech says where its words are, and the bundled recogniser hears them there."""

import itertools
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.speech import SENTENCES, long_talk, spoken, talk
from training.evaluate import load
from training.measure import Measured, hear
from training.speech import RATE_HZ, SpokenWord, UnclearSpeechError, speak
from training.vocabulary import WORDS

BUNDLED = Path("media_services/whisper_models/tiny-words.pt.xz")


def samples_of(file: Path) -> NDArray[np.float32]:
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE_HZ, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768


def loudness(samples: NDArray[np.float32], start_ms: int, end_ms: int) -> float:
    return float(np.sqrt((samples[start_ms * 16 : end_ms * 16] ** 2).mean()))


@pytest.fixture(scope="module")
def model() -> Any:
    torch.set_num_threads(1)
    return load(BUNDLED)


def test_the_vocabulary_has_fifty_words_and_the_sentences_keep_to_it():
    assert len(set(WORDS)) == len(WORDS) == 50
    assert len(set(SENTENCES)) == len(SENTENCES) == 12
    assert {word for text in SENTENCES for word in text.replace(",", "").split()} <= set(WORDS)


def test_a_word_begins_and_ends_where_its_sound_does():
    said = speak("banana")

    assert said.rate_hz == RATE_HZ
    assert said.words == (SpokenWord("banana", 0, 470),)
    assert len(said.samples) == 470 * 16


def test_words_are_in_the_order_of_time_and_fill_a_sentence_but_for_its_pauses():
    words = speak("hello world, this is the first video").words

    assert [word.text for word in words] == ["hello", "world", "this", "is", "the", "first", "video"]
    gaps_ms = [after.start_ms - before.end_ms for before, after in itertools.pairwise(words)]
    assert [gap > 120 for gap in gaps_ms] == [False, True, False, False, False, False]
    assert [gap for gap in gaps_ms if gap <= 120] == [0] * 5


@pytest.mark.parametrize("text", SENTENCES)
def test_sound_is_within_the_words_and_silence_outside(text):
    file, words = spoken(text)
    samples = samples_of(file)

    for word in words:
        assert loudness(samples, word.start_ms, word.end_ms) > 0.02
    silences = [0, *(word.end_ms for word in words)], [*(word.start_ms for word in words), len(samples) // 16]
    between = [(start, end) for start, end in zip(*silences, strict=True) if end > start]
    assert max(loudness(samples, start, end) for start, end in between) < 0.002


def test_the_same_text_sounds_the_same_whatever_was_said_before():
    first = speak("good morning").samples
    speak("stop", voice="en-us+f3", words_per_minute=190, pitch=80)

    np.testing.assert_array_equal(speak("good morning").samples, first)


def test_voices_differ_in_speed_pitch_and_variant():
    plain = speak("hello world")

    assert speak("hello world", words_per_minute=120).words[-1].end_ms > plain.words[-1].end_ms * 1.1
    for other in (speak("hello world", pitch=80), speak("hello world", voice="en-us+f3")):
        count = min(len(other.samples), len(plain.samples))
        assert np.abs(other.samples[:count] - plain.samples[:count]).max() > 0.1


@pytest.mark.parametrize("voice", ["nobody", "en-us+nobody"])
def test_an_unknown_voice_is_refused(voice):
    with pytest.raises(ValueError, match=r"no voice '.*nobody'"):
        speak("hello", voice=voice)


@pytest.mark.parametrize("text", ["", ",", "one of the two"])
def test_a_text_whose_words_cannot_be_placed_is_refused(text):
    with pytest.raises(UnclearSpeechError):
        speak(text)


def test_the_words_of_a_talk_move_with_the_silences_before_them():
    first, second = speak("hello world"), speak("stop")
    file, words = talk([("hello world", 0.5), ("stop", 1.5)], after_s=1)

    length_ms = len(first.samples) // 16
    assert [word.start_ms for word in words[:2]] == [500 + word.start_ms for word in first.words]
    assert words[2] == SpokenWord("stop", 500 + length_ms + 1500, 500 + length_ms + 1500 + second.words[0].end_ms)
    assert len(samples_of(file)) == len(first.samples) + len(second.samples) + 3 * RATE_HZ


def test_a_sentence_is_made_once_a_session_and_its_words_are_the_callers_own():
    file, words = spoken("hello world")
    words.clear()

    assert spoken("hello world")[0] == file
    assert [word.text for word in spoken("hello world")[1]] == ["hello", "world"]


def test_a_long_talk_is_as_long_as_asked_for_and_its_words_are_where_the_sound_is():
    file, words = long_talk(duration_s=1200)
    samples = samples_of(file)

    assert len(samples) == 1200 * RATE_HZ
    assert words[-1].end_ms > 1_185_000
    assert len(words) > 1500
    assert min(loudness(samples, word.start_ms, word.end_ms) for word in words) > 0.02


@pytest.mark.parametrize("text", SENTENCES)
def test_the_bundled_model_hears_the_words_where_they_were_spoken(model, text):
    file, words = spoken(text)
    measured = Measured()

    measured.add(words, hear(model, samples_of(file)))

    assert measured.wrong_words == 0
    assert np.median(np.abs(measured.start_errors_ms)) < 50
    assert np.median(np.abs(measured.end_errors_ms)) < 50
