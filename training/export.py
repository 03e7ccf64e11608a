"""Owns the finished checkpoint: a file that `whisper.load_model` reads, and the same compressed."""

import hashlib
import lzma
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training import tokens
from training.model import BIAS, WIDTH, Trainee, dimensions

NAME = "tiny-words"
_LEVELS = 255
_UNUSED_LOGIT = -40.0
_OTHER_LANGUAGE_LOGIT = -10.0


@dataclass(frozen=True)
class Exported:
    """A checkpoint, and what it weighs."""

    checkpoint: Path
    size_bytes: int
    packed_bytes: int
    sha256: str


def export(model: Trainee, folder: Path) -> Exported:
    """Write the checkpoint in half precision; its matrices have 255 values each, which halves the compressed size."""
    state = {name: value.clone() for name, value in model.whisper.state_dict().items()}
    with torch.no_grad():
        state["decoder.token_embedding.weight"] = _full_vocabulary(model.embedding())
        state["decoder.positional_embedding"] = model.place_matrix(model.places)
    rounded = {
        name: _rounded(value) if value.ndim > 1 and "embedding" not in name else value for name, value in state.items()
    }
    halved = {name: value.half().contiguous() for name, value in rounded.items()}
    file = folder / f"{NAME}.pt"
    torch.save({"dims": vars(dimensions()), "model_state_dict": halved}, file)
    return _packed(file)


def _packed(file: Path) -> Exported:
    content = file.read_bytes()
    packed = lzma.compress(content, preset=9)
    file.with_suffix(".pt.xz").write_bytes(packed)
    return Exported(file, len(content), len(packed), hashlib.sha256(content).hexdigest())


def _full_vocabulary(used: Tensor) -> Tensor:
    """Put the used tokens among Whisper's others, which get a hopeless bias; other languages read as English."""
    table = torch.zeros(dimensions().n_vocab, WIDTH)
    table[:, -1] = _UNUSED_LOGIT / BIAS
    for token, place in tokens.PLACES.items():
        table[token] = used[place]
    for language in set(tokens.TOKENIZER.all_language_tokens) - {tokens.ENGLISH}:
        table[language] = table[tokens.ENGLISH]
        table[language, -1] += _OTHER_LANGUAGE_LOGIT / BIAS
    table[tokens.TOKENIZER.translate] = table[tokens.TRANSCRIBE]
    return table


def _rounded(values: Tensor) -> Tensor:
    step = values.abs().max() / (_LEVELS // 2)
    return values if step == 0 else (values / step).round() * step
