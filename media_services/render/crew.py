"""Owns making a film's pieces side by side, and beside others who make some of them; nothing is made twice."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from media_services.journal import Journal, Outcome, Task, step, unheard
from media_services.others import LOOK_S, Nobody, Others, patience_s
from media_services.stage import Report


@dataclass(frozen=True)
class Conditions:
    """Under which conditions films are rendered: how many pieces at once, how long one may take, and beside whom."""

    lanes: int = 1
    timeout_s: float = 1800.0
    others: Others = field(default_factory=Nobody)
    journal: Journal = unheard


@dataclass(frozen=True, eq=False)
class Piece:
    """A result that is made by itself: how it is taken where it is kept, how it is made, and what that costs.

    `cache` says whether others may make it, for this work to take. Two may have the same name: the second is taken.
    `number` and `project` are for the journal.
    """

    task: Task
    what: str
    name: str
    cost: float
    cache: bool
    take: Callable[[], bool]
    make: Callable[[Report], None]
    project: int = 0
    number: int | None = None


class _Stopped(Exception):
    """Another lane failed; what this one makes is not needed."""


class Crew:
    """Makes some pieces in a few lanes: the calling thread, and others for as long as that takes."""

    def __init__(self, pieces: Sequence[Piece], conditions: Conditions, report: Report, *, waits: bool = True) -> None:
        """`report` hears how much is done, from whichever lane; `waits` says whether it is for all that others make."""
        self._conditions, self._report, self._waits = conditions, report, waits
        self._others = conditions.others
        self._open = list(pieces)
        self._in_hand: set[str] = set()  # the names of what these lanes are making
        self._done = dict.fromkeys(pieces, 0.0)
        self._total = sum(piece.cost for piece in pieces)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._moved_at = time.monotonic()

    def work(self) -> None:
        """Make the pieces; what `report` or one of them raises stops all lanes and passes through."""
        more = min(self._conditions.lanes, len(self._open)) - 1
        with ThreadPoolExecutor(max(more, 1), thread_name_prefix="lane") as pool:
            lanes = [pool.submit(self._lane) for _ in range(more)]
            try:
                self._lane()
            except _Stopped:
                pass
            finally:
                if self._waits:
                    self._others.invite(0)
        failures = [failure for lane in lanes if (failure := lane.exception())]
        for failure in failures:
            if not isinstance(failure, _Stopped):
                raise failure

    def _lane(self) -> None:
        """Make one piece after another, as long as there is any."""
        try:
            while piece := self._next():
                self._come_by(piece)
        except BaseException:
            self._stop.set()
            raise

    def _next(self) -> Piece | None:
        """Return a piece that is this lane's to make; None when there is none, or others make all that is left."""
        while True:
            with self._lock:
                piece = self._claimed()
                if piece or not self._open or not self._waits:
                    return piece
                self._tell()
            self._stop.wait(LOOK_S)

    def _claimed(self) -> Piece | None:
        overdue = self._waits and time.monotonic() - self._moved_at > patience_s()
        for piece in self._open:
            if piece.cache and piece.name in self._in_hand:
                continue
            if not piece.cache or self._others.claim(piece.name) or overdue:
                self._open.remove(piece)
                self._in_hand.add(piece.name)
                if self._waits:
                    self._others.invite(sum(other.cache for other in self._open))
                return piece
        return None

    def _come_by(self, piece: Piece) -> None:
        """Take a piece that another has made meanwhile, or make it."""
        journal = self._conditions.journal
        try:
            with step(journal, piece.task, piece.what, project=piece.project, number=piece.number) as entry:
                if piece.cache and piece.take():
                    entry.outcome = Outcome.SHARED
                else:
                    piece.make(lambda fraction: self._advance(piece, fraction))
            self._advance(piece, 1.0)
        finally:
            with self._lock:
                self._in_hand.discard(piece.name)
            if piece.cache:
                self._others.release(piece.name)

    def _advance(self, piece: Piece, fraction: float) -> None:
        with self._lock:
            self._done[piece] = max(self._done[piece], min(fraction, 1.0) * piece.cost)
            self._moved_at = time.monotonic()
            self._tell()

    def _tell(self) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._report(min(sum(self._done.values()) / self._total, 1.0) if self._total else 1.0)
