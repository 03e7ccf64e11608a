"""Owns the sounds that a checkpoint is tried on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.sounds import Samples, noise, without_speech
from training.speakers import Speaker
from training.speech import RATE_HZ, Spoken, laid
from training.utterance import any_of, utter
from training.worsening import worsened

_SILENCES_S = (0.5, 1, 2, 3, 5, 8, 10, 20, 30, 45)
_TONES = (  # Hz, s, peak
    *((440, 5, 0.125), (440, 10, 0.125), (1000, 5, 0.125), (1000, 3, 0.5), (220, 12, 0.5)),
    *((300, 20, 0.05), (50, 8, 0.3), (2500, 4, 0.2), (440, 40, 0.125), (880, 2, 0.9)),
)
_NOISES = ((3, 0.001), (5, 0.01), (10, 0.1), (20, 0.03), (8, 0.0001))  # s, loudness


@dataclass(frozen=True)
class Trial:
    """Recordings of one sort."""

    name: str
    recordings: list[Spoken]


def trials(
    rng: np.random.Generator, known: Sequence[Speaker], held_out: Sequence[Speaker], count: int
) -> Iterator[Trial]:
    """Yield recordings of up to 10 s, `count` of each sort, and fewer longer ones."""
    for name, speakers in (("known", known), ("held-out", held_out)):
        words_only = [replace(speaker, phrases=()) for speaker in speakers]
        yield Trial(f"separate words, {name} voices", [_speech(rng, words_only, 2, 10) for _ in range(count)])
        yield Trial(f"one sentence, {name} voices", [_sentence(rng, speakers) for _ in range(count)])
        yield Trial(f"both, in noise and rooms, {name} voices", [_worse(rng, speakers) for _ in range(count)])
    for shortest_s, longest_s in ((10, 20), (20, 29)):
        recordings = [_speech(rng, known, shortest_s, longest_s) for _ in range(count // 3)]
        yield Trial(f"both, known voices, {shortest_s}-{longest_s} s", recordings)
    yield Trial("both, known voices, 40-70 s", [_long(rng, known) for _ in range(count // 6)])


def quiet_sounds(rng: np.random.Generator) -> dict[str, list[Samples]]:
    """Return sounds in which nobody speaks, by name."""
    return {
        "silence": [np.zeros(int(length_s * RATE_HZ), np.float32) for length_s in _SILENCES_S],
        "sine tones": [_sine(*tone) for tone in _TONES],
        "noise": [noise(rng, length_s * RATE_HZ, loudness) for length_s, loudness in _NOISES],
        "other sounds": [without_speech(rng, rng.uniform(1, 28)) for _ in range(20)],
    }


def _speech(rng: np.random.Generator, speakers: Sequence[Speaker], shortest_s: float, longest_s: float) -> Spoken:
    return utter(rng, speakers, rng.uniform(shortest_s, longest_s))


def _sentence(rng: np.random.Generator, speakers: Sequence[Speaker]) -> Spoken:
    phrase = any_of(rng, any_of(rng, speakers).phrases).play()
    before_s, after_s = rng.uniform(0.05, 0.8), rng.uniform(0.2, 1)
    return laid([(int(before_s * RATE_HZ), phrase)], after=int(after_s * RATE_HZ))


def _worse(rng: np.random.Generator, speakers: Sequence[Speaker]) -> Spoken:
    spoken = _speech(rng, speakers, 2, 10)
    return replace(spoken, samples=worsened(rng, spoken.samples))


def _long(rng: np.random.Generator, speakers: Sequence[Speaker]) -> Spoken:
    length = int(rng.uniform(40, 70) * RATE_HZ)
    placed: list[tuple[int, Spoken]] = []
    place = 0
    while place < length:
        spoken = _speech(rng, speakers, 5, 15)
        placed.append((place, spoken))
        place += len(spoken.samples) + int(rng.uniform(0.3, 2) * RATE_HZ)
    return laid(placed, after=0)


def _sine(frequency_hz: float, length_s: float, peak: float) -> Samples:
    time_s = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    wave: Samples = (np.sin(2 * np.pi * frequency_hz * time_s) * peak).astype(np.float32)
    return wave
