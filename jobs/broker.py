"""Owns waking: a django-q2 broker over the jobs table, which sends one empty token while work and a worker wait.

Work is a job that is due and that this cluster's workers may have by their labels, or one that another worker runs and
of which pieces are open.

The token carries nothing; a worker that gets one claims from the table. So a lost, doubled or late token is harmless.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, connection
from django.db.models import Min
from django.utils import timezone
from django_q.brokers import Broker
from django_q.signing import SignedPackage

from jobs.labels import NO_LABELS, WorkerLabels
from jobs.listening import listening
from jobs.models import DUE_CHANNEL, Job, JobStatus

log = logging.getLogger(__name__)
POLL_S = 1.0  # dequeue must return within about a second, or a stop is not seen
_AGAIN_S = 0.02
_OUTAGE_S = 0.5
Token = tuple[None, str]


class JobBroker(Broker):
    """Emits tokens for one cluster; `start_for` says which, before django-q2's processes are forked."""

    cluster_id: UUID | None = None
    slots: int = 0
    labels: WorkerLabels = NO_LABELS
    beat: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._unanswered = 0

    @classmethod
    def start_for(
        cls,
        cluster_id: UUID,
        slots: int,
        beat: Callable[[], None] = lambda: None,
        labels: WorkerLabels = NO_LABELS,
    ) -> None:
        """Say for which cluster tokens are emitted, how many jobs it runs at once, what hears that this lives, and
        which labels its workers have.
        """
        cls.cluster_id, cls.slots, cls.beat, cls.labels = cluster_id, slots, staticmethod(beat), labels

    def dequeue(self) -> list[Token] | None:
        """Return one token as soon as there is work and a worker is free; None after about a second without."""
        self.beat()
        try:
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
            self._wait(min(_AGAIN_S * 2 ** min(self._unanswered - 1, 10), POLL_S))
        running = Job.objects.filter(cluster=self.cluster_id, status=JobStatus.PROCESSING).count()
        if running >= self.slots:
            return False
        return Job.objects.next_due(self.labels) is not None or Job.objects.in_want_of_help(self.labels).exists()

    def _patience_s(self) -> float:
        """Return how long to wait for a notification: until the next planned job is due, a second at most.

        That may be one for other workers; it is looked at once.
        """
        planned: datetime | None = Job.objects.filter(status=JobStatus.PENDING, run_after__gt=timezone.now()).aggregate(
            next=Min("run_after")
        )["next"]
        return POLL_S if planned is None else min(max((planned - timezone.now()).total_seconds(), 0.01), POLL_S)

    def _wait(self, seconds: float) -> None:
        """Sleep until a job is announced or the time is up."""
        with listening(DUE_CHANNEL) as raw:
            for _ in raw.notifies(timeout=seconds, stop_after=1):
                return

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
