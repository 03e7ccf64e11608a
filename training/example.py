"""Owns examples: a window of sound at random, and what the decoder should read and write for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training import tokens
from training.schedule import Kind
from training.sounds import Samples, without_speech
from training.speakers import Speaker
from training.speech import RATE_HZ, SpokenWord
from training.transcript import Span, Written, earlier_text, transcript
from training.utterance import utter
from training.worsening import worsened

NOT_PREDICTED = -100
_MEL_FRAME_SAMPLES = 160
_WHOLE = (Kind.CLIP, Kind.WINDOW)
_OVERRUN_ODDS = {Kind.HEAR: 0.08, Kind.WRITE: 0.08, Kind.CLIP: 0.0, Kind.WINDOW: 0.2}


@dataclass(frozen=True)
class Rows:
    """The decoder's rows: each reads a token and writes the next, by places in the small vocabulary.

    `read_about` and `written_about` tell which sound the two are about.
    """

    read: list[int]
    read_about: list[Span | None]
    written: list[int]
    written_about: list[Span | None]


@dataclass(frozen=True)
class Example:
    """A window that begins at the encoder's position `offset`; the words in it count from its own start."""

    samples: Samples
    words: tuple[SpokenWord, ...]
    offset: int
    rows: Rows


def make_example(rng: np.random.Generator, speakers: Sequence[Speaker], kind: Kind) -> Example:
    """Make up one example for a kind of step."""
    is_speech = bool(rng.random() >= 0.12)
    samples, words = _speech(rng, speakers, kind) if is_speech else _without_speech(rng, kind)
    has_times = bool(rng.random() < 0.6)
    is_anywhere = kind not in _WHOLE and rng.random() >= 0.5
    offset = int(rng.integers(0, tokens.LAST_TIME + 1 - kind.positions)) if is_anywhere else 0
    content_ms = len(samples) // _MEL_FRAME_SAMPLES * 10
    body = transcript(rng, words, content_ms=content_ms, window_ms=kind.window_s * 1000, has_times=has_times)
    prompt = _prompt(rng, kind) if has_times and rng.random() < 0.15 else []
    head = [tokens.START, tokens.ENGLISH, tokens.TRANSCRIBE, *([] if has_times else [tokens.NO_TIMES])]
    rows = _rows(rng, [*prompt, *head], [_moved(written, offset) for written in body], is_speech=is_speech)
    return Example(samples, words, offset, rows)


def _without_speech(rng: np.random.Generator, kind: Kind) -> tuple[Samples, tuple[SpokenWord, ...]]:
    return without_speech(rng, rng.uniform(0.3, kind.window_s)), ()


def _speech(
    rng: np.random.Generator, speakers: Sequence[Speaker], kind: Kind
) -> tuple[Samples, tuple[SpokenWord, ...]]:
    overruns = bool(rng.random() < _OVERRUN_ODDS[kind])
    length_s = kind.window_s + 3 if overruns else kind.window_s * rng.uniform(0.1 if kind in _WHOLE else 0.4, 1)
    spoken = utter(rng, speakers, length_s, may_overrun=overruns, is_stretched=True)
    samples, words = worsened(rng, spoken.samples), spoken.words
    if kind is Kind.CLIP:  # no sound may lie where padding is sampled
        samples = samples[: int(kind.window_s * RATE_HZ)]
        words = tuple(word for word in words if word.end_ms <= kind.window_s * 1000)
    return samples, words


def _prompt(rng: np.random.Generator, kind: Kind) -> list[int]:
    return [tokens.EARLIER_TEXT, *earlier_text(rng, 224 if kind is Kind.WINDOW else 40)]


def _moved(written: Written, offset: int) -> Written:
    """Let a time count from the start of the 30 s."""
    return written._replace(token=written.token + offset) if written.token >= tokens.TIME_0 else written


def _rows(rng: np.random.Generator, head: list[int], body: list[Written], *, is_speech: bool) -> Rows:
    """Predict the body, and nothing of the head but that nobody speaks."""
    known = len(head) - 1
    read = [tokens.PLACES[token] for token in [*head, *(written.token for written in body[:-1])]]
    target = [NOT_PREDICTED] * known + [tokens.PLACES[written.token] for written in body]
    start = head.index(tokens.START)
    target[start] = tokens.PLACES[tokens.ENGLISH if is_speech else tokens.NO_SPEECH]
    about = [None] * known + [written.about for written in body]
    return Rows(_with_mistakes(rng, read, len(head)), [None, *about[:-1]], target, about)


def _with_mistakes(rng: np.random.Generator, read: list[int], first: int) -> list[int]:
    """Swap a word now and then, so that the decoder learns to survive mistakes of its own."""
    for number in range(first, len(read)):
        if read[number] < tokens.WORD_COUNT and rng.random() < 0.04:
            read[number] = int(rng.integers(tokens.WORD_COUNT))
    return read
