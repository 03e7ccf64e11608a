"""Owns the tables, and the state machine of a job: every transition is one fenced UPDATE in `JobQuerySet`."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Now
from knox.models import AbstractAuthToken

from jobs.identity import WorkerIdentity
from media_services.errors import ErrorCode
from media_services.stage import Stage

LEASE = timedelta(seconds=30)
DUE_CHANNEL = "videocraft_due"  # a job became due
CANCEL_CHANNEL = "videocraft_cancel"  # payload: the job whose work is to be killed


class ApiToken(AbstractAuthToken):
    """A bearer token of a user; only its hash is stored."""

    class Meta:
        verbose_name = "API token"


class Cluster(models.Model):
    """A running `qcluster`: one row while it lives, beaten by it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    workers = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class JobStatus(models.TextChoices):
    """Where a job is in its life.

    `pending` waits to be claimed by a worker, or to be cancelled. `processing` is held by one worker under a lease;
    that worker, or whoever finds it dead, moves it on. The other three are final, but for a retry asked for by a
    person, which moves `failed` and `cancelled` back to `pending`.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
_NO_LEASE: dict[str, Any] = {
    "stage": None,
    "lease_expires_at": None,
    "heartbeat_at": None,
    "cluster": None,
    "worker_host": None,
    "worker_realm": None,
    "worker_pid": None,
    "worker_started_ticks": None,
}


class JobQuerySet(models.QuerySet["Job"]):
    """The transitions. Each says whether it happened; if not, the job had moved on and nothing was written."""

    def visible_to(self, user: Any) -> Self:
        """Narrow to what a user may see: his own, or everything for staff."""
        return self if user.is_staff else self.filter(owner=user)

    def due(self) -> Self:
        """Narrow to what may be claimed now, in the order of claiming: priority, then first come."""
        return self.filter(status=JobStatus.PENDING, run_after__lte=Now()).order_by("-priority", "created_at", "id")

    def held(self, attempt: int) -> Self:
        """Narrow to jobs still processed by this attempt; the fence of every transition out of processing."""
        return self.filter(status=JobStatus.PROCESSING, attempt=attempt)

    @transaction.atomic
    def claim(self, worker: WorkerIdentity) -> "Job | None":
        """pending -> processing: take the next due job for a worker, or None when there is none.

        Two statements in one transaction rather than one UPDATE with a subquery, which claimed five rows at once
        under stale statistics.
        """
        job = self.due().select_for_update(skip_locked=True).first()
        if job is None:
            return None
        self.filter(pk=job.pk).update(
            status=JobStatus.PROCESSING,
            stage=Stage.FETCHING,
            progress=0,
            attempt=F("attempt") + 1,
            cluster=worker.cluster,
            worker_host=worker.host,
            worker_realm=worker.realm,
            worker_pid=worker.pid,
            worker_started_ticks=worker.started_ticks,
            heartbeat_at=Now(),
            lease_expires_at=Now() + LEASE,
            started_at=Coalesce("started_at", Now()),
            updated_at=Now(),
            error=None,
        )
        job.refresh_from_db()
        JobAttempt.objects.create(job=job, number=job.attempt, worker=str(worker))
        return job

    def beat(self, job: "Job", *, stage: str, progress: int) -> bool:
        """Prolong the lease and report progress, which never falls within an attempt."""
        return bool(
            self.filter(pk=job.pk)
            .held(job.attempt)
            .update(
                stage=stage,
                progress=Greatest("progress", progress),
                heartbeat_at=Now(),
                lease_expires_at=Now() + LEASE,
                updated_at=Now(),
            )
        )

    @transaction.atomic
    def complete(self, job: "Job", videos: "list[Video]", warnings: list[Any]) -> bool:
        """processing -> completed, with the videos, in one transaction; not if a cancel was asked for."""
        changed = (
            self.filter(pk=job.pk, cancel_requested_at=None)
            .held(job.attempt)
            .update(
                status=JobStatus.COMPLETED,
                progress=100,
                warnings=warnings,
                finished_at=Now(),
                updated_at=Now(),
                **_NO_LEASE,
            )
        )
        if changed:
            Video.objects.bulk_create(videos)
            JobAttempt.objects.close(job, AttemptOutcome.COMPLETED)
        return bool(changed)

    @transaction.atomic
    def fail(self, job: "Job", error: dict[str, Any], *, exit_code: int | None = None, stderr_tail: str = "") -> bool:
        """processing -> pending for a retryable error within the budget, else failed; either way the budget shrinks."""
        again = bool(error.get("retryable")) and job.failures + 1 < job.max_attempts
        delay = settings.VIDEOCRAFT.job_retry_delay * 2**job.failures
        after: dict[str, Any] = (
            {"status": JobStatus.PENDING, "run_after": Now() + delay}
            if again
            else {"status": JobStatus.FAILED, "finished_at": Now()}
        )
        changed = (
            self.filter(pk=job.pk, cancel_requested_at=None)
            .held(job.attempt)
            .update(failures=F("failures") + 1, error=error, updated_at=Now(), **after, **_NO_LEASE)
        )
        if changed:
            outcome = AttemptOutcome.RETRIED if again else AttemptOutcome.FAILED
            JobAttempt.objects.close(job, outcome, error=error, exit_code=exit_code, stderr_tail=stderr_tail)
        return bool(changed)

    @transaction.atomic
    def cancelled_by_worker(self, job: "Job") -> bool:
        """processing -> cancelled, by the worker that has killed the work."""
        changed = (
            self.filter(pk=job.pk, cancel_requested_at__isnull=False)
            .held(job.attempt)
            .update(status=JobStatus.CANCELLED, finished_at=Now(), updated_at=Now(), **_NO_LEASE)
        )
        if changed:
            JobAttempt.objects.close(job, AttemptOutcome.CANCELLED)
        return bool(changed)

    @transaction.atomic
    def release(self, job: "Job") -> bool:
        """processing -> pending without a charge: the worker stops, the work is for another."""
        changed = (
            self.filter(pk=job.pk, cancel_requested_at=None)
            .held(job.attempt)
            .update(status=JobStatus.PENDING, updated_at=Now(), **_NO_LEASE)
        )
        if changed:
            JobAttempt.objects.close(job, AttemptOutcome.RELEASED)
            notify(DUE_CHANNEL)
        return bool(changed)

    @transaction.atomic
    def lose(self, job: "Job", *, if_lease_is_over: bool) -> bool:
        """processing -> cancelled, pending or failed: the worker of this attempt is gone, which is charged."""
        rows = self.filter(pk=job.pk).held(job.attempt)
        rows = rows.filter(lease_expires_at__lt=Now()) if if_lease_is_over else rows
        error = {"code": ErrorCode.WORKER_LOST, "message": f"the worker {job.worker_host}:{job.worker_pid} is gone"}
        if job.cancel_requested_at is not None:
            after: dict[str, Any] = {"status": JobStatus.CANCELLED, "finished_at": Now()}
        elif job.failures + 1 < job.max_attempts:
            after = {"status": JobStatus.PENDING, "run_after": Now(), "error": {**error, "retryable": True}}
        else:
            after = {"status": JobStatus.FAILED, "finished_at": Now(), "error": {**error, "retryable": True}}
        changed = rows.update(failures=F("failures") + 1, updated_at=Now(), **after, **_NO_LEASE)
        if changed:
            JobAttempt.objects.close(job, AttemptOutcome.LOST)
            notify(DUE_CHANNEL)
        return bool(changed)

    @transaction.atomic
    def cancel(self, pk: uuid.UUID) -> bool:
        """pending -> cancelled at once; processing: record the wish and wake the worker to kill the work."""
        if self.filter(pk=pk, status=JobStatus.PENDING).update(
            status=JobStatus.CANCELLED, cancel_requested_at=Now(), finished_at=Now(), updated_at=Now()
        ):
            return True
        asked = self.filter(pk=pk, status=JobStatus.PROCESSING).update(
            cancel_requested_at=Coalesce("cancel_requested_at", Now()), updated_at=Now()
        )
        if asked:
            notify(CANCEL_CHANNEL, str(pk))
        return bool(asked)

    @transaction.atomic
    def retry(self, pk: uuid.UUID) -> bool:
        """failed, cancelled -> pending, asked for by a person, with a fresh budget; the fence goes on counting."""
        changed = self.filter(pk=pk, status__in=(JobStatus.FAILED, JobStatus.CANCELLED)).update(
            status=JobStatus.PENDING,
            progress=0,
            failures=0,
            error=None,
            cancel_requested_at=None,
            started_at=None,
            finished_at=None,
            run_after=Now(),
            updated_at=Now(),
        )
        if changed:
            notify(DUE_CHANNEL)
        return bool(changed)


class Job(models.Model):
    """A document that was posted, and what became of it. The table is the queue."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs")
    config = models.JSONField(help_text="the document as it was posted")
    strict = models.BooleanField(default=False)
    client_data = models.JSONField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0)
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
            models.CheckConstraint(condition=Q(progress__lte=100), name="progress_is_a_percentage"),
        ]
        indexes = [
            models.Index(
                F("priority").desc(), "created_at", "id", name="job_due", condition=Q(status=JobStatus.PENDING)
            ),
            models.Index("cluster", name="job_processing", condition=Q(status=JobStatus.PROCESSING)),
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="job_by_owner"),
            models.Index(F("created_at").desc(), F("id").desc(), name="job_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL


class AttemptOutcome(models.TextChoices):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRIED = "retried"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


class JobAttemptQuerySet(models.QuerySet["JobAttempt"]):
    def close(self, job: Job, outcome: AttemptOutcome, **facts: Any) -> None:
        """Write how a job's current attempt ended."""
        self.filter(job=job, number=job.attempt).update(outcome=outcome, ended_at=Now(), **facts)


class JobAttempt(models.Model):
    """One try at a job by one worker."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    worker = models.CharField(max_length=300)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=AttemptOutcome, null=True)
    error = models.JSONField(null=True)
    exit_code = models.IntegerField(null=True)
    stderr_tail = models.TextField(blank=True, default="")

    objects = JobAttemptQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_row_per_attempt")]

    def __str__(self) -> str:
        return f"{self.job_id} attempt {self.number}"


class OwnedQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Narrow to what a user may see: his own, or everything for staff."""
        return self if user.is_staff else self.filter(owner=user)


class Video(models.Model):
    """A finished film in the file storage, one for each project of a job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="videos")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="videos")
    project = models.PositiveSmallIntegerField(help_text="the project's place in the document, from 0")
    file = models.FileField(max_length=255)
    thumbnail = models.FileField(max_length=255)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    fps = models.CharField(max_length=20, help_text="exact: 30 or 30000/1001")
    frames = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "project"], name="one_video_per_project")]
        indexes = [
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="video_by_owner"),
            models.Index(F("created_at").desc(), F("id").desc(), name="video_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Asset(models.Model):
    """An uploaded file, usable in a document as `asset:<id>`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assets")
    file = models.FileField(max_length=255)
    name = models.CharField(max_length=255, blank=True, help_text="the client's own name for it, only shown")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    media = models.JSONField(help_text="what probing found")
    created_at = models.DateTimeField(db_default=Now())

    objects = OwnedQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="asset_by_owner"),
            models.Index(F("created_at").desc(), F("id").desc(), name="asset_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


def notify(channel: str, payload: str = "") -> None:
    """Wake the listeners of a channel when the current transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
