"""Owns labels: how they are written, and which jobs a worker takes that has some."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

MOST = 8  # of a worker and of a job
PATTERN = "^[a-z0-9][a-z0-9-]{0,31}$"
MAX_LENGTH = 32


def refuse_odd(label: str) -> str:
    """Return a label; raise ValueError for one that is none."""
    if not re.fullmatch(PATTERN[1:-1], label):
        raise ValueError(
            f"{label[:MAX_LENGTH]!r} is not a label: up to {MAX_LENGTH} of a-z, 0-9 and -, not beginning with -"
        )
    return label


def tidy(labels: Iterable[str]) -> list[str]:
    """Return labels sorted, each once: the form that jobs and workers have them in. Raise ValueError for too many."""
    listed = list(labels)
    if len(listed) > MOST:
        raise ValueError(f"there are {len(listed)} labels, and {MOST} may be")
    return sorted(set(listed))


@dataclass(frozen=True)
class WorkerLabels:
    """What the workers of a cluster have. Those that are dedicated take no job that asks for none of it."""

    names: tuple[str, ...] = ()
    are_dedicated: bool = False

    def lists(self) -> list[list[str]]:
        """Return every list of labels that a job may ask for to be taken; 256 at most."""
        fewest = 1 if self.are_dedicated else 0
        counts = range(fewest, len(self.names) + 1)
        return [list(chosen) for count in counts for chosen in combinations(sorted(self.names), count)]

    def __str__(self) -> str:
        return ", ".join(self.names)


NO_LABELS = WorkerLabels()
