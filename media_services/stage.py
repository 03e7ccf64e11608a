"""Owns the stages of the work and how much of it each is."""

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """What the work is busy with."""

    FETCHING = "fetching"
    ANALYZING = "analyzing"
    TRANSCRIBING = "transcribing"
    RENDERING = "rendering"
    STORING = "storing"


class Checkpoint(Protocol):
    """Hears how far the work is, often, from the thread that does it; raises to make it stop.

    `fraction` is of all the work, from 0 to 1, and never falls.
    """

    def __call__(self, stage: Stage, fraction: float) -> None: ...


# Where each stage ends, as a fraction of all the work.
_ENDS = {
    Stage.FETCHING: 0.08,
    Stage.ANALYZING: 0.12,
    Stage.TRANSCRIBING: 0.22,
    Stage.RENDERING: 0.97,
    Stage.STORING: 1.0,
}


def overall(stage: Stage, fraction: float) -> float:
    """Return the fraction of all the work that is done, for a fraction of one stage."""
    ends = list(_ENDS.values())
    number = list(_ENDS).index(stage)
    start = ends[number - 1] if number else 0.0
    return start + (ends[number] - start) * min(max(fraction, 0.0), 1.0)
