"""Owns utterances: what one or two speakers say in a row, with pauses between."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from training.sounds import Samples
from training.speakers import Speaker
from training.speech import RATE_HZ, Spoken, laid

_Thing = TypeVar("_Thing")
_START_RANGES_S = ((0, 0.1), (0, 1), (1, 4))
_START_ODDS = (0.25, 0.6, 0.15)


@dataclass(frozen=True)
class Person:
    """A speaker with a throat of some length: resampling by `stretch` moves the formants, too."""

    speaker: Speaker
    stretch: float = 1

    def say_word(self, rng: np.random.Generator) -> Spoken:
        return self._stretched(any_of(rng, self.speaker.words).play())

    def say_phrase(self, rng: np.random.Generator) -> Spoken:
        return self._stretched(any_of(rng, self.speaker.phrases).play())

    def _stretched(self, spoken: Spoken) -> Spoken:
        if self.stretch == 1:
            return spoken
        count = int(len(spoken.samples) * self.stretch)
        places = np.arange(count) / self.stretch
        samples = np.interp(places, np.arange(len(spoken.samples)), spoken.samples).astype(np.float32)
        words = (
            replace(word, start_ms=round(word.start_ms * self.stretch), end_ms=round(word.end_ms * self.stretch))
            for word in spoken.words
        )
        return Spoken(samples, RATE_HZ, tuple(words))


def utter(
    rng: np.random.Generator,
    speakers: Sequence[Speaker],
    length_s: float,
    *,
    may_overrun: bool = False,
    is_stretched: bool = False,
) -> Spoken:
    """Let one or two speakers say words and phrases for about `length_s`; the last may overrun it."""
    people = _people(rng, speakers, is_stretched)
    placed = _placed(rng, people, int(length_s * RATE_HZ), may_overrun)
    silence = 0 if rng.random() < 0.15 else int(rng.exponential(0.7) * RATE_HZ)
    spoken = laid(placed, after=silence)
    if rng.random() < 0.1:
        _add_end_of_earlier_word(rng, people[0], spoken)
    return spoken


def _people(rng: np.random.Generator, speakers: Sequence[Speaker], is_stretched: bool) -> list[Person]:
    count = 1 if rng.random() < 0.8 else 2
    chosen = [any_of(rng, speakers) for _ in range(count)]
    return [
        Person(speaker, rng.uniform(0.86, 1.16) if is_stretched and rng.random() < 0.6 else 1) for speaker in chosen
    ]


def _placed(
    rng: np.random.Generator, people: Sequence[Person], length: int, may_overrun: bool
) -> list[tuple[int, Spoken]]:
    share_of_phrases = 0.6 * rng.random()
    low_s, high_s = _START_RANGES_S[rng.choice(len(_START_RANGES_S), p=_START_ODDS)]
    place = min(int(rng.uniform(low_s, high_s) * RATE_HZ), length // 2)
    placed: list[tuple[int, Spoken]] = []
    while place <= length:
        piece = _piece(rng, any_of(rng, people), share_of_phrases)
        if place + len(piece.samples) > length and placed and not may_overrun:
            break
        placed.append((place, piece))
        place += len(piece.samples) + int(_pause_s(rng) * RATE_HZ)
        if rng.random() < 0.06:
            break
    return placed


def _piece(rng: np.random.Generator, person: Person, share_of_phrases: float) -> Spoken:
    is_phrase = rng.random() < share_of_phrases and person.speaker.phrases
    piece = person.say_phrase(rng) if is_phrase else person.say_word(rng)
    return replace(piece, samples=piece.samples * np.float32(10 ** rng.uniform(-0.15, 0.15)))


def _pause_s(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.5:
        return rng.uniform(0, 0.15)
    return rng.uniform(0.3, 0.6) if kind < 0.82 else rng.uniform(0.8, 2.5)


def _add_end_of_earlier_word(rng: np.random.Generator, person: Person, spoken: Spoken) -> None:
    """Begin with the last sound of a word that an earlier window had."""
    word: Samples = person.say_word(rng).samples
    room_s = spoken.words[0].start_ms / 1000 - 0.1
    count = int(min(rng.uniform(0.02, 0.08), room_s) * RATE_HZ)
    if count > 0:
        spoken.samples[:count] += word[-count:]


def any_of(rng: np.random.Generator, things: Sequence[_Thing]) -> _Thing:
    """Return one of them at random."""
    return things[int(rng.integers(len(things)))]
