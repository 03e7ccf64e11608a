"""Owns putting together what a job's plans and events tell: its films, their segments, what came of each, and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jobs.explaining import that_hold
from jobs.models import EventKind, Job, JobEvent, JobPlan
from media_services.journal import Outcome, Task

_TIMES = ("began_at", "ended_at")
_STEP = ("task", "what", "outcome", "project", "number", *_TIMES)
_SCENE = "scene"

Step = dict[str, Any]  # a step of the journal, its times as times, with its `seconds` and `worker`


def plan_of(job: Job) -> dict[str, Any]:
    """Return what the films of a job are made of, and the steps of its latest attempt, in two queries.

    `steps` are those of no one film; each project has its own, but for those that tell what came of a segment.
    """
    kinds = (EventKind.CLAIMED, EventKind.STEP)
    told = list(JobEvent.objects.filter(job=job, attempt=job.attempt, kind__in=kinds).order_by("id"))
    lead = next((event.worker for event in told if event.kind == EventKind.CLAIMED), None)
    steps = [_step(event) for event in told if event.kind == EventKind.STEP]
    plans = JobPlan.objects.filter(job=job).order_by("project")
    projects = [_project(row, [step for step in steps if step["project"] == row.project], lead) for row in plans]
    known = {project["project"] for project in projects}
    return {"job_id": job.pk, "projects": projects, "steps": [step for step in steps if step["project"] not in known]}


def event_data(event: JobEvent) -> dict[str, Any]:
    """Return what an event says beyond its columns, its times as times."""
    data: dict[str, Any] = event.data
    return data | {name: _moment(data[name]) for name in _TIMES if name in data}


def _step(event: JobEvent) -> Step:
    data = event_data(event)
    seconds = max((data["ended_at"] - data["began_at"]).total_seconds(), 0.0)
    return {name: data[name] for name in _STEP} | {"seconds": round(seconds, 3), "worker": event.worker or None}


def _project(row: JobPlan, steps: Sequence[Step], lead: str | None) -> dict[str, Any]:
    plan = row.plan
    of_segments: dict[int, list[Step]] = {}
    for step in steps:
        if step["task"] == Task.SEGMENT and step["number"] is not None:
            of_segments.setdefault(step["number"], []).append(step)
    telling = {number: _telling(each) for number, each in of_segments.items()}
    told = {id(step) for step in telling.values()}
    taken = next((step for step in steps if _took_film(step)), None)
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
            _place(number, segment, plan["fps"]) | _came(telling.get(number), taken, lead, row.explained[number])
            for number, segment in enumerate(plan["segments"])
        ],
        "steps": [step for step in steps if id(step) not in told],
    }


def _telling(steps: Sequence[Step]) -> Step:
    """Return which of the steps of a segment tells what came of it: of several workers' that of who made it."""
    return next((step for step in steps if step["outcome"] == Outcome.MADE), steps[-1])


def _took_film(step: Step) -> bool:
    """Say whether a step took a whole film that had been made before; then nothing is told of its segments."""
    return (step["task"], step["outcome"]) in ((Task.FILM, Outcome.KEPT), (Task.FILM, Outcome.SHARED))


def _shown(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("kind", "path", "start_s", "end_s")}


def _place(number: int, segment: Mapping[str, Any], fps: float) -> dict[str, Any]:
    return {
        "number": number,
        "start_s": round(segment["first_frame"] / fps, 3),
        "end_s": round(segment["end_frame"] / fps, 3),
        "first_frame": segment["first_frame"],
        "frames": segment["end_frame"] - segment["first_frame"],
    }


def _came(step: Step | None, taken: Step | None, lead: str | None, reasons: Iterable[Mapping[str, Any]]) -> Step:
    """Return what came of a segment, by its own step or that which took all of the film; `lead` has the job."""
    told, whole = step or {}, taken or {}
    outcome = told.get("outcome", whole.get("outcome"))
    was_made = outcome == Outcome.MADE
    was_helped = was_made and lead is not None and told["worker"] != lead
    return {
        "outcome": Outcome.SHARED if was_helped else outcome,
        "seconds": told.get("seconds"),
        "began_at": told.get("began_at"),
        "ended_at": told.get("ended_at"),
        "worker": None if outcome == Outcome.SHARED else told.get("worker"),
        "reasons": that_hold(reasons, was_made=was_made),
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
