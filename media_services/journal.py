"""Owns what the work tells of itself: what each film is cut into and depends on, and each step with its times."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Task(StrEnum):
    """What a step did."""

    FETCH = "fetch"
    PROBE = "probe"
    WORDS = "words"
    PREPARE = "prepare"
    SEGMENT = "segment"
    SOUND = "sound"
    FILM = "film"
    STORE = "store"


class Outcome(StrEnum):
    """What came of a step."""

    MADE = "made"
    KEPT = "kept"  # it had been made before, and was taken
    SHARED = "shared"  # another made it while this work went on


@dataclass(frozen=True)
class Step:
    """One step of the work: `what` names it for a person, and its times are seconds since 1970.

    `project` is the number of its film, and `number` that of its segment; None where it is of all. `size_bytes` is
    how much was fetched.
    """

    task: Task
    what: str
    outcome: Outcome
    began_at: float
    ended_at: float
    project: int | None = None
    number: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Shown:
    """A scene, layer, sound or subtitles of a film: what it is, its JSON pointer, and when it is on, in seconds."""

    kind: str
    path: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class PlannedSegment:
    """A segment of a film: the frames [first_frame, end_frame), and the name of its result.

    `inputs` are digests of all that the name depends on, by what it is: `fps`, `subtitles`, `engine`, or
    `<pointer of a layer> source`. `refused` is the pointer of what says `cache: false`, if anything does.
    """

    first_frame: int
    end_frame: int
    name: str
    inputs: Mapping[str, str]
    refused: str | None = None


@dataclass(frozen=True)
class FilmPlan:
    """What a film is made of, told before any of it is made; `id` is what the document calls its project."""

    project: int
    id: Any
    fps: float
    frames: int
    shown: tuple[Shown, ...]
    segments: tuple[PlannedSegment, ...]


Journal = Callable[[Step | FilmPlan], None]  # may be called from any thread


def unheard(entry: Step | FilmPlan) -> None:
    """Be the journal of work that nobody asks about."""


class Entry:
    """A step under way; what it comes to may be said before its end."""

    def __init__(self) -> None:
        self.outcome = Outcome.MADE
        self.size_bytes: int | None = None


@contextmanager
def step(
    journal: Journal, task: Task, what: str, *, project: int | None = None, number: int | None = None
) -> Iterator[Entry]:
    """Tell of what is done inside, with its times, unless it fails."""
    entry, began_at = Entry(), time.time()
    yield entry
    journal(Step(task, what, entry.outcome, began_at, time.time(), project, number, entry.size_bytes))
