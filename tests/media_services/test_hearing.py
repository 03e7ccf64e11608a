"""What is believed of the words a recogniser reports."""

import numpy as np
import pytest

from media_services.hearing import Heard, believed

RATE = 16_000


def sound(*parts):
    """Return (seconds, level) parts of noise, one after another."""
    noise = np.random.default_rng(1)
    pieces = [noise.uniform(-1, 1, round(seconds * RATE)) * level for seconds, level in parts]
    return np.concatenate(pieces).astype(np.float32)


def heard(*words, probability=0.9):
    return [Heard(text, start, end, probability) for text, start, end in words]


def said(words, samples=None):
    samples = sound((20, 0.3)) if samples is None else samples
    return [(word.text, word.start_ms, word.end_ms) for word in believed(words, samples, RATE)]


def test_a_word_in_silence_is_not_believed():
    words = heard(("yes", 200, 600), ("thank", 2000, 2400), ("you", 2400, 2800))
    assert said(words, sound((1, 0.3), (3, 0))) == [("yes", 200, 600)]


def test_nothing_is_believed_of_a_silent_sound_or_of_none():
    assert said(heard(("you", 0, 400)), sound((3, 0))) == []
    assert said(heard(("you", 0, 400)), np.zeros(0, np.float32)) == []


def test_a_quiet_voice_is_a_voice():
    assert said(heard(("psst", 200, 600)), sound((1, 0.003))) == [("psst", 200, 600)]


def test_a_word_begins_when_its_sound_does():
    samples = sound((0.5, 0.3), (1.5, 0), (0.6, 0.3))
    assert said(heard(("late", 600, 2500)), samples) == [("late", 2000, 2500)]
    assert said(heard(("prompt", 1950, 2500)), samples) == [("prompt", 1950, 2500)]


def test_a_word_without_length_is_not_believed():
    assert said(heard(("never", 300, 300))) == []


def looped(times, probability, length_ms):
    texts = ["thank", "you."] * times
    return [Heard(text, n * length_ms, (n + 1) * length_ms, probability) for n, text in enumerate(texts)]


@pytest.mark.parametrize(("probability", "length_ms"), [(0.2, 300), (0.9, 20)])
def test_of_a_phrase_in_a_loop_the_first_saying_is_believed(probability, length_ms):
    words = [*looped(8, probability, length_ms), Heard("bye", 9000, 9400, 0.9)]
    assert [text for text, *_ in said(words)] == ["thank", "you.", "bye"]


def test_what_is_said_again_and_again_for_sure_is_believed():
    assert [text for text, *_ in said(looped(4, 0.9, 300))] == ["thank", "you."] * 4
    assert [text for text, *_ in said(looped(2, 0.2, 300))] == ["thank", "you."] * 2
