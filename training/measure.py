"""Owns the comparison of what was said with what Whisper heard."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from training.sounds import Samples
from training.speech import RATE_HZ, Spoken, SpokenWord

OPTIONS = {"temperature": 0, "condition_on_previous_text": False, "fp16": False, "word_timestamps": True}


@dataclass
class Measured:
    """Counts, and errors in ms (later than true is positive) of all words that were heard right.

    The first word of a recording has no start error: Whisper only guesses where it begins.
    """

    recordings: int = 0
    exact_recordings: int = 0
    words: int = 0
    wrong_words: int = 0
    length_s: float = 0
    took_s: float = 0
    start_errors_ms: list[int] = field(default_factory=list)
    end_errors_ms: list[int] = field(default_factory=list)

    @property
    def accuracy_percent(self) -> float:
        """Return the share of words that need no edit: no missing, extra or other word."""
        return 100 * (1 - self.wrong_words / max(1, self.words))

    def add(self, said: Sequence[SpokenWord], heard: Sequence[SpokenWord]) -> None:
        """Compare one recording."""
        pairs, wrong = aligned([word.text for word in said], [word.text for word in heard])
        self.recordings += 1
        self.exact_recordings += wrong == 0
        self.words += len(said)
        self.wrong_words += wrong
        self.start_errors_ms += [heard[there].start_ms - said[here].start_ms for here, there in pairs if here > 0]
        self.end_errors_ms += [heard[there].end_ms - said[here].end_ms for here, there in pairs]


def aligned(said: Sequence[str], heard: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Return which words of two texts are the same, as pairs of places, and how many edits the rest needs."""
    edits = Levenshtein.opcodes(said, heard)
    pairs = [
        pair
        for edit in edits
        if edit.tag == "equal"
        for pair in zip(range(edit.src_start, edit.src_end), range(edit.dest_start, edit.dest_end), strict=True)
    ]
    return pairs, Levenshtein.distance(said, heard)


def measure(model: Any, recordings: Sequence[Spoken]) -> Measured:
    """Let Whisper transcribe recordings as the service does, and compare."""
    measured = Measured()
    for recording in recordings:
        began = time.perf_counter()
        heard = hear(model, recording.samples)
        measured.took_s += time.perf_counter() - began
        measured.length_s += len(recording.samples) / RATE_HZ
        measured.add(recording.words, heard)
    return measured


def hear(model: Any, samples: Samples) -> list[SpokenWord]:
    """Return the words that Whisper finds, without punctuation."""
    found = model.transcribe(samples, language="en", **OPTIONS)
    words = [word for segment in found["segments"] for word in segment["words"]]
    spoken = [
        SpokenWord(word["word"].strip(" ,."), round(word["start"] * 1000), round(word["end"] * 1000)) for word in words
    ]
    return [word for word in spoken if word.text]


def median_and_p95(errors_ms: Sequence[int]) -> str:
    """Return the median and the 95th percentile of how large errors are."""
    if not errors_ms:
        return "–"
    median, p95 = np.percentile(np.abs(errors_ms), (50, 95))
    return f"{median:.0f} / {p95:.0f} ms"
