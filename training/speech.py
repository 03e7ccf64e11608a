"""Owns spoken text: the sound of a text from espeak-ng, with the true times of its words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training import espeak

RATE_HZ = 16_000  # what Whisper listens to
_STEP_MS = 5
_STEP_SAMPLES = RATE_HZ * _STEP_MS // 1000
_LOUD = 0.012  # of the loudest step; what is softer is silence
_SHORTEST_WORD_MS = 60
_SHORTEST_PAUSE_MS = 120  # a shorter hush at an end of a word is a stop consonant, and the word's own


@dataclass(frozen=True)
class SpokenWord:
    """A word without punctuation, and when it is heard."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Spoken:
    """Mono samples from -1 to 1, from the first sound to the last, and the words in them."""

    samples: NDArray[np.float32]
    rate_hz: int
    words: tuple[SpokenWord, ...]


class UnclearSpeechError(Exception):
    """The places of a text's words in its sound cannot be told."""


def speak(text: str, *, voice: str = "en-us", words_per_minute: int = 150, pitch: int = 50) -> Spoken:
    """Speak words and commas at 16 kHz.

    A word ends where its sound does, not where the next word begins. Raise UnclearSpeechError, as for words that
    espeak-ng runs together (`of the`), and ValueError for an unknown voice, which may have a variant: `en-us+m3`.
    """
    said = espeak.say(text, voice=voice, words_per_minute=words_per_minute, pitch=pitch)
    samples = _resampled(said.samples, said.rate_hz)
    is_loud = _loud_steps(samples)
    if not is_loud.any():
        raise UnclearSpeechError(f"{text!r} makes no sound")
    first, last = _extent(is_loud)
    tokens = list(re.finditer(r"\S+", text))
    starts = [first, *(max(first, _reported_start(said, token)) for token in tokens[1:])]
    words = tuple(
        _word(token[0], is_loud, start, end, first)
        for token, start, end in zip(tokens, starts, [*starts[1:], last], strict=True)
    )
    return Spoken(samples[first * _STEP_SAMPLES : last * _STEP_SAMPLES], RATE_HZ, words)


def laid(placed: Sequence[tuple[int, Spoken]], *, after: int) -> Spoken:
    """Lay pieces at their samples on one track that ends `after` samples later than the last."""
    samples = np.zeros(max(start + len(piece.samples) for start, piece in placed) + after, np.float32)
    words: list[SpokenWord] = []
    for start, piece in placed:
        samples[start : start + len(piece.samples)] += piece.samples
        words += _moved(piece.words, start)
    return Spoken(samples, RATE_HZ, tuple(words))


def _reported_start(said: espeak.Speech, token: re.Match[str]) -> int:
    if token.start() not in said.word_starts_ms:
        raise UnclearSpeechError(f"espeak-ng does not tell where {token[0]!r} begins in {token.string!r}")
    return said.word_starts_ms[token.start()] // _STEP_MS


def _word(token: str, is_loud: NDArray[np.bool_], start: int, end: int, origin: int) -> SpokenWord:
    span = is_loud[start:end]
    if len(span) * _STEP_MS < _SHORTEST_WORD_MS or not span.any():
        raise UnclearSpeechError(f"{token!r} is too short to be heard")
    lead, stop = _extent(span)
    tail = len(span) - stop
    start += lead if lead * _STEP_MS > _SHORTEST_PAUSE_MS else 0
    end -= tail if tail * _STEP_MS > _SHORTEST_PAUSE_MS else 0
    return SpokenWord(token.strip(",."), (start - origin) * _STEP_MS, (end - origin) * _STEP_MS)


def _resampled(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Resample by dropping the spectrum above 8 kHz."""
    count = round(len(samples) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    resampled = np.fft.irfft(spectrum, count) * (count / len(samples))
    return np.clip(resampled.astype(np.float32), -1, 1)


def _loud_steps(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    steps = samples[: len(samples) // _STEP_SAMPLES * _STEP_SAMPLES].reshape(-1, _STEP_SAMPLES)
    loudness = np.sqrt((steps**2).mean(axis=1))
    is_loud: NDArray[np.bool_] = loudness > _LOUD * max(float(loudness.max(initial=0)), 1e-6)
    return is_loud


def _extent(is_loud: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first loud step, and the step after the last."""
    loud = np.flatnonzero(is_loud)
    return int(loud[0]), int(loud[-1]) + 1


def _moved(words: Sequence[SpokenWord], by_samples: int) -> list[SpokenWord]:
    by_ms = round(by_samples * 1000 / RATE_HZ)
    return [replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms) for word in words]
