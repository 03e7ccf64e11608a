"""Owns the jobs table, which is the queue."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Now

from jobs.models.labels import LabelsField
from jobs.models.state import TERMINAL, JobStatus
from jobs.models.transitions import JobQuerySet
from media_services.stage import Stage

LABELLED = ~Q(labels=[])


class Job(models.Model):
    """A document that was posted, and what became of it. The table is the queue."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs")
    config = models.JSONField(help_text="the document as it was posted")
    strict = models.BooleanField(default=False)
    client_data = models.JSONField(null=True, blank=True)
    webhook_url = models.TextField(blank=True, default="", db_default="", help_text="what hears of its end")
    public_url = models.TextField(blank=True, default="", db_default="", help_text="where its client reaches us")
    priority = models.SmallIntegerField(default=0)
    labels = LabelsField(
        default=list, db_default="", db_collation="C", help_text="what a worker has to have that takes it, sorted"
    )
    run_after = models.DateTimeField(db_default=Now())
    max_attempts = models.PositiveSmallIntegerField(default=3)

    status = models.CharField(max_length=10, choices=JobStatus, default=JobStatus.PENDING)
    stage = models.CharField(max_length=12, choices=[(stage.value, stage.value) for stage in Stage], null=True)
    progress = models.PositiveSmallIntegerField(default=0, help_text="percent")
    warnings = models.JSONField(default=list)
    error = models.JSONField(null=True)
    attempt = models.PositiveIntegerField(default=0, help_text="the fence: one more at every claim, never reset")
    failures = models.PositiveIntegerField(default=0, help_text="the budget: one more at every failure")
    cancel_requested_at = models.DateTimeField(null=True)
    open_pieces = models.PositiveIntegerField(db_default=0, help_text="of its films, which free workers may make")
    seat = models.PositiveIntegerField(null=True, help_text="among the jobs that its owner may have at work at once")
    cluster = models.UUIDField(null=True, help_text="the cluster whose worker has it")
    worker_host = models.CharField(max_length=255, null=True)
    worker_realm = models.CharField(max_length=100, null=True)
    worker_pid = models.IntegerField(null=True)
    worker_started_ticks = models.BigIntegerField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)

    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status=JobStatus.PROCESSING, lease_expires_at__isnull=False)
                | (~Q(status=JobStatus.PROCESSING) & Q(lease_expires_at__isnull=True)),
                name="a_lease_if_and_only_if_processing",
            ),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, finished_at__isnull=False)
                | (~Q(status__in=TERMINAL) & Q(finished_at__isnull=True)),
                name="a_finished_time_if_and_only_if_terminal",
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.PENDING) | Q(cancel_requested_at__isnull=True),
                name="no_wish_to_cancel_while_pending",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="progress_is_a_percentage"),
            models.UniqueConstraint(
                fields=["owner", "seat"], condition=Q(status=JobStatus.PROCESSING), name="one_job_to_a_seat"
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "owner", "labels", "created_at", "id"],
                name="job_due",
                condition=Q(status=JobStatus.PENDING),
            ),
            models.Index(fields=["labels"], name="job_due_labelled", condition=Q(status=JobStatus.PENDING) & LABELLED),
            models.Index(F("created_at").desc(), F("id").desc(), name="job_labelled", condition=LABELLED),
            models.Index("cluster", name="job_processing", condition=Q(status=JobStatus.PROCESSING)),
            models.Index("finished_at", "status", name="job_finished", condition=Q(status__in=TERMINAL)),
            models.Index(fields=["status"], name="job_completed", condition=Q(status=JobStatus.COMPLETED)),
            models.Index(fields=["status"], name="job_cancelled", condition=Q(status=JobStatus.CANCELLED)),
            models.Index(
                F("created_at").desc(), F("id").desc(), name="job_failed", condition=Q(status=JobStatus.FAILED)
            ),
            models.Index(
                KeyTransform("code", "error"),
                F("created_at").desc(),
                F("id").desc(),
                name="job_by_error",
                condition=Q(error__isnull=False),
            ),
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="job_by_owner"),
            models.Index(F("created_at").desc(), F("id").desc(), name="job_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def worker_name(self) -> str:
        """What the history calls the worker that has it; empty where none has."""
        return f"{self.worker_host}:{self.worker_pid}" if self.worker_host else ""

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL
