"""Owns how values look on the admin's pages: states, durations, moments, progress; all text in them is escaped."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.models import Cluster, Job, JobAttempt, JobStatus
from media_services.stage import Stage

DASH = "–"


@dataclass(frozen=True)
class StageMark:
    """One stage on the track of a job: `done`, `current`, `stopped` or `waiting`."""

    name: str
    state: str


def state(job: Job) -> str:
    """Return the job's status, or `cancelling` while a cancelled job's work is still being stopped."""
    cancelling = job.status == JobStatus.PROCESSING and job.cancel_requested_at is not None
    return "cancelling" if cancelling else str(job.status)


def badge(word: str) -> SafeString:
    """Return a word with the colours of the state it names."""
    return format_html('<span class="vc-badge vc-badge--{}">{}</span>', word, word)


def clock(seconds: float) -> str:
    """Write a length of time with its two largest units: `4.2 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    days, rest_h = divmod(hours, 24)
    if days:
        return f"{days} d {rest_h} h"
    if hours:
        return f"{hours} h {rest_min:02} min"
    return f"{minutes} min {rest_s:02} s" if minutes else f"{rest_s} s"


def since(moment: datetime) -> str:
    """Write how long ago a moment was."""
    return clock((timezone.now() - moment).total_seconds())


def duration(job: Job) -> str:
    """Write how long a job was, or has been, worked on since it was first started."""
    if job.started_at is None:
        return DASH
    return clock(((job.finished_at or timezone.now()) - job.started_at).total_seconds())


def moment(value: datetime | None) -> SafeString:
    """Return a `<time>` in the server's time zone, exact in its tooltip."""
    if value is None:
        return SafeString(DASH)
    local = timezone.localtime(value)
    text = date_format(local, "Y-m-d H:i:s")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), date_format(local, "r"), text)


def activity(job: Job) -> str:
    """Say in a few words what a job is busy with, waits for or failed of."""
    code = job.error.get("code", "") if isinstance(job.error, dict) else ""
    if job.status == JobStatus.PROCESSING:
        return "stopping" if job.cancel_requested_at else str(job.stage or "")
    if job.status == JobStatus.PENDING:
        return _waiting(job, code)
    return str(code) if job.status == JobStatus.FAILED else ""


def _waiting(job: Job, code: str) -> str:
    wait_s = (job.run_after - timezone.now()).total_seconds()
    if wait_s <= 0:
        return waited_for(job.labels)
    return f"again in {clock(wait_s)} after {code}" if code else f"starts in {clock(wait_s)}"


def waited_for(labels: Iterable[str]) -> str:
    """Say for what a job waits that asks for these labels."""
    return "waiting for a worker" + (f" with {' and '.join(labels)}" if labels else "")


def labels_of(cluster: Cluster) -> str:
    """Say which labels a cluster's workers have."""
    return ", ".join(cluster.labels) + (", for such jobs only" if cluster.is_dedicated else "") or DASH


def attempt(job: Job) -> str:
    """Write which attempt a job is at, of how many; attempts go on counting when a person asked for a retry."""
    return f"{job.attempt} / {job.max_attempts}" if job.attempt <= job.max_attempts else str(job.attempt)


def stages(job: Job, last: JobAttempt | None = None) -> list[StageMark]:
    """Return the track a job runs along.

    A job at rest has no current stage: of one that failed or was cancelled its last attempt says where it stopped.
    """
    names = [stage.value for stage in Stage]
    if job.status == JobStatus.COMPLETED:
        return [StageMark(name, "done") for name in names]
    seen, here = [job.stage], "current"
    if last is not None and job.is_terminal:
        seen, here = list(last.stage_seconds), "stopped"
    reached = max((names.index(name) for name in seen if name in names), default=-1)
    return [StageMark(name, _mark(place, reached, here)) for place, name in enumerate(names)]


def _mark(place: int, reached: int, here: str) -> str:
    if place == reached:
        return here
    return "done" if place < reached else "waiting"


def live_facts(job: Job) -> dict[str, Any]:
    """Return what of a job can change while somebody looks at it, as the polling script reads it."""
    return {
        "id": str(job.pk),
        "state": state(job),
        "is_final": job.is_terminal,
        "progress": job.progress,
        "percent": f"{job.progress} %",
        "activity": activity(job),
        "duration": duration(job),
        "attempt": attempt(job),
        "stages": {mark.name: mark.state for mark in stages(job)},
        "heartbeat": f"{since(job.heartbeat_at)} ago" if job.heartbeat_at else DASH,
    }
