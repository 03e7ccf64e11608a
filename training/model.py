"""Owns the model in training: Whisper's own modules, small, with a small vocabulary and two extra heads."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import ModelDimensions, Whisper, sinusoids

from training import tokens
from training.attention import attend, attend_and_tell, look_nearby
from training.batch import POSITIONS, Batch
from training.vocabulary import WORDS

WIDTH, HEADS, ENCODER_LAYERS, DECODER_LAYERS = 96, 4, 2, 3
MELS = 80
CONTEXT = 448
VOCABULARY = 51865  # Whisper's, of all languages
# The decoder's last LayerNorm gives its last dimension this value, always: so the last column of the tokens' embedding
# is a bias of each token.
BIAS = 10.0
_SHIFTS = ((-12, -4, 4, 12), (-24, -8, 8, 24))


def dimensions(vocabulary: int = VOCABULARY) -> ModelDimensions:
    """Return the model's dimensions as Whisper writes them."""
    encoder, decoder = (WIDTH, HEADS, ENCODER_LAYERS), (WIDTH, HEADS, DECODER_LAYERS)
    return ModelDimensions(MELS, POSITIONS, *encoder, vocabulary, CONTEXT, *decoder)


class Trainee(nn.Module):
    """A Whisper that learns.

    Times and places in the text are sinusoids through one matrix each: what it learns of one time holds for all.
    `word_head` and `start_head` tell from the encoder which word is where; they are not exported.
    """

    def __init__(self) -> None:
        super().__init__()
        self.whisper = Whisper(dimensions(tokens.TEXT_COUNT))
        nn.init.normal_(self.whisper.decoder.token_embedding.weight, std=0.1)
        nn.init.zeros_(self.whisper.decoder.positional_embedding)  # `place_matrix` takes its place while training
        self.register_buffer("times", sinusoids(tokens.LAST_TIME + 1, WIDTH))
        self.register_buffer("places", sinusoids(CONTEXT, WIDTH))
        self.time_matrix = _faint_identity()
        self.place_matrix = _faint_identity()
        self.word_head = nn.Linear(WIDTH, len(WORDS) + 1)
        self.start_head = nn.Linear(WIDTH, 1)
        self._prepare_encoder()
        self.constrain()

    def _prepare_encoder(self) -> None:
        encoder = self.whisper.encoder
        with torch.no_grad():  # as loud as the positions that are added
            encoder.conv1.weight.mul_(2)
            encoder.conv2.weight.mul_(4)
        for number, block in enumerate(encoder.blocks):
            look_nearby(block.attn, _SHIFTS[number % len(_SHIFTS)])

    def constrain(self) -> None:
        """Keep the dimension of the biases constant; to be called after each step."""
        with torch.no_grad():
            self.whisper.decoder.ln.weight[-1] = 0
            self.whisper.decoder.ln.bias[-1] = BIAS

    def embedding(self) -> Tensor:
        """Return the vectors of the small vocabulary."""
        return torch.cat([self.whisper.decoder.token_embedding.weight, self.time_matrix(self.times)])

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Return what the encoder hears, and a bias for the keys where padding was sampled."""
        encoder = self.whisper.encoder
        heard = self._listen(batch.mel)
        positions = batch.offset[:, None] + torch.arange(heard.shape[1])
        bias = None
        if pads := batch.pads.shape[1]:
            bias = torch.zeros(heard.shape[1] + pads)
            bias[heard.shape[1] :] = math.log((POSITIONS - heard.shape[1]) / pads)
            padding = self._listen(torch.zeros(1, MELS, 10))[:, 2:3]
            heard = torch.cat([heard, padding.expand(len(heard), pads, -1)], 1)
            positions = torch.cat([positions, batch.pads], 1)
        heard = heard + encoder.positional_embedding[positions]
        for block in encoder.blocks:
            heard = block(heard) if bias is None else _biased(block, heard, bias)
        return encoder.ln_post(heard), bias

    def decode(self, read: Tensor, sound: Tensor, bias: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Return the tokens' logits, and the logarithm of where each layer's heads look."""
        decoder, embedding = self.whisper.decoder, self.embedding()
        state = embedding[read] + self.place_matrix(self.places[: read.shape[1]])
        maps = []
        for block in decoder.blocks:
            state = state + block.attn(block.attn_ln(state), mask=decoder.mask)[0]
            seen, log_map = attend_and_tell(block.cross_attn, block.cross_attn_ln(state), sound, bias)
            state = state + seen
            state = state + block.mlp(block.mlp_ln(state))
            maps.append(log_map)
        return decoder.ln(state) @ embedding.T, maps

    def _listen(self, mel: Tensor) -> Tensor:
        encoder = self.whisper.encoder
        return F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel)))).permute(0, 2, 1)


def _biased(block: nn.Module, heard: Tensor, bias: Tensor) -> Tensor:
    heard = heard + attend(block.attn, block.attn_ln(heard), bias)
    return heard + block.mlp(block.mlp_ln(heard))


def _faint_identity() -> nn.Linear:
    matrix = nn.Linear(WIDTH, WIDTH)
    with torch.no_grad():
        matrix.weight.copy_(0.1 * torch.eye(WIDTH))
        matrix.bias.zero_()
    return matrix
