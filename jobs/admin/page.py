"""Owns what the page of one job shows, gathered in a fixed number of queries."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Func, TextField
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html

from jobs.admin import presenting, story
from jobs.admin.control import CONTROLS, PriorityForm
from jobs.admin.document import PrettyDocument, pretty
from jobs.models import Job, JobAttempt, JobStatus, QueuePause, Video
from media_services.link import shown_url
from media_services.movie.document import Format
from media_services.render.output import OUTPUTS
from media_services.stage import Stage

_MAX_WARNINGS = 200


@dataclass(frozen=True)
class Trouble:
    """An error or a warning, and the line of the shown document that it is about."""

    code: str
    message: str
    path: str
    line: int | None


@dataclass(frozen=True)
class Film:
    """A video as the page shows it."""

    pk: str
    project: int
    url: str
    poster_url: str
    contact_sheet_url: str
    is_animation: bool  # a GIF, which is a picture to a browser
    facts: list[tuple[str, str]]
    sha256: str


@dataclass(frozen=True)
class AttemptRow:
    """A row of the table of attempts."""

    attempt: JobAttempt
    outcome: str
    started: str
    ended: str
    took: str
    spent: str
    error: Trouble | None


def context(job: Job, *, may_control: bool) -> dict[str, Any]:
    """Return what the template of a job's page needs."""
    document = pretty(job.config)
    attempts = [_attempt_row(attempt, document) for attempt in job.attempts.all()]
    warnings = job.warnings if isinstance(job.warnings, list) else []
    is_pending = job.status == JobStatus.PENDING
    return {
        "job": job,
        "live": presenting.live_facts(job),
        "stages": presenting.stages(job, attempts[-1].attempt if attempts else None),
        "facts": _facts(job),
        "error": trouble(job.error, document),
        "stderr_tail": attempts[-1].attempt.stderr_tail if attempts and job.error else "",
        "warnings": [trouble(warning, document) for warning in warnings[:_MAX_WARNINGS]],
        "warnings_left_out": max(len(warnings) - _MAX_WARNINGS, 0),
        "films": [film(video) for video in job.videos.order_by("project")],
        "attempts": attempts,
        "document": document,
        "has_no_worker": is_pending and Job.objects.without_worker().filter(pk=job.pk).exists(),
        "pause": QueuePause.objects.first() if is_pending else None,
        "priority_form": _priority_form(job) if may_control else None,
        "controls": [control for control in CONTROLS.values() if may_control and control.is_open_to(job)],
        **story.context(job, document),
    }


def trouble(value: Any, document: PrettyDocument) -> Trouble | None:
    """Read an error or a warning as it is stored; None when there is none."""
    if not isinstance(value, dict):
        return None
    path = str(value.get("path") or "")
    return Trouble(str(value.get("code", "")), str(value.get("message", "")), path, document.line_of(path))


def film(video: Video) -> Film:
    """Return a video as pages show it; its files are served by the API, which accepts the session of staff."""
    facts = [
        ("Picture", f"{video.width} × {video.height}, {video.fps} fps, {video.frames:,} frames"),
        ("Length", presenting.clock(video.duration_ms / 1000)),
        ("Size", filesizeformat(video.size_bytes)),
    ]
    names = ("video-download", "video-thumbnail", "video-contact-sheet")
    url, poster_url, sheet_url = (reverse(name, args=[video.pk]) for name in names)
    return Film(
        pk=str(video.pk),
        project=video.project,
        url=url,
        poster_url=poster_url,
        contact_sheet_url=sheet_url if video.contact_sheet else "",
        is_animation=video.content_type == OUTPUTS[Format.GIF].content_type,
        facts=facts,
        sha256=video.sha256,
    )


def document_text(pk: UUID) -> str | None:
    """Return the whole document of a job, pretty-printed by the database, however deep; None if there is no job."""
    text = Func(F("config"), function="jsonb_pretty", output_field=TextField())
    return Job.objects.filter(pk=pk).values_list(text, flat=True).first()


def _attempt_row(attempt: JobAttempt, document: PrettyDocument) -> AttemptRow:
    took_s = (attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else None
    return AttemptRow(
        attempt=attempt,
        outcome=attempt.outcome or "running",
        started=presenting.moment(attempt.started_at),
        ended=presenting.moment(attempt.ended_at),
        took=presenting.DASH if took_s is None else presenting.clock(took_s),
        spent=_spent(attempt),
        error=trouble(attempt.error, document),
    )


def _spent(attempt: JobAttempt) -> str:
    """Say how long each stage took that an attempt came to, and how much memory it needed."""
    seconds = attempt.stage_seconds
    parts = [f"{stage} {presenting.clock(seconds[stage])}" for stage in Stage if stage in seconds]
    if attempt.memory_peak_bytes:
        parts.append(f"{filesizeformat(attempt.memory_peak_bytes)} of memory at most")
    return ", ".join(parts)


def _facts(job: Job) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        ("Owner", job.owner.get_username()),
        ("Created", presenting.moment(job.created_at)),
        ("Started", presenting.moment(job.started_at)),
        ("Finished", presenting.moment(job.finished_at)),
        ("Priority", job.priority),
        *([("Labels", ", ".join(job.labels))] if job.labels else []),
        ("Failures", f"{job.failures} of {job.max_attempts}"),
    ]
    if job.strict:
        facts.append(("Reading", "strict: warnings are errors"))
    if job.webhook_url:
        told = f"{reverse('admin:jobs_webhookdelivery_changelist')}?job__exact={job.pk}"
        facts.append(("Webhook", format_html('<a href="{}">{}</a>', told, shown_url(job.webhook_url))))
    if job.cancel_requested_at:
        facts.append(("Cancel asked for", presenting.moment(job.cancel_requested_at)))
    return facts + (_lease(job) if job.lease_expires_at else [])


def _priority_form(job: Job) -> PriorityForm | None:
    return PriorityForm(initial={"priority": job.priority}) if job.status == JobStatus.PENDING else None


def _lease(job: Job) -> list[tuple[str, Any]]:
    return [
        ("Worker", f"{job.worker_host}:{job.worker_pid}"),
        ("Lease until", presenting.moment(job.lease_expires_at)),
    ]
