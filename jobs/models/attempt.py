"""Owns the history of a job: one row for each try."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Value
from django.db.models.functions import Now

if TYPE_CHECKING:
    from jobs.models.job import Job


class AttemptOutcome(models.TextChoices):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRIED = "retried"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


class JobAttemptQuerySet(models.QuerySet["JobAttempt"]):
    def close(self, job: "Job", outcome: AttemptOutcome, **facts: Any) -> None:
        """Write how a job's current attempt ended."""
        self.filter(job=job, number=job.attempt).update(outcome=outcome, ended_at=Now(), **facts)


class JobAttempt(models.Model):
    """One try at a job by one worker."""

    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    worker = models.CharField(max_length=300)
    due_at = models.DateTimeField(null=True, help_text="since when its job was both pending and due")
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=AttemptOutcome, null=True)
    error = models.JSONField(null=True)
    exit_code = models.IntegerField(null=True)
    stderr_tail = models.TextField(blank=True, default="")
    stage_seconds = models.JSONField(
        db_default=Value({}, models.JSONField()), help_text="how long each stage took, as far as it came"
    )
    memory_peak_bytes = models.PositiveBigIntegerField(null=True, help_text="of all processes of the work together")

    objects = JobAttemptQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_row_per_attempt")]

    def __str__(self) -> str:
        return f"{self.job_id} attempt {self.number}"
