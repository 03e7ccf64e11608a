"""Owns putting together what a job's plans and events tell: its films, their segments, what came of each, and why."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.explaining import that_hold
from jobs.models import EventKind, Job, JobEvent, JobPlan
from media_services.journal import Task

_TIMES = ("began_at", "ended_at")
_SCENE = "scene"


def plan_of(job: Job) -> dict[str, Any]:
    """Return what the films of a job are made of, and the steps of its latest attempt, in two queries.

    `steps` are those of no one film; each project has its own.
    """
    told = JobEvent.objects.filter(job=job, attempt=job.attempt, kind=EventKind.STEP).order_by("id")
    steps = [_step(event) for event in told]
    plans = JobPlan.objects.filter(job=job).order_by("project")
    projects = [_project(row, [step for step in steps if step["project"] == row.project]) for row in plans]
    known = {project["project"] for project in projects}
    of_all = [_as_other(step) for step in steps if step["project"] not in known]
    return {"job_id": job.pk, "projects": projects, "steps": of_all}


def event_data(event: JobEvent) -> dict[str, Any]:
    """Return what an event says beyond its columns, its times as times."""
    data: dict[str, Any] = event.data
    return data | {name: _moment(data[name]) for name in _TIMES if name in data}


def _step(event: JobEvent) -> dict[str, Any]:
    data = event.data
    return event_data(event) | {
        "seconds": round(max(data["ended_at"] - data["began_at"], 0.0), 3),
        "worker": event.worker or None,
    }


def _project(row: JobPlan, steps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    plan = row.plan
    of_segments = {step["number"]: step for step in steps if _is_of_segment(step)}
    return {
        "project": row.project,
        "id": plan["id"],
        "fps": plan["fps"],
        "frames": plan["frames"],
        "duration_s": round(plan["frames"] / plan["fps"], 3),
        "compared_with": row.compared_with,
        "scenes": [_shown(shown) for shown in plan["shown"] if shown["kind"] == _SCENE],
        "layers": [_shown(shown) for shown in plan["shown"] if shown["kind"] != _SCENE],
        "segments": [
            _segment(number, segment, row.explained[number], of_segments.get(number), plan["fps"])
            for number, segment in enumerate(plan["segments"])
        ],
        "steps": [_as_other(step) for step in steps if not _is_of_segment(step)],
    }


def _is_of_segment(step: Mapping[str, Any]) -> bool:
    return step["task"] == Task.SEGMENT and step["number"] is not None


def _as_other(step: Mapping[str, Any]) -> dict[str, Any]:
    names = ("task", "what", "outcome", "project", "number", *_TIMES, "seconds", "worker")
    return {name: step[name] for name in names}


def _shown(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("kind", "path", "start_s", "end_s")}


def _segment(
    number: int,
    segment: Mapping[str, Any],
    reasons: Iterable[Mapping[str, Any]],
    step: Mapping[str, Any] | None,
    fps: float,
) -> dict[str, Any]:
    told = step or {}
    return {
        "number": number,
        "start_s": round(segment["first_frame"] / fps, 3),
        "end_s": round(segment["end_frame"] / fps, 3),
        "first_frame": segment["first_frame"],
        "frames": segment["end_frame"] - segment["first_frame"],
        "outcome": told.get("outcome"),
        "seconds": told.get("seconds"),
        "began_at": told.get("began_at"),
        "ended_at": told.get("ended_at"),
        "worker": told.get("worker"),
        "reasons": that_hold(reasons, told.get("outcome")),
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
