"""Owns which of this host's cores an attempt may use: its own where there are enough, else shared evenly."""

import fcntl
import os
from pathlib import Path

_MOST_PER_CORE = 256


class Cores:
    """Some cores, taken with locks that the kernel drops however their holder ends.

    A lock's file is named by its core and by how many hold that core already; so the first attempts have cores to
    themselves, and further ones are spread over all. Threads alone do not keep an encoder to a core: x264 with one
    thread uses 1.7 of them.
    """

    def __init__(self, folder: Path, count: int) -> None:
        """Take `count` cores of those this process may run on, all of them if there are no more."""
        self._locks: list[int] = []
        allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self.numbers = set(allowed) if count >= len(allowed) else self._take(folder, allowed, count)

    def pin(self) -> None:
        """Keep this process, and all it starts from now on, to these cores."""
        if self.numbers:
            os.sched_setaffinity(0, self.numbers)

    def give_back(self) -> None:
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    def _take(self, folder: Path, allowed: list[int], count: int) -> set[int]:
        folder.mkdir(parents=True, exist_ok=True)
        taken: set[int] = set()
        for holders in range(_MOST_PER_CORE):
            for core in allowed:
                if len(taken) == count:
                    return taken
                if core not in taken and self._lock(folder / f"{core}-{holders}"):
                    taken.add(core)
        return set(allowed)

    def _lock(self, file: Path) -> bool:
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._locks.append(lock)
        return True
