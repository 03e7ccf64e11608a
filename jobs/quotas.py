"""Owns how much an owner may have: jobs at work and in the queue, stored bytes, and minutes of film in a day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Now

from jobs.models import Asset, Job, JobStatus, OwnerQuota, Rendered, Video

DAY = timedelta(hours=24)
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class Quotas:
    """What one owner may have; 0 is no limit."""

    concurrent_jobs: int
    queued_jobs: int
    stored_bytes: int
    minutes_per_day: int


class QuotaExceeded(Exception):
    """An owner would have more than he may; `refills_at` is when time alone will have made room, if it will."""

    def __init__(self, quota: str, used: float, limit: int, refills_at: datetime | None = None) -> None:
        super().__init__(quota)
        self.quota = quota
        self.used = used
        self.limit = limit
        self.refills_at = refills_at


def quotas_of(owner: Any) -> Quotas:
    """Return an owner's quotas: his own where he has any, else those of the settings."""
    own = OwnerQuota.objects.filter(user=owner).first()
    return Quotas(**{name: _either(own, name) for name in Quotas.__dataclass_fields__})


def _either(own: OwnerQuota | None, name: str) -> int:
    stated = getattr(own, name, None)
    return int(getattr(settings.VIDEOCRAFT, f"quota_{name}") if stated is None else stated)


def refuse_job(owner: Any) -> None:
    """Raise QuotaExceeded unless an owner may have one more job in the queue; the queue is locked by the caller."""
    quotas = quotas_of(owner)
    _refuse_beyond("queued_jobs", quotas.queued_jobs, lambda: queued_jobs(owner))
    _refuse_beyond("stored_bytes", quotas.stored_bytes, lambda: stored_bytes(owner))
    _refuse_beyond(
        "minutes_per_day",
        quotas.minutes_per_day,
        lambda: round(rendered_ms(owner) / _MINUTE_MS, 2),
        lambda: refill_of_minutes(owner, quotas.minutes_per_day),
    )


def refuse_bytes(owner: Any, size_bytes: int) -> None:
    """Raise QuotaExceeded unless an owner may store so many bytes more; the queue is locked by the caller."""
    limit = quotas_of(owner).stored_bytes
    if limit and (used := stored_bytes(owner)) + size_bytes > limit:
        raise QuotaExceeded("stored_bytes", used, limit)


def queued_jobs(owner: Any) -> int:
    return Job.objects.filter(owner=owner, status=JobStatus.PENDING).count()


def stored_bytes(owner: Any) -> int:
    """Return the size of an owner's uploads and films together; what is small beside a film does not count."""
    sizes = [rows.objects.filter(owner=owner).aggregate(sum=Sum("size_bytes"))["sum"] for rows in (Asset, Video)]
    return sum(size or 0 for size in sizes)


def rendered_ms(owner: Any) -> int:
    """Return how much film was completed for an owner within the last 24 hours."""
    return int(_rendered_lately(owner).aggregate(sum=Sum("duration_ms"))["sum"] or 0)


def refill_of_minutes(owner: Any, limit: int) -> datetime | None:
    """Return when so much will be older than a day that less than the limit is left."""
    left_ms = rendered_ms(owner)
    for at, duration_ms in _rendered_lately(owner).order_by("at").values_list("at", "duration_ms"):
        left_ms -= duration_ms
        if left_ms < limit * _MINUTE_MS:
            refills_at: datetime = at + DAY
            return refills_at
    return None


def _rendered_lately(owner: Any) -> Any:
    return Rendered.objects.filter(owner=owner, at__gt=Now() - DAY)


def _refuse_beyond(
    quota: str, limit: int, use: Callable[[], float], refill: Callable[[], datetime | None] = lambda: None
) -> None:
    """Raise QuotaExceeded when what is used has reached a limit; it is not even counted where there is none."""
    if limit and (used := use()) >= limit:
        raise QuotaExceeded(quota, used, limit, refill())
