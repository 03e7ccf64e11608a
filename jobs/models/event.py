"""Owns the story of a job: what happened to it, in order."""

import uuid
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from jobs.models.state import EVENTS_CHANNEL, notify

if TYPE_CHECKING:
    from jobs.models.job import Job


class EventKind(models.TextChoices):
    """What an event tells of.

    The first eleven are transitions, each written in the transaction of the one it tells of. `stage`, `step` and
    `steps_left_out` come from the work, and `warning` from its completion.
    """

    QUEUED = "queued"
    CLAIMED = "claimed"
    COMPLETED = "completed"
    FAILED = "failed"
    RETRIED = "retried"
    RELEASED = "released"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    LOST = "lost"
    RETRY_REQUESTED = "retry_requested"
    PRIORITY_CHANGED = "priority_changed"
    STAGE = "stage"
    STEP = "step"
    STEPS_LEFT_OUT = "steps_left_out"
    WARNING = "warning"


# What `jobs.counting` counts: where jobs come from and go.
COUNTED_KINDS = (
    *(EventKind.QUEUED, EventKind.CLAIMED, EventKind.COMPLETED, EventKind.FAILED),
    *(EventKind.RETRIED, EventKind.RELEASED, EventKind.CANCELLED, EventKind.LOST),
)


class JobEventQuerySet(models.QuerySet["JobEvent"]):
    def tell(self, job: uuid.UUID, attempt: int, kind: EventKind, **data: Any) -> None:
        """Write what happened to a job otherwise than by its worker."""
        self.tell_all([JobEvent(job_id=job, attempt=attempt, kind=kind, data=data)])

    def tell_end(self, job: "Job", kind: EventKind, data: dict[str, Any], warnings: Iterable[Any]) -> None:
        """Write how a job's current attempt ended, after what it warns of."""
        told = [(EventKind.WARNING, warning) for warning in warnings]
        facts: dict[str, Any] = {"job_id": job.pk, "attempt": job.attempt, "worker": job.worker_name}
        self.tell_all([JobEvent(kind=each, data=about, **facts) for each, about in [*told, (kind, data)]])

    def tell_all(self, events: Collection["JobEvent"]) -> None:
        """Write events of one job, and wake who watches it when the transaction commits."""
        self.bulk_create(events)
        notify(EVENTS_CHANNEL, str(next(iter(events)).job_id))


class JobEvent(models.Model):
    """One thing that happened to a job. Events of a job have rising ids, in the order in which they can be read."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="events", db_index=False)
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=20, choices=EventKind)
    worker = models.CharField(max_length=300, blank=True, db_default="")
    data = models.JSONField(db_default=Value({}, models.JSONField()))
    is_counted = models.BooleanField(db_default=False, help_text="whether it is in the totals, if it is to be")

    objects = JobEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["job", "id"], name="event_by_job"),
            models.Index("id", name="event_uncounted", condition=Q(kind__in=COUNTED_KINDS, is_counted=False)),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.kind}"
