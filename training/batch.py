"""Owns batches: examples as tensors, each batch made from the seed and its number alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from whisper.audio import mel_filters

from training import tokens
from training.example import NOT_PREDICTED, make_example
from training.schedule import Kind, Step
from training.sounds import Samples
from training.speakers import Speaker
from training.speech import SpokenWord
from training.transcript import Span
from training.vocabulary import WORDS

POSITIONS = 1500
PADS = 80  # of a clip's positions of padding; each counts as (1500 - 500) / 80 of them
_HOP, _WINDOW = 160, 400
_MELS = 80


@dataclass(frozen=True)
class Batch:
    """Examples by rows. With B of them, P positions, and R rows of the decoder:

    `mel` B x 80 x 2P; `pads` B x PADS, or B x 0, positions of padding; `offset` B; `word` B x P, 1 more than the
    number of the word that is heard, or 0; `start` B x P, 1 where one begins; `read` and `written` B x R, and
    `read_about` and `written_about` B x R x P, where each row sums to 1, or to 0 if it is about nothing.
    """

    kind: Kind
    mel: Tensor
    pads: Tensor
    offset: Tensor
    word: Tensor
    start: Tensor
    read: Tensor
    written: Tensor
    read_about: Tensor
    written_about: Tensor


class Batches(Dataset):
    """The batches of a plan, from the step `first` on."""

    def __init__(self, speakers: Sequence[Speaker], seed: int, steps: Sequence[Step], first: int) -> None:
        self._speakers, self._seed, self._steps, self._first = speakers, seed, steps, first

    def __len__(self) -> int:
        return len(self._steps) - self._first

    def __getitem__(self, number: int) -> Batch:
        torch.set_num_threads(1)
        if number >= len(self):
            raise IndexError(number)
        number += self._first
        return make_batch(np.random.default_rng([self._seed, number]), self._speakers, self._steps[number].kind)


def make_batch(rng: np.random.Generator, speakers: Sequence[Speaker], kind: Kind) -> Batch:
    """Make up a batch for one step."""
    examples = [make_example(rng, speakers, kind) for _ in range(kind.windows)]
    heard = [_heard(example.words, kind.positions) for example in examples]
    return Batch(
        kind,
        mel=log_mel([example.samples for example in examples], kind.positions),
        pads=_pads(rng, kind),
        offset=torch.tensor([example.offset for example in examples]),
        word=torch.stack([word for word, _ in heard]),
        start=torch.stack([start for _, start in heard]),
        read=_filled([example.rows.read for example in examples], tokens.PLACES[tokens.END]),
        written=_filled([example.rows.written for example in examples], NOT_PREDICTED),
        read_about=_about([example.rows.read_about for example in examples], kind.positions),
        written_about=_about([example.rows.written_about for example in examples], kind.positions),
    )


def log_mel(sounds: Sequence[Samples], positions: int) -> Tensor:
    """Return what `whisper.transcribe` makes of each sound: cut at its content, then padded with zeros."""
    audio = torch.zeros(len(sounds), positions * 2 * _HOP + _WINDOW)
    for row, samples in zip(audio, sounds, strict=True):
        row[: min(len(samples), len(row))] = torch.from_numpy(samples[: len(row)])
    spectrum = torch.stft(audio, _WINDOW, _HOP, window=torch.hann_window(_WINDOW), return_complex=True)
    power = spectrum[..., : 2 * positions].abs() ** 2
    mel = torch.clamp(mel_filters("cpu", _MELS) @ power, min=1e-10).log10()
    mel = (torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8) + 4) / 4
    for row, samples in zip(mel, sounds, strict=True):
        row[:, len(samples) // _HOP :] = 0
    return mel


def _pads(rng: np.random.Generator, kind: Kind) -> Tensor:
    if kind is not Kind.CLIP:
        return torch.zeros(kind.windows, 0, dtype=torch.long)
    order = np.argsort(rng.random((kind.windows, POSITIONS - kind.positions)))
    return torch.from_numpy(order[:, :PADS] + kind.positions)


def _heard(words: Sequence[SpokenWord], positions: int) -> tuple[Tensor, Tensor]:
    """Return which word each position is in, and where words begin."""
    word_numbers, starts = torch.zeros(positions, dtype=torch.long), torch.zeros(positions)
    for word in words:
        start, end = round(word.start_ms / tokens.TIME_MS), round(word.end_ms / tokens.TIME_MS)
        word_numbers[start:end] = WORDS.index(word.text) + 1
        starts[max(0, start - 1) : start + 2] = 1
    return word_numbers, starts


def _filled(rows: Sequence[Sequence[int]], filler: int) -> Tensor:
    length = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (length - len(row))] for row in rows])


def _about(rows: Sequence[Sequence[Span | None]], positions: int) -> Tensor:
    """Spread each row's attention evenly over the positions of its span."""
    about = torch.zeros(len(rows), max(map(len, rows)), positions)
    for number, spans in enumerate(rows):
        for row, span in enumerate(spans):
            if span:
                first = min(positions - 1, max(0, round(span.start_ms / tokens.TIME_MS)))
                after = min(positions, max(first + 1, round(span.end_ms / tokens.TIME_MS)))
                about[number, row, first:after] = 1 / (after - first)
    return about
