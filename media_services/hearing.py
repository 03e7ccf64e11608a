"""Owns what is believed of the words a recogniser reports: none where there is silence, and no phrase said in a loop.

Times are milliseconds. A recogniser invents words in silence, gets caught in repeating itself, and lets a word begin
at the start of the silence before it; the sound itself tells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_FRAME_MS = 10
_PAUSE_FRAMES = 20
_SILENT_SHARE = 10 ** (-45 / 20)  # of the level of the loud parts: what is fainter is no voice
_SILENT_LEVEL = 10 ** (-70 / 20)  # of full scale
_NEAR_MS = 100  # times of words are true to about so much
_SHORTEST_MS = 80
_LONGEST_PHRASE = 12  # words
_LOOPS = 3  # how often in a row a phrase is said before its repeats are in doubt
_DOUBTFUL = 0.5  # the mean probability below which they are not believed
_HASTY_MS = 60  # nor when its words last no longer than this


@dataclass(frozen=True)
class Heard:
    """A word as the recogniser reports it, with how probable it thinks it."""

    text: str
    start_ms: int
    end_ms: int
    probability: float


def believed(words: Sequence[Heard], sound: NDArray[np.float32], rate: int) -> list[Heard]:
    """Return the words that are believed, each beginning when its sound does; `sound` is mono, -1 to 1."""
    levels = _levels(sound, rate)
    loud = float(np.percentile(levels, 95)) if len(levels) else 0.0
    silence = max(loud * _SILENT_SHARE, _SILENT_LEVEL)
    voiced = [word for word in words if word.end_ms > word.start_ms and _sounds(word, levels, silence)]
    return [_begun(word, levels, silence) for word in _without_loops(voiced)]


def quietest(sound: NDArray[np.float32], rate: int, seconds: float) -> int:
    """Return the sample in the middle of the quietest 0.2 s of the last seconds of a longer sound."""
    levels = _levels(sound, rate)
    first = max(len(levels) - round(seconds * 1000) // _FRAME_MS, 0)
    power = np.convolve(np.square(levels[first:]), np.ones(_PAUSE_FRAMES), mode="valid")
    last_of_the_quietest = len(power) - 1 - int(np.argmin(power[::-1]))
    return (first + last_of_the_quietest + _PAUSE_FRAMES // 2) * rate * _FRAME_MS // 1000


def _levels(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the level (root mean square) of each frame of 10 ms."""
    size = rate * _FRAME_MS // 1000
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    return np.sqrt(np.mean(np.square(frames), axis=1)) if len(frames) else np.zeros(0, np.float32)


def _sounds(word: Heard, levels: NDArray[np.float32], silence: float) -> bool:
    first, last = (word.start_ms - _NEAR_MS) // _FRAME_MS, (word.end_ms + _NEAR_MS) // _FRAME_MS
    return bool((levels[max(first, 0) : last + 1] > silence).any())


def _begun(word: Heard, levels: NDArray[np.float32], silence: float) -> Heard:
    """Return a word without the silence before it."""
    span = levels[word.start_ms // _FRAME_MS : word.end_ms // _FRAME_MS]
    quiet = ~(span > silence)
    frames = int(np.argmin(quiet)) if not quiet.all() else 0
    if frames * _FRAME_MS <= _NEAR_MS:
        return word
    return replace(word, start_ms=min(word.start_ms + frames * _FRAME_MS, word.end_ms - _SHORTEST_MS))


def _without_loops(words: Sequence[Heard]) -> list[Heard]:
    """Return words without the repeats of a phrase in which the recogniser was caught; the first saying stays."""
    kept: list[Heard] = []
    at = 0
    while at < len(words):
        length, times = max(_loops(words, at), key=lambda loop: loop[1] * loop[0], default=(1, 1))
        repeats = words[at + length : at + length * times]
        kept += words[at : at + length]
        if times < _LOOPS or not _is_doubtful(repeats):
            kept += repeats
        at += length * times
    return kept


def _loops(words: Sequence[Heard], at: int) -> Iterator[tuple[int, int]]:
    """Yield (words in the phrase, times it is said) of each phrase that is said more than once from here."""
    texts = [word.text.casefold().strip(" .,!?…") for word in words[at : at + _LONGEST_PHRASE * 64]]
    for length in range(1, _LONGEST_PHRASE + 1):
        phrase, times = texts[:length], 1
        while texts[length * times : length * (times + 1)] == phrase:
            times += 1
        if times >= _LOOPS:
            yield length, times


def _is_doubtful(words: Sequence[Heard]) -> bool:
    probability = sum(word.probability for word in words) / len(words)
    length_ms = sum(word.end_ms - word.start_ms for word in words) / len(words)
    return probability < _DOUBTFUL or length_ms < _HASTY_MS
