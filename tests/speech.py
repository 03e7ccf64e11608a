"""Spoken sentences for tests, with the true times of their words; each is made once a session.

Only words of `training.vocabulary` are recognised by the bundled model, and a `.` or `,` of a transcript stands for a
silence: compare words without punctuation. The start of a segment's first word is Whisper's guess.
"""

import functools
import itertools
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import media
from training.speech import RATE_HZ, Spoken, SpokenWord, laid, speak

# The bundled model hears each of these word for word, spoken by en-us at 150 words a minute.
SENTENCES = (
    "hello world this is the first video",
    "start the music and stop the camera",
    "one two three four five six seven",
    "the title is yellow and the subtitle is white",
    "good morning world this is the last title",
    "cut the yellow subtitle and record the audio",
    "welcome, this is the first video, start the music and play the next scene",
    "red and blue and green and black",
    "play music five and cut scene nine",
    "good morning world, today the camera is red, the light is green, and the title is white",
    "no this is the last timeline",
    "hello world, this is the first video, welcome, this is the next scene, good morning, this is the last title",
)

Voice = tuple[tuple[str, Any], ...]


def spoken(text: str, **voice: Any) -> tuple[Path, list[SpokenWord]]:
    """Make a WAV of a text between two silences of 0.3 s; `voice` goes to `training.speech.speak`."""
    return talk([(text, 0.3)], after_s=0.3, **voice)


def talk(parts: Sequence[tuple[str, float]], *, after_s: float = 0.3, **voice: Any) -> tuple[Path, list[SpokenWord]]:
    """Make a WAV of texts, each after a silence of so many seconds, with `after_s` of silence at the end."""
    file, words = _talk(tuple(parts), after_s, _kept(voice))
    return file, list(words)


def long_talk(*, duration_s: float = 1200, pause_s: float = 1.0, **voice: Any) -> tuple[Path, list[SpokenWord]]:
    """Make a WAV of `duration_s` that repeats SENTENCES with pauses, the last of which fills what is left."""
    parts: list[tuple[str, float]] = []
    left_s = duration_s
    for text in itertools.cycle(SENTENCES):
        length_s = pause_s + len(_said(text, _kept(voice)).samples) / RATE_HZ
        if length_s > left_s:
            break
        parts.append((text, pause_s))
        left_s -= length_s
    return talk(parts, after_s=left_s, **voice)


@functools.cache
def _talk(parts: tuple[tuple[str, float], ...], after_s: float, voice: Voice) -> tuple[Path, tuple[SpokenWord, ...]]:
    placed: list[tuple[int, Spoken]] = []
    place = 0
    for text, before_s in parts:
        place += round(before_s * RATE_HZ)
        placed.append((place, _said(text, voice)))
        place += len(placed[-1][1].samples)
    whole = laid(placed, after=round(after_s * RATE_HZ))
    return _written(whole.samples), whole.words


@functools.cache
def _said(text: str, voice: Voice) -> Spoken:
    return speak(text, **dict(voice))


def _kept(voice: dict[str, Any]) -> Voice:
    return tuple(sorted(voice.items()))


def _written(samples: NDArray[np.float32]) -> Path:
    file = media.new_file(".wav")
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE_HZ)
        sound.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return file
