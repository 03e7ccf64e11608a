"""Owns reading jobs for answers: each with its place in the queue and its videos, in a fixed number of queries."""

from typing import Any

from django.db.models import Case, Count, DateTimeField, IntegerField, OuterRef, Prefetch, Q, Subquery, When
from django.db.models.functions import Now

from jobs.models import Job, JobAttempt, JobQuerySet, JobStatus, Video


def jobs_of(user: Any, *, with_config: bool) -> JobQuerySet:
    """Return the jobs a user may see, ready for JobSerializer."""
    rows = (
        Job.objects.visible_to(user)
        .annotate(
            queue_position=Case(
                When(status=JobStatus.PENDING, run_after__lte=Now(), then=Subquery(_ahead_or_here())),
                default=None,
                output_field=IntegerField(),
            ),
            attempt_started_at=Case(
                When(status=JobStatus.PROCESSING, then=Subquery(_attempt_start())),
                default=None,
                output_field=DateTimeField(),
            ),
            read_at=Now(),
        )
        .prefetch_related(Prefetch("videos", Video.objects.order_by("project")))
    )
    return rows if with_config else rows.defer("config")


def _ahead_or_here() -> Any:
    """Count the due jobs that will be claimed no later than the outer one, itself among them."""
    priority, created_at, pk = OuterRef("priority"), OuterRef("created_at"), OuterRef("pk")
    no_later = (
        Q(priority__gt=priority)
        | Q(priority=priority, created_at__lt=created_at)
        | Q(priority=priority, created_at=created_at, pk__lte=pk)
    )
    return Job.objects.due().filter(no_later).order_by().values("status").annotate(n=Count("pk")).values("n")


def _attempt_start() -> Any:
    return JobAttempt.objects.filter(job=OuterRef("pk"), number=OuterRef("attempt")).values("started_at")[:1]
