"""Owns the stages of the work, how much of it each is and is made of, and how long each may stand still."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

Report = Callable[[float], None]  # hears the fraction of some work that is done, which never falls


class Stage(StrEnum):
    """What the work is busy with."""

    FETCHING = "fetching"
    ANALYZING = "analyzing"
    TRANSCRIBING = "transcribing"
    RENDERING = "rendering"
    STORING = "storing"


class Checkpoint(Protocol):
    """Hears how far the work is, often, from one thread at a time; raises to make it stop.

    `fraction` is of all the work, from 0 to 1, and never falls. It rises when something was done and only then, so
    that one which stands still for long tells of work that hangs.
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

# By what factor a stage may stand still for longer than others before its work is taken for hung.
PATIENCE = {
    Stage.FETCHING: 1.0,  # every piece that comes is told; a server that is silent for long will send nothing more
    Stage.ANALYZING: 2.0,  # packets are told one by one, but a large picture or animation is decoded as a whole
    Stage.TRANSCRIBING: 5.0,  # a large model takes minutes to load, and as long for 30 s of speech on one core
    Stage.RENDERING: 2.0,  # frames are told, but FFmpeg moves the index of a large film to its front without a word
    Stage.STORING: 5.0,  # what was read is told, but a storage may be silent while it sends the last of it away
}

# What the parts of rendering cost, in frames of the film encoded; measured at 1080p on two cores.
PASS_FRAME_COST = 0.5
PLATE_COST = 25.0  # a picture decoded, scaled and composed
FILM_FRAME_COST = 1.0
CHECKED_FRAME_COST = 0.01
SOUND_SECOND_COST = 1.0

# What the parts of storing a film cost, for each of its bytes.
HASHING_COST = 1.0
SAVING_COST = 4.0

# What the parts of recognising the speech in a sound cost, of 100.
LOADING_MODEL_COST = 1.0
LISTENING_COST = 99.0


def overall(stage: Stage, fraction: float) -> float:
    """Return the fraction of all the work that is done, for a fraction of one stage."""
    ends = list(_ENDS.values())
    number = list(_ENDS).index(stage)
    start = ends[number - 1] if number else 0.0
    return min(start + (ends[number] - start) * min(max(fraction, 0.0), 1.0), ends[number])


class Parts:
    """A piece of work in parts, done one after another, each a share of it by what it costs of the `total`."""

    def __init__(self, report: Report, total: float) -> None:
        self._report, self._total = report, total
        self._begun = 0.0

    def next(self, cost: float) -> Report:
        """Return what the next part reports its own fraction to; the parts before it are done."""
        start = self._begun
        self._begun += cost

        def report(fraction: float) -> None:
            done = start + cost * min(max(fraction, 0.0), 1.0)
            self._report(min(done / self._total, 1.0) if self._total else 1.0)

        return report


def risen(done: float, expected: float) -> float:
    """Return the fraction of an expectation that is done; it rises beyond it, too, and always stays below 1.

    For whole steps: frames, bytes. Up to one less than `expected` it is exact.
    """
    return done / max(expected, done + 1)
