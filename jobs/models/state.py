"""Owns the states of a job, and the channels on which changes are announced."""

from datetime import timedelta

from django.db import connection, models

ALIVE = timedelta(seconds=30)  # a cluster that has beaten since is at work
DUE_CHANNEL = "videocraft_due"  # a job became due
CANCEL_CHANNEL = "videocraft_cancel"  # payload: the job whose work is to be killed
WEBHOOK_CHANNEL = "videocraft_webhook"  # the end of a job is to be told to its webhook
EVENTS_CHANNEL = "videocraft_events"  # payload: a job of which there are new events, or progress
LOWEST_PRIORITY, HIGHEST_PRIORITY = -10, 10


class JobStatus(models.TextChoices):
    """Where a job is in its life.

    `pending` waits to be claimed by a worker, or to be cancelled. `processing` is held by one worker under a lease;
    that worker, or whoever finds it dead, moves it on. The other three are final, but for a retry asked for by a
    person, which moves `failed` and `cancelled` back to `pending`; the database refuses every other way out.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
RETRYABLE = (JobStatus.FAILED, JobStatus.CANCELLED)


def notify(channel: str, payload: str = "") -> None:
    """Wake the listeners of a channel when the current transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
