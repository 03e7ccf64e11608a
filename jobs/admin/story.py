"""Owns how a job's story is shown on its page: its events in words, and why its segments had to be made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.urls import reverse

from jobs.admin import presenting
from jobs.admin.document import PrettyDocument
from jobs.models import EventKind, Job, JobEvent
from jobs.telling import plan_of
from media_services.journal import Task

_MOST_EVENTS = 200
_MOST_ROWS = 200
_MOST_REASONS = 5


@dataclass(frozen=True)
class EventRow:
    """A line of the story."""

    at: str
    attempt: int
    kind: str
    badge: str
    what: str
    worker: str


@dataclass(frozen=True)
class Why:
    """A reason, and the line of the shown document that it is about."""

    message: str
    line: int | None


@dataclass(frozen=True)
class SegmentRow:
    """Segments that follow one another, of which the same came for the same reasons."""

    numbers: str
    time: str
    outcome: str
    took: str
    reasons: list[Why]
    reasons_left_out: int


@dataclass(frozen=True)
class PlannedFilm:
    """A film whose plan the page shows, and the page of the job that it was compared with."""

    project: int
    counts: str
    compared_url: str
    rows: list[SegmentRow]
    rows_left_out: int


def context(job: Job, document: PrettyDocument) -> dict[str, Any]:
    """Return what the template needs to tell a job's story, in three queries."""
    newest = list(JobEvent.objects.filter(job=job).order_by("-id")[: _MOST_EVENTS + 1])
    plan = plan_of(job)
    return {
        "events": [_event_row(event) for event in reversed(newest[:_MOST_EVENTS])],
        "events_left_out": len(newest) > _MOST_EVENTS,
        "events_url": reverse("job-events", args=[job.pk]),
        "planned": [_film(project, document) for project in plan["projects"]],
        "plan_url": reverse("job-plan", args=[job.pk]),
        "picture_url": reverse("job-timeline", args=[job.pk]) if plan["projects"] or plan["steps"] else "",
    }


def _event_row(event: JobEvent) -> EventRow:
    kind = event.kind.replace("_", " ")
    return EventRow(presenting.moment(event.at), event.attempt, kind, event.kind, sentence(event), event.worker)


def sentence(event: JobEvent) -> str:
    """Say in a few words what an event tells beyond its kind."""
    data = event.data
    match event.kind:
        case EventKind.STAGE:
            return f"{data['stage']}, after {presenting.clock(data['seconds'])} of the stage before"
        case EventKind.STEP:
            return _step(data)
        case EventKind.WARNING:
            return _problem(data)
        case EventKind.RETRIED:
            return f"{_problem(data['error'])}; again in {presenting.clock(data['again_in_s'])}"
        case EventKind.LOST:
            return f"{_problem(data['error'])}; the job is {data['status']}"
        case EventKind.PRIORITY_CHANGED:
            return f"to {data['priority']}"
        case EventKind.FAILED:
            return _problem(data["error"])
    return str(data.get("message", ""))


def _step(data: Mapping[str, Any]) -> str:
    film = f", film {data['project'] + 1}" if data["project"] is not None and data["task"] != Task.FILM else ""
    return f"{data['task']} {data['what']}{film}: {data['outcome']} in {_exact(data['ended_at'] - data['began_at'])}"


def _exact(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else presenting.clock(seconds)


def _problem(data: Mapping[str, Any]) -> str:
    parts = (data.get("code"), data.get("message"), f"({data['path']})" if data.get("path") else None)
    return " ".join(str(part) for part in parts if part)


def _film(project: Mapping[str, Any], document: PrettyDocument) -> PlannedFilm:
    rows = [_segment_row(list(group), document) for _, group in groupby(project["segments"], key=_sameness)]
    before = project["compared_with"]
    return PlannedFilm(
        project=project["project"],
        counts=_counts(project["segments"]),
        compared_url=reverse("admin:jobs_job_change", args=[before]) if before else "",
        rows=rows[:_MOST_ROWS],
        rows_left_out=max(len(rows) - _MOST_ROWS, 0),
    )


def _sameness(segment: Mapping[str, Any]) -> Any:
    return segment["outcome"], segment["reasons"]


def _counts(segments: Iterable[Mapping[str, Any]]) -> str:
    outcomes = [segment["outcome"] or "open" for segment in segments]
    return ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes))


def _segment_row(group: list[dict[str, Any]], document: PrettyDocument) -> SegmentRow:
    first, last = group[0], group[-1]
    seconds = [segment["seconds"] for segment in group if segment["seconds"] and segment["outcome"] != "kept"]
    reasons = first["reasons"]
    return SegmentRow(
        numbers=str(first["number"] + 1) if first is last else f"{first['number'] + 1}–{last['number'] + 1}",
        time=f"{first['start_s']:.2f}–{last['end_s']:.2f} s",
        outcome=first["outcome"] or "open",
        took=_exact(sum(seconds)) if seconds else presenting.DASH,
        reasons=[Why(each["message"], document.line_of(each["path"] or "")) for each in reasons[:_MOST_REASONS]],
        reasons_left_out=max(len(reasons) - _MOST_REASONS, 0),
    )
