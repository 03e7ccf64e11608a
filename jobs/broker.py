"""Owns waking: a django-q2 broker over the jobs table, which sends one empty token while work and a worker wait.

The token carries nothing; a worker that gets one claims from the table. So a lost, doubled or late token is harmless.
"""

import logging
import os
import socket
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection
from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone
from django_q.brokers import Broker
from django_q.signing import SignedPackage

from jobs.housekeeping import rescue
from jobs.models import DUE_CHANNEL, Cluster, Job, JobStatus

log = logging.getLogger(__name__)
POLL_S = 1.0  # dequeue must return within about a second, or a stop is not seen
BEAT_S = 1.0
_AGAIN_S = 0.02
_OUTAGE_S = 0.5
Token = tuple[None, str]


class JobBroker(Broker):
    """Emits tokens for one cluster; `start_for` says which, before django-q2's processes are forked."""

    cluster_id: UUID | None = None
    slots: int = 0

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._listening_to: object = None
        self._listening_since = 0.0
        self._beaten_at = 0.0
        self._unanswered = 0

    @classmethod
    def start_for(cls, cluster_id: UUID, slots: int) -> None:
        """Say for which cluster tokens are emitted, and how many jobs it runs at once."""
        cls.cluster_id, cls.slots = cluster_id, slots

    def dequeue(self) -> list[Token] | None:
        """Return one token as soon as a job is due and a worker is free; None after about a second without."""
        try:
            self._beat()
            if self._has_work():
                self._unanswered += 1
                return [(None, self._token())]
            self._unanswered = 0
            self._wait(self._patience_s())
        except DatabaseError as problem:
            log.warning("the database does not answer: %s", problem)
            connection.close()
            time.sleep(_OUTAGE_S)
        return None

    def ping(self) -> bool:
        return True

    def info(self) -> str:
        return "VideoCraft jobs table"

    def queue_size(self) -> int:
        """Return how many jobs are pending."""
        return Job.objects.filter(status=JobStatus.PENDING).count()

    def _has_work(self) -> bool:
        """Say whether a token is wanted now; after one, wait a little for a worker to claim, longer each time."""
        if self._unanswered:
            self._wait(min(_AGAIN_S * 2 ** (self._unanswered - 1), POLL_S))
        running = Job.objects.filter(cluster=self.cluster_id, status=JobStatus.PROCESSING).count()
        return running < self.slots and Job.objects.due().exists()

    def _patience_s(self) -> float:
        """Return how long to wait for a notification: until the next planned job is due, a second at most."""
        planned: datetime | None = Job.objects.filter(status=JobStatus.PENDING, run_after__gt=timezone.now()).aggregate(
            next=Min("run_after")
        )["next"]
        return POLL_S if planned is None else min(max((planned - timezone.now()).total_seconds(), 0.01), POLL_S)

    def _wait(self, seconds: float) -> None:
        """Sleep until a job is announced or the time is up."""
        for _ in self._listen().notifies(timeout=seconds, stop_after=1):
            return

    def _listen(self) -> Any:
        """Return the raw connection, listening."""
        connection.ensure_connection()
        if self._listening_to is not connection.connection:
            connection.connection.execute(f"LISTEN {DUE_CHANNEL}")
            self._listening_to, self._listening_since = connection.connection, time.monotonic()
        return connection.connection

    def _beat(self) -> None:
        if time.monotonic() - self._beaten_at >= BEAT_S:
            self._listen()
            facts = {"host": socket.gethostname(), "pid": os.getppid(), "workers": self.slots, "heartbeat_at": Now()}
            assert self.cluster_id is not None
            Cluster.objects.update_or_create(pk=self.cluster_id, defaults=facts)
            self._beaten_at = time.monotonic()
            rescue(session_age_s=time.monotonic() - self._listening_since)

    def _token(self) -> str:
        task = {
            "id": "token",
            "name": "token",
            "func": "jobs.worker.run_due_jobs",
            "args": (),
            "kwargs": {},
            "started": timezone.now(),
            "save": False,
            "timeout": -1,
        }
        return str(SignedPackage.dumps(task))
