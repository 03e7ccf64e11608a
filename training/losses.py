"""Owns what the training minimises: wrong tokens, and looking at or hearing a word in the wrong place."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training import tokens
from training.batch import Batch
from training.model import DECODER_LAYERS, Trainee
from training.schedule import Kind

_WEIGHTS = {"token": 1.0, "look": 0.4, "word": 0.5, "start": 0.2}
_START_WEIGHT = 4.0  # a start is rare


@dataclass(frozen=True)
class Losses:
    """Losses by name, and shares of what is right: `heard` by the encoder, `written` by the decoder."""

    losses: dict[str, Tensor]
    shares: dict[str, Tensor]

    def total(self) -> Tensor:
        """Return the weighted sum of the losses, which is what is minimised."""
        return sum(_WEIGHTS[name] * loss for name, loss in self.losses.items())

    def numbers(self) -> dict[str, float]:
        """Return all of them for a report."""
        return {name: value.item() for name, value in {**self.losses, **self.shares}.items()}


def losses_of(model: Trainee, batch: Batch) -> Losses:
    """Let a model hear a batch and, unless it only is to hear, write."""
    sound, bias = model.encode(batch)
    hearing = _of_hearing(model, batch, sound[:, : batch.kind.positions])
    if batch.kind is Kind.HEAR:
        return hearing
    logits, maps = model.decode(batch.read, sound, bias)
    writing = _of_writing(batch, logits, maps)
    return Losses(hearing.losses | writing.losses, hearing.shares | writing.shares)


def _of_hearing(model: Trainee, batch: Batch, sound: Tensor) -> Losses:
    words, starts = model.word_head(sound), model.start_head(sound)[..., 0]
    weight = torch.tensor(_START_WEIGHT)
    start_loss = F.binary_cross_entropy_with_logits(starts, batch.start, pos_weight=weight)
    word_loss = F.cross_entropy(words.flatten(0, 1), batch.word.flatten())
    is_right = words.argmax(-1) == batch.word
    return Losses({"word": word_loss, "start": start_loss}, {"heard": is_right[batch.word > 0].float().mean()})


def _of_writing(batch: Batch, logits: Tensor, maps: Sequence[Tensor]) -> Losses:
    """Return the losses of tokens and of looking.

    Whisper takes the times of words from the last half of the layers: these are to look at the word that is written.
    Those before look at the word just read, the place to go on from.
    """
    token_loss = F.cross_entropy(logits.flatten(0, 1), batch.written.flatten(), ignore_index=-100)
    layers = [
        _looking(log_map, batch.written_about if number >= DECODER_LAYERS // 2 else batch.read_about)
        for number, log_map in enumerate(maps)
    ]
    is_word = (batch.written >= 0) & (batch.written < tokens.WORD_COUNT)
    is_right = logits.argmax(-1) == batch.written
    losses = {"token": token_loss, "look": sum(layers) / len(layers)}
    return Losses(losses, {"written": is_right[is_word].float().mean()})


def _looking(log_map: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross-entropy of where heads look with where they should; a row about nothing is free."""
    is_about_something = wanted.sum(-1) > 0
    missed = -(log_map[..., : wanted.shape[-1]] * wanted[:, None]).sum(-1).mean(1)
    return missed[is_about_something].mean()
