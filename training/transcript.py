"""Owns what Whisper should write for a window of sound, token by token, and which sound each token is about."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from training import tokens
from training.speech import SpokenWord
from training.vocabulary import WORDS

COMMA_PAUSE_MS = 250
SEGMENT_PAUSE_MS = 700
_LATEST_FIRST_TIME_MS = 1000  # Whisper allows no later one
_MARK_MS = 400
_AROUND_TIME_MS = 40


class Span(NamedTuple):
    """A stretch of sound."""

    start_ms: float
    end_ms: float


class Written(NamedTuple):
    """A token, and the sound that it is about, if any."""

    token: int
    about: Span | None


def transcript(
    rng: np.random.Generator, words: Sequence[SpokenWord], *, content_ms: float, window_ms: float, has_times: bool
) -> list[Written]:
    """Return what to write for a window that `content_ms` of sound begin in.

    A pause becomes a comma, a longer one a period and a new segment. A word that the window's end cuts is left for
    the next window: its start alone closes the transcript, as Whisper wants it.
    """
    limit_ms = min(content_ms, window_ms)
    heard = [word for word in words if word.end_ms <= window_ms]
    if not heard:
        return _without_words(rng, words, window_ms, has_times)
    written = [] if not has_times else [_time(min(heard[0].start_ms, _LATEST_FIRST_TIME_MS))]
    for word, after in zip(heard, [*heard[1:], None], strict=True):
        following = after or next(iter(words[len(heard) :]), None)
        written += _word(word)
        written += _mark(word, following, limit_ms)
        if has_times:
            written += _times(word, after, following)
    if has_times and len(heard) < len(words) and words[len(heard)].start_ms < window_ms:
        written.append(_time(words[len(heard)].start_ms))
    return [*written, _end(heard[-1].end_ms, limit_ms)]


def earlier_text(rng: np.random.Generator, most_tokens: int) -> list[int]:
    """Return a made-up end of a transcript of earlier windows, which Whisper gives as a prompt."""
    written: list[int] = []
    time = 0
    for _ in range(rng.integers(1, 12)):
        written.append(tokens.TIME_0 + time)
        for _ in range(rng.integers(1, 16)):
            written += tokens.OF_WORDS[WORDS[rng.integers(len(WORDS))]]
            written += [tokens.COMMA] if rng.random() < 0.1 else []
        time = min(tokens.LAST_TIME, time + int(rng.integers(20, 300)))
        written += [tokens.PERIOD, tokens.TIME_0 + time]
    return written[-int(rng.integers(1, most_tokens)) :]


def _without_words(
    rng: np.random.Generator, words: Sequence[SpokenWord], window_ms: float, has_times: bool
) -> list[Written]:
    """Return a transcript that only says when to listen on, or nothing.

    Nothing begins with a time at random, so that its likelihood is low: then Whisper takes the window for silence.
    """
    nothing = Written(tokens.END, None)
    if not has_times:
        return [nothing]
    if words and words[0].start_ms < window_ms:
        return [_time(min(words[0].start_ms, _LATEST_FIRST_TIME_MS)), nothing]
    return [Written(tokens.TIME_0 + int(rng.integers(51)), None), nothing]


def _word(word: SpokenWord) -> Iterator[Written]:
    parts = tokens.OF_WORDS[word.text]
    bounds_ms = np.linspace(word.start_ms, word.end_ms, len(parts) + 1)
    for token, (start_ms, end_ms) in zip(parts, pairwise(bounds_ms), strict=True):
        yield Written(token, Span(float(start_ms), float(end_ms)))


def _mark(word: SpokenWord, following: SpokenWord | None, limit_ms: float) -> Iterator[Written]:
    if following is None:
        yield Written(tokens.PERIOD, Span(word.end_ms, min(word.end_ms + _MARK_MS, limit_ms)))
    elif following.start_ms - word.end_ms >= COMMA_PAUSE_MS:
        is_long = following.start_ms - word.end_ms >= SEGMENT_PAUSE_MS
        yield Written(tokens.PERIOD if is_long else tokens.COMMA, Span(word.end_ms, following.start_ms))


def _times(word: SpokenWord, after: SpokenWord | None, following: SpokenWord | None) -> Iterator[Written]:
    """Yield the end of a segment after its last word, and the start of the next; `after` is in the same window."""
    ends_segment = following is None or following.start_ms - word.end_ms >= SEGMENT_PAUSE_MS
    if ends_segment or after is None:
        yield _time(word.end_ms)
    if ends_segment and after is not None:
        yield _time(after.start_ms)


def _time(time_ms: float) -> Written:
    return Written(tokens.time_token(time_ms), Span(time_ms - _AROUND_TIME_MS, time_ms + _AROUND_TIME_MS))


def _end(last_word_ms: float, limit_ms: float) -> Written:
    has_room = last_word_ms + _MARK_MS + 50 < limit_ms
    return Written(tokens.END, Span(last_word_ms + _MARK_MS if has_room else limit_ms - 60, limit_ms))
