"""Owns the rows about the service itself: which clusters run, which posts were answered."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Cluster(models.Model):
    """A running `qcluster`: one row while it lives, beaten by it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    workers = models.PositiveSmallIntegerField()
    memory_bytes = models.PositiveBigIntegerField(db_default=0, help_text="of all its processes, work included")
    cpu_percent = models.FloatField(db_default=0, help_text="of one core, of all its processes since the beat before")
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


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
