"""Owns the rows about the service itself: which clusters run, whether the queue does, which posts were answered."""

import uuid

from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef, Q
from django.db.models.functions import Now

from jobs.models.labels import labels_field, listed
from jobs.models.state import ALIVE, DUE_CHANNEL, notify


class ClusterQuerySet(models.QuerySet["Cluster"]):
    """What is asked about clusters, in no order."""

    def alive(self) -> "ClusterQuerySet":
        """Narrow to those that have beaten lately."""
        return self.filter(heartbeat_at__gt=Now() - ALIVE)

    def taking_it(self) -> "ClusterQuerySet":
        """Narrow to the living ones that take the job of the query around this one."""
        asked = listed(OuterRef("labels"))
        return self.alive().filter(Q(is_dedicated=False) | Q(labels__overlap=asked), labels__contains=asked)


class Cluster(models.Model):
    """A running `qcluster`: one row while it lives, beaten by it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    workers = models.PositiveSmallIntegerField()
    labels = labels_field()
    is_dedicated = models.BooleanField(default=False, db_default=False, help_text="to jobs that ask for its labels")
    memory_bytes = models.PositiveBigIntegerField(db_default=0, help_text="of all its processes, work included")
    cpu_percent = models.FloatField(db_default=0, help_text="of one core, of all its processes since the beat before")
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now(), db_index=True)

    objects = ClusterQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class QueuePauseQuerySet(models.QuerySet["QueuePause"]):
    """Pausing and resuming. Each says whether it happened; if not, somebody was quicker."""

    def pause(self, by: str) -> bool:
        """Let no job be claimed from now on; a claim that is under way at this moment still may."""
        with transaction.atomic():
            return self.get_or_create(pk=1, defaults={"paused_by": by})[1]

    def resume(self) -> bool:
        """Let jobs be claimed again, and wake who waits for that."""
        with transaction.atomic():
            deleted, _ = self.all().delete()
            if deleted:
                notify(DUE_CHANNEL)
            return bool(deleted)


class QueuePause(models.Model):
    """That no job is claimed: the one row that there may be, while it is so."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    paused_at = models.DateTimeField(db_default=Now())
    paused_by = models.CharField(max_length=150, help_text="the name of the user")

    objects = QueuePauseQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("pause_queue", "Can pause and resume the queue")]
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_queue_to_pause")]

    def __str__(self) -> str:
        return "the queue"


class IdempotencyKey(models.Model):
    """The job that an owner's `Idempotency-Key` made, so that the same post sent again makes no other."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="idempotency_keys")
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="idempotency_keys")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="one_job_per_idempotency_key")]

    def __str__(self) -> str:
        return self.key
