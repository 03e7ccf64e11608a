"""Owns the housekeeper: the one process of a cluster that looks after everything but the work itself.

It beats for its cluster, rescues jobs whose worker is gone, notices when due jobs are not taken although a worker is
free, and cleans in small steps; so none of that ever stands behind a render, or a render behind it.
"""

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psutil
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from jobs import counting
from jobs.cleaning import clean
from jobs.housekeeping import rescue
from jobs.labels import NO_LABELS, WorkerLabels
from jobs.models import Cluster, Job, JobStatus

log = logging.getLogger(__name__)
_TURN_S = 1.0
_TURNS = 10  # in a lease, at least
STARVED = timedelta(seconds=60)
_BREAK = 0.5  # of a lease: none that is prolonged as often as ours runs out in a shorter break
_MEASURE_S = 5.0
_COUNTING_S = 0.5


class Contact:
    """For how long the database has been in touch without a break, by the database's own clock.

    A break is whatever kept this process from looking: a lost connection, a server that stood still, or this process.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._last: datetime | None = None

    def look(self) -> float:
        """Ask the database for the time; return how many seconds it has been in touch."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            now: datetime = cursor.fetchone()[0]
        longest = settings.VIDEOCRAFT.job_lease * _BREAK
        if self._since is None or self._last is None or now - self._last > longest:
            self._since = now
        self._last = now
        return (now - self._since).total_seconds()

    def lose(self) -> None:
        """Note that the connection was lost."""
        self._since = None


class Hunger:
    """Whether the same due job has waited for a minute although this cluster had a worker for it free all the time."""

    def __init__(self, cluster: UUID, slots: int, labels: WorkerLabels = NO_LABELS) -> None:
        self.cluster, self.slots, self.labels = cluster, slots, labels
        self._waiting: UUID | None = None
        self._since = 0.0

    def look(self) -> bool:
        """Look at the queue, and say whether it is so."""
        first = Job.objects.next_due(self.labels)
        running = Job.objects.filter(cluster=self.cluster, status=JobStatus.PROCESSING).count()
        if first is None or running >= self.slots:
            self._waiting = None
        elif first != self._waiting:
            self._waiting, self._since = first, time.monotonic()
        return self._waiting is not None and time.monotonic() - self._since >= STARVED.total_seconds()

    def forget(self) -> None:
        """Begin anew: the database was away."""
        self._waiting = None


class Usage:
    """What all processes of a cluster use, from its main one down."""

    def __init__(self, main_pid: int) -> None:
        self.main_pid = main_pid
        self.memory_bytes, self.cpu_percent = 0, 0.0
        self._measured_at = 0.0
        self._cpu_s: float | None = None

    def measure(self) -> None:
        """Look again, unless that was a moment ago. Processes that have ended count with those that reaped them."""
        now = time.monotonic()
        if now - self._measured_at < _MEASURE_S:
            return
        facts = [fact for process in self._family() if (fact := _facts(process))]
        cpu_s = sum(seconds for _, seconds in facts)
        if self._cpu_s is not None:
            self.cpu_percent = round(max(cpu_s - self._cpu_s, 0.0) / (now - self._measured_at) * 100, 1)
        self.memory_bytes, self._cpu_s, self._measured_at = sum(size for size, _ in facts), cpu_s, now

    def _family(self) -> list[psutil.Process]:
        try:
            main = psutil.Process(self.main_pid)
            return [main, *main.children(recursive=True)]
        except psutil.Error:
            return []


def _facts(process: psutil.Process) -> tuple[int, float] | None:
    """Return a process's memory and the CPU seconds it and those it reaped have used; None when it is gone."""
    try:
        with process.oneshot():
            times = process.cpu_times()
            used_s = times.user + times.system + times.children_user + times.children_system
            return process.memory_info().rss, used_s
    except psutil.Error:
        return None


@dataclass(frozen=True)
class ClusterFacts:
    """Which cluster a housekeeper is of."""

    id: UUID
    host: str
    main_pid: int
    slots: int
    labels: WorkerLabels = NO_LABELS


class Housekeeper:
    """The housekeeper of one cluster; `turn` is all that it does once."""

    def __init__(self, cluster: ClusterFacts) -> None:
        self.cluster = cluster
        self.contact, self.usage = Contact(), Usage(cluster.main_pid)
        self.hunger = Hunger(cluster.id, cluster.slots, cluster.labels)
        self.turn_s = min(_TURN_S, settings.VIDEOCRAFT.job_lease.total_seconds() / _TURNS)
        self._cleaning: Iterator[int] | None = None
        self._clean_at = time.monotonic()

    def turn(self) -> bool:
        """Do what is due; say whether due jobs are starving. A database that is away is waited for."""
        try:
            contact_s = self.contact.look()
            self.beat()
            rescue(contact_s=contact_s)
            self.count()
            starving = self.hunger.look()
            self.clean_a_little()
        except DatabaseError as problem:
            log.warning("the database does not answer: %s", problem)
            connection.close()
            self.contact.lose()
            self.hunger.forget()
            self._cleaning = None
            return False
        return starving

    @property
    def is_cleaning(self) -> bool:
        """Whether there is more to clean at once."""
        return self._cleaning is not None

    def beat(self) -> None:
        """Say that the cluster lives, and what it uses."""
        self.usage.measure()
        facts: dict[str, Any] = {
            "host": self.cluster.host,
            "pid": self.cluster.main_pid,
            "workers": self.cluster.slots,
            "labels": list(self.cluster.labels.names),
            "is_dedicated": self.cluster.labels.are_dedicated,
            "memory_bytes": self.usage.memory_bytes,
            "cpu_percent": self.usage.cpu_percent,
            "heartbeat_at": Now(),
        }
        Cluster.objects.update_or_create(pk=self.cluster.id, defaults=facts)

    def count(self) -> None:
        """Count what has happened since; of a backlog as much as half a second is enough for."""
        until = time.monotonic() + _COUNTING_S
        while counting.count(counting.BATCH) == counting.BATCH and time.monotonic() < until:
            pass

    def clean_a_little(self) -> None:
        """Clean one batch, if it is time to; every `cleanup_interval` all of it."""
        if self._cleaning is None and time.monotonic() >= self._clean_at:
            self._cleaning = clean()
        if self._cleaning is None:
            return
        try:
            if next(self._cleaning, None) is not None:
                return
        except DatabaseError:
            raise
        except Exception:  # every storage has exceptions of its own
            log.exception("cleaning broke off")
        self._cleaning = None
        self._clean_at = time.monotonic() + settings.VIDEOCRAFT.job_cleanup_interval.total_seconds()

    def leave(self) -> None:
        """Take the cluster off the list of those at work."""
        with contextlib.suppress(DatabaseError):
            Cluster.objects.filter(pk=self.cluster.id).delete()
