"""Owns attention that differs from Whisper's own: with a bias for each key, with its map kept, or begun as taps."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from whisper.model import MultiHeadAttention

_SHARPNESS = 1.62
_SHARE_OF_CHANCE = 0.1
_FASTEST, _SLOWEST = 0.7, 0.01  # radians a position


def attend(attention: MultiHeadAttention, queries: Tensor, key_bias: Tensor) -> Tensor:
    """Attend to oneself as Whisper does, with `key_bias` (one number for each key) added to all scores."""
    query, key, value = _split(attention, queries, queries)
    bias = key_bias.expand(query.shape[2], -1)
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    return _joined(attention, mixed)


def attend_and_tell(
    attention: MultiHeadAttention, queries: Tensor, sound: Tensor, key_bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Attend to sound; return the result, and the logarithm of where each head looks, both with gradients."""
    query, key, value = _split(attention, queries, sound)
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    log_map = F.log_softmax(scores if key_bias is None else scores + key_bias, dim=-1)
    return _joined(attention, log_map.exp() @ value), log_map


def look_nearby(attention: MultiHeadAttention, shifts: Sequence[int]) -> None:
    """Begin a self-attention as soft taps, one for each head, at fixed distances in positions.

    A sinusoid's shift is linear, so that a head's query, turned by its shift, meets the keys so far away. Left to
    itself the training would take very long to find this.
    """
    width = attention.query.weight.shape[0]
    query, key = torch.zeros(width, width), torch.zeros(width, width)
    head_width = width // len(shifts)
    frequencies = _frequencies(width // 2, head_width // 2)
    for head, shift in enumerate(shifts):
        for number, (place, frequency) in enumerate(frequencies):
            sine, cosine = head * head_width + 2 * number, head * head_width + 2 * number + 1
            turn = frequency * shift
            query[sine, place] = query[cosine, width // 2 + place] = math.cos(turn)
            query[sine, width // 2 + place], query[cosine, place] = math.sin(turn), -math.sin(turn)
            key[sine, place] = key[cosine, width // 2 + place] = 1
    with torch.no_grad():
        attention.query.weight.mul_(_SHARE_OF_CHANCE).add_(_SHARPNESS * query)
        attention.key.weight.mul_(_SHARE_OF_CHANCE).add_(_SHARPNESS * key)
        attention.query.bias.zero_()


def _frequencies(count: int, wanted: int) -> list[tuple[int, float]]:
    """Choose among the frequencies of `whisper.model.sinusoids`; return each with its place."""
    all_of_them = torch.exp(-math.log(10000) / (count - 1) * torch.arange(count))
    targets = torch.logspace(math.log10(_FASTEST), math.log10(_SLOWEST), wanted)
    places = [int((all_of_them.log() - target.log()).abs().argmin()) for target in targets]
    return [(place, float(all_of_them[place])) for place in places]


def _split(attention: MultiHeadAttention, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values by heads: batch x heads x positions x width of a head."""
    projected = (attention.query(queries), attention.key(keys), attention.value(keys))
    query, key, value = (x.view(*x.shape[:2], attention.n_head, -1).transpose(1, 2) for x in projected)
    return query, key, value


def _joined(attention: MultiHeadAttention, mixed: Tensor) -> Tensor:
    return attention.out(mixed.transpose(1, 2).flatten(2))
