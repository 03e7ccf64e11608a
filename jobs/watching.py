"""Owns telling many watchers of jobs what happens, as it happens, on one connection to the database for all of them.

Whoever writes events or progress notifies with the id of the job. The hub reads what is new of the jobs that are
watched, after the last event that each watcher has; so a notification is only a reason to look, and neither a lost one
nor a lost connection loses an event. A watcher is given so many events and no more until it has taken them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection

from jobs.models import EVENTS_CHANNEL, TERMINAL, JobEvent

log = logging.getLogger(__name__)
MOST_WATCHERS = 2000  # of a process
MOST_WATCHERS_OF_A_USER = 500
_MOST_EVENTS = 200  # of a job that are read at once, and that a watcher holds
_AT_A_STRETCH = 50  # that are encoded before others have their turn
_MOST_JOBS = 10  # that are read at once
_LOOK_S = 5.0  # how often all watched jobs are looked at, should a notification be lost
_PAUSE_S = 0.05  # between two looks: what comes in a burst is told in one go
_RECONNECT_S = 0.5
APPLICATION = "videocraft-watching"  # what the connection is called in pg_stat_activity
_NOT_FOR_ASYNC = ("cursor_factory", "context")  # of Django's parameters
_COLUMNS = ("id", "at", "attempt", "kind", "worker", "data")

# One statement, thus one moment: who sees a job ended sees all events up to its end.
_READ = f"""
SELECT watched.job_id, job.status, job.stage, job.progress, {", ".join(f"event.{name}" for name in _COLUMNS)}
FROM unnest(%s::uuid[], %s::bigint[]) AS watched (job_id, after)
JOIN jobs_job AS job ON job.id = watched.job_id
LEFT JOIN LATERAL (
    SELECT * FROM jobs_jobevent WHERE job_id = watched.job_id AND id > watched.after ORDER BY id LIMIT {_MOST_EVENTS}
) AS event ON true
ORDER BY event.id
"""  # noqa: S608 - made of what stands here only


@dataclass(frozen=True)
class State:
    """How far a job is."""

    status: str
    stage: str | None
    progress: int

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


@dataclass
class Seen:
    """What one look found of a job: how far it is, and its events by their ids, as they are sent."""

    state: State
    events: dict[int, bytes]

    @property
    def is_whole(self) -> bool:
        """Whether there were no more events at that moment."""
        return len(self.events) < _MOST_EVENTS


class Watcher:
    """One who watches a job, and what was found for him that he has not taken yet."""

    def __init__(self, job_id: UUID, after: int, look: Callable[[UUID], None]) -> None:
        self.job_id = job_id
        self.after = after
        self.state: State | None = None
        self.is_over = False  # nothing more will be found: the job is gone, or the hub
        self._look = look
        self._events: list[bytes] = []
        self._is_behind = False  # whether there is, or may be, more than what was given
        self._news = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait for something to take; return whether there is."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> list[bytes]:
        """Return the events that were found, and make room for the next."""
        events, self._events = self._events, []
        self._news.clear()
        if self._is_behind:
            self._look(self.job_id)
        return events

    @property
    def has_seen_the_end(self) -> bool:
        """Whether the job had ended with the last event that was given."""
        return self.state is not None and self.state.is_terminal and not self._is_behind

    def has_room(self) -> bool:
        """Say whether events may be given; if not, they are looked for when those before are taken."""
        if self._events:
            self._is_behind = True
        return not self._events

    def give(self, seen: Seen) -> None:
        """Take in what is new to this watcher, who has room."""
        before = self.state, self._is_behind
        self._events = [event for pk, event in seen.events.items() if pk > self.after]
        self.after = max((self.after, *seen.events))
        self.state, self._is_behind = seen.state, not seen.is_whole
        if self._events or (self.state, self._is_behind) != before:
            self._news.set()
        if self._is_behind and not self._events:
            self._look(self.job_id)

    def end(self) -> None:
        self.is_over = True
        self._news.set()


class Hub:
    """All watchers of a process. It is connected to the database while there are any, in the event loop they are in."""

    def __init__(self, encode: Callable[[JobEvent], bytes]) -> None:
        """`encode` makes of an event, once, what is given to its watchers."""
        self._encode = encode
        self._watchers: dict[UUID, set[Watcher]] = {}
        self._count = 0
        self._of_users: Counter[Any] = Counter()
        self._due: set[UUID] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def is_full(self) -> bool:
        """Say whether there are as many watchers as there may be; any thread may ask."""
        return self._count >= MOST_WATCHERS

    def is_full_for(self, user_id: Any) -> bool:
        """Say whether a user has as many watchers as he may; any thread may ask."""
        return self._of_users[user_id] >= MOST_WATCHERS_OF_A_USER

    @contextmanager
    def watching(self, job_id: UUID, user_id: Any, after: int) -> Iterator[Watcher]:
        """Give a user a watcher of a job's events after one, and of its progress."""
        watcher = Watcher(job_id, after, self._look)
        self._watchers.setdefault(job_id, set()).add(watcher)
        self._count += 1
        self._of_users[user_id] += 1
        self._look(job_id)
        try:
            yield watcher
        finally:
            self._count -= 1
            self._of_users[user_id] -= 1
            if not self._of_users[user_id]:
                del self._of_users[user_id]
            self._watchers[job_id].discard(watcher)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    def _look(self, job_id: UUID) -> None:
        """Have a job looked at, by a task that runs while there are watchers."""
        self._due.add(job_id)
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Send the watchers away if the task failed: their clients come again, and with them a new task."""
        if task.cancelled() or task.exception() is None:
            return
        log.error("watchers are sent away, for reading their jobs failed", exc_info=task.exception())
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    async def _run(self) -> None:
        while self._watchers:
            try:
                parameters = await asyncio.to_thread(_parameters)
                async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as raw:
                    await self._serve(raw)
            except (psycopg.OperationalError, psycopg.InterfaceError, DatabaseError, OSError) as problem:
                log.warning("watchers wait for the database: %s", problem)
                await asyncio.sleep(_RECONNECT_S)

    async def _serve(self, raw: "psycopg.AsyncConnection[Any]") -> None:
        """Look at what is notified of and asked for, and now and then at all, until nobody watches."""
        await raw.execute("SET TIME ZONE 'UTC'")
        await raw.execute(f"LISTEN {EVENTS_CHANNEL}")
        self._due.update(self._watchers)  # whatever happened while nobody listened
        while self._watchers:
            await self._hear(raw)
            while self._due:
                await self._read(raw)
                await self._hear(raw)
            await asyncio.sleep(_PAUSE_S)
            if not await self._wait(raw):
                self._due.update(self._watchers)

    async def _hear(self, raw: "psycopg.AsyncConnection[Any]") -> None:
        """Note which watched jobs were notified of."""
        async for notification in raw.notifies(timeout=0):
            try:
                job_id = UUID(notification.payload)
            except ValueError:
                continue
            if job_id in self._watchers:
                self._due.add(job_id)

    async def _wait(self, raw: "psycopg.AsyncConnection[Any]") -> bool:
        """Wait until the database says something, or somebody asks for a look; return whether that was in time."""
        loop, socket = asyncio.get_running_loop(), raw.fileno()
        if self._due:
            return True
        self._wake.clear()
        loop.add_reader(socket, self._wake.set)
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(socket)
        return True

    async def _read(self, raw: "psycopg.AsyncConnection[Any]") -> None:
        """Read what is new of some due jobs, in one query for all of their watchers, and give it to these."""
        due = [self._due.pop() for _ in range(min(len(self._due), _MOST_JOBS))]
        asking = {job_id: [each for each in self._watchers.get(job_id, ()) if each.has_room()] for job_id in due}
        after = {job_id: min(each.after for each in watchers) for job_id, watchers in asking.items() if watchers}
        if not after:
            return
        rows = await (await raw.execute(_READ, [list(after), list(after.values())])).fetchall()
        seen = await self._group(rows)
        for job_id in after:
            for watcher in asking[job_id]:
                watcher.give(seen[job_id]) if job_id in seen else watcher.end()

    async def _group(self, rows: list[Any]) -> dict[UUID, Seen]:
        seen: dict[UUID, Seen] = {}
        for number, (job_id, status, stage, progress, *columns) in enumerate(rows, 1):
            if not number % _AT_A_STRETCH:
                await asyncio.sleep(0)
            found = seen.setdefault(job_id, Seen(State(status, stage, progress), {}))
            if columns[0] is not None:
                event = JobEvent(job_id=job_id, **dict(zip(_COLUMNS, columns, strict=True)))
                found.events[event.pk] = self._encode(event)
        return seen


def _parameters() -> dict[str, Any]:
    """Return how to connect as Django does; finding out may start the embedded server, so it is not for the loop."""
    known: dict[str, Any] = connection.get_connection_params()
    return {name: value for name, value in known.items() if name not in _NOT_FOR_ASYNC} | {
        "application_name": APPLICATION
    }
