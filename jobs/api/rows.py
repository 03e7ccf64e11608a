"""Owns reading jobs for answers: each with its place in the queue and its videos, in a fixed number of queries."""

from typing import Any

from django.conf import settings
from django.db.models import Case, DateTimeField, IntegerField, JSONField, OuterRef, Prefetch, Subquery, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.db.models.functions.json import JSONObject

from jobs.models import Job, JobAttempt, JobQuerySet, JobStatus, Video, WebhookDelivery, scheduling


def jobs_of(user: Any, *, with_config: bool) -> JobQuerySet:
    """Return the jobs a user may see, ready for JobSerializer."""
    rows = (
        Job.objects.visible_to(user)
        .annotate(
            queue_position=Case(
                When(status=JobStatus.PENDING, run_after__lte=Now(), then=_position()),
                default=None,
                output_field=IntegerField(),
            ),
            waiting_for=Case(
                When(scheduling.has_no_worker(), then="labels"),
                default=None,
                output_field=Job._meta.get_field("labels"),
            ),
            attempt_started_at=Case(
                When(status=JobStatus.PROCESSING, then=Subquery(_attempt_start())),
                default=None,
                output_field=DateTimeField(),
            ),
            read_at=Now(),
            webhook_told=Case(When(webhook_url="", then=None), default=Subquery(_told()), output_field=JSONField()),
        )
        .prefetch_related(Prefetch("videos", Video.objects.order_by("project")))
    )
    return rows if with_config else rows.defer("config")


def _position() -> RawSQL:
    """Say where a job stands among all that are due; its queue is sorted once for a whole list of jobs."""
    return RawSQL(scheduling.POSITION, [settings.VIDEOCRAFT.quota_concurrent_jobs], IntegerField())  # noqa: S611


def _told() -> Any:
    """Say how far the latest end of a job has been told to its webhook."""
    told = JSONObject(status="status", attempts="tries", last_status="last_status")
    return WebhookDelivery.objects.filter(job=OuterRef("pk")).order_by("-created_at").values(told=told)[:1]


def _attempt_start() -> Any:
    return JobAttempt.objects.filter(job=OuterRef("pk"), number=OuterRef("attempt")).values("started_at")[:1]
