"""Owns the order of the training: which kind of step comes when, and how fast it learns."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

FULL_STEPS = 4700
_SLOWEST = 0.01
_WARM_STEPS = 100


class Kind(Enum):
    """A kind of step: how many positions of 20 ms its windows have, how many of them it takes, and what it costs."""

    HEAR = (200, 24, 1)
    """The encoder alone learns which word is where."""
    WRITE = (300, 20, 2)
    """All of the model learns, on short windows anywhere within the 30 s."""
    CLIP = (500, 12, 3)
    """Up to 10 s of sound and a sample of the padding up to 30 s."""
    WINDOW = (1500, 6, 5)
    """Windows as Whisper will give them."""

    def __init__(self, positions: int, windows: int, cost: int) -> None:
        self.positions, self.windows, self.cost = positions, windows, cost
        self.window_s = positions * 0.02


@dataclass(frozen=True)
class Step:
    """One step of the training; a cycle begins with a fresh optimiser."""

    kind: Kind
    learning_rate: float
    begins_cycle: bool


@dataclass(frozen=True)
class _Stage:
    kinds: tuple[Kind, ...]
    steps: int


_CYCLES = (
    (3e-3, (_Stage((Kind.HEAR,), 1200), _Stage((Kind.WRITE,), 2000), _Stage((Kind.WINDOW,), 500))),
    (1.2e-3, (_Stage((Kind.CLIP, Kind.CLIP, Kind.WINDOW), 1000),)),
)


def plan(steps: int = FULL_STEPS) -> list[Step]:
    """Return about so many steps, shared among the kinds as in the full training."""
    return [step for fastest, stages in _CYCLES for step in _cycle(fastest, stages, steps / FULL_STEPS)]


def _cycle(fastest: float, stages: tuple[_Stage, ...], share: float) -> list[Step]:
    """Let the rate fall along a cosine of the work done; each stage begins gently."""
    kinds: list[Kind] = []
    warmth: list[float] = []
    for stage in stages:
        count = max(2, round(stage.steps * share))
        kinds += [stage.kinds[number % len(stage.kinds)] for number in range(count)]
        warmth += [min(1.0, (number + 1) / _WARM_STEPS) for number in range(count)]
    work = np.cumsum([kind.cost for kind in kinds])
    decline = _SLOWEST + (1 - _SLOWEST) * (1 + np.cos(np.pi * work / work[-1])) / 2
    rates = fastest * np.array(warmth) * decline
    return [Step(kind, float(rate), number == 0) for number, (kind, rate) in enumerate(zip(kinds, rates, strict=True))]
