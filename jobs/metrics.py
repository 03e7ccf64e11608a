"""Owns counting what the service does: every figure from the database, in a fixed number of quick queries."""

from datetime import timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, Avg, Case, Count, F, FloatField, Min, Q, Sum, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Greatest, Now

from jobs.models import TERMINAL, Cluster, Job, JobAttempt, JobQuerySet, JobStatus, QueuePause
from media_services.stage import Stage

LATEST = 1000  # finished jobs, over which rates and times are taken


class _Percentiles(Aggregate):
    """The 50th and 95th percentile of what is not null, as an array; null of nothing."""

    template = "PERCENTILE_CONT(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(FloatField())


def measure() -> dict[str, Any]:
    """Return every figure by its name in the API; nothing in it is of any owner."""
    paused = {"queue_paused": QueuePause.objects.exists()}
    return {**waiting(), **paused, **clusters(), **_on_record(), **rates(), "stages": stages()}


def waiting() -> dict[str, Any]:
    """Count pending jobs; the oldest is the one that has been due, and not worked on, the longest."""
    waiting_since = Greatest("run_after", "updated_at")
    found = Job.objects.filter(status=JobStatus.PENDING).aggregate(
        count=Count("*"), longest=Now() - Min(waiting_since, filter=Q(run_after__lte=Now()))
    )
    return {"queue_size": found["count"], "oldest_pending_age_s": _seconds(found["longest"])}


def without_worker() -> dict[tuple[str, ...], int]:
    """Count, by the labels that they ask for, the due jobs that no living cluster takes."""
    found = Job.objects.without_worker().order_by("labels").values_list("labels").annotate(count=Count("*"))
    return {tuple(labels): count for labels, count in found}


def clusters() -> dict[str, Any]:
    """Add up what the living clusters said of themselves when they last beat."""
    return Cluster.objects.alive().aggregate(
        active_workers=Sum("workers", default=0),
        memory_usage_bytes=Sum("memory_bytes", default=0),
        cpu_usage_percent=Sum("cpu_percent", default=0.0),
    )


def _on_record() -> dict[str, int]:
    """Count jobs by status, each from a partial index of its own: a million in 50 ms, and 250 when grouped."""
    names = {
        "processing_jobs": JobStatus.PROCESSING,
        "jobs_completed": JobStatus.COMPLETED,
        "jobs_failed": JobStatus.FAILED,
    }
    return {name: count(status) for name, status in names.items()}


def count(status: JobStatus) -> int:
    """Count the jobs on record that have a status."""
    return Job.objects.filter(status=status).count()


def _latest() -> JobQuerySet:
    return Job.objects.filter(status__in=TERMINAL).order_by("-finished_at")[:LATEST]


def rates() -> dict[str, float]:
    """Of the latest jobs: a job was retried if it failed before its last attempt."""
    completed, failed = Q(status=JobStatus.COMPLETED), Q(status=JobStatus.FAILED)
    latest = _latest().aggregate(
        finished=Count("*"),
        completed=Count("pk", filter=completed),
        failed=Count("pk", filter=failed),
        retried=Count("pk", filter=Q(failures__gt=Case(When(failed, then=1), default=0))),
        average=Avg(F("finished_at") - F("started_at"), filter=completed),
    )
    return {
        "average_job_time": _seconds(latest["average"]) or 0.0,
        "error_rate_percent": _percent(latest["failed"], latest["failed"] + latest["completed"]),
        "retry_rate_percent": _percent(latest["retried"], latest["finished"]),
    }


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()


def stages() -> dict[str, dict[str, float | None]]:
    """Return the percentiles of each stage's seconds in the attempts of the latest jobs."""
    attempts = JobAttempt.objects.filter(job__in=_latest().values("pk"))
    found = attempts.aggregate(**{stage: _Percentiles(_seconds_of(stage)) for stage in Stage})
    return {stage: dict(zip(("p50_s", "p95_s"), found[stage] or (None, None), strict=True)) for stage in found}


def _seconds_of(stage: Stage) -> Cast:
    return Cast(KeyTextTransform(stage.value, "stage_seconds"), FloatField())
