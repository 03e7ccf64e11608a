"""Owns writing down what an attempt tells of its work: the plans of its films, its stages and steps."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from pydantic_core import to_jsonable_python

from jobs.explaining import contents, explain
from jobs.models import EventKind, Job, JobEvent, JobPlan
from media_services.journal import FilmPlan, PlannedSegment, Step, Task

log = logging.getLogger(__name__)
MOST_STEPS = 2000  # of an attempt
_MOST_INPUTS = 100_000  # of a plan; what each segment of a longer one depends on is not kept
_MOST_CONTENTS = 1000
_LOOKED_AT = 50  # plans among which the one before is looked for
_DIGEST_CHARS = 16  # enough to tell one from another
_PLAN_COLUMNS = ["owner", "project_key", "created_at", "plan", "contents", "compared_with", "explained"]


def message_of(entry: Step | FilmPlan) -> dict[str, Any]:
    """Return an entry of the journal as the message by which the work tells of it."""
    if isinstance(entry, Step):
        return {"step": to_jsonable_python(entry)}
    return {"plan": to_jsonable_python(entry, serialize_unknown=True)}


class Story:
    """What one attempt tells, kept until it can be written. Neither a lost database nor a strange entry stops it."""

    def __init__(self, job: Job, worker: str) -> None:
        self.job = job
        self.worker = worker
        self.steps = 0
        self.events: deque[JobEvent] = deque()
        self.plans: deque[dict[str, Any]] = deque()

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take in a {"stage", "seconds"}, a {"step"} or a {"plan"}."""
        if "plan" in message:
            self.plans.append(message["plan"])
        elif "stage" in message:
            self._keep(EventKind.STAGE, timezone.now(), {"stage": message["stage"], "seconds": message["seconds"]})
        else:
            self._hear_step(message["step"])

    def _hear_step(self, step: dict[str, Any]) -> None:
        self.steps += 1
        if self.steps <= MOST_STEPS:
            self._keep(EventKind.STEP, datetime.fromtimestamp(step["ended_at"], UTC), step)
        elif self.steps == MOST_STEPS + 1:
            message = f"there were more than {MOST_STEPS:,} steps; the rest of this attempt's are left out"
            self._keep(EventKind.STEPS_LEFT_OUT, timezone.now(), {"message": message})

    def _keep(self, kind: EventKind, at: datetime, data: dict[str, Any]) -> None:
        event = JobEvent(job=self.job, attempt=self.job.attempt, at=at, kind=kind, worker=self.worker, data=data)
        self.events.append(event)

    def flush(self) -> None:
        """Write what was heard, unless another attempt has the job; what the database cannot take now is kept.

        What it will never take is dropped: a story is worth less than its job.
        """
        self._write(self.plans, self._write_plans)
        self._write(self.events, lambda: JobEvent.objects.tell_all([copy(event) for event in self.events]))

    def _write(self, heard: "deque[Any]", write: Callable[[], Any]) -> None:
        if not heard:
            return
        try:
            self._write_if_held(write)
        except (OperationalError, InterfaceError) as problem:
            log.warning("the story is kept until the database answers: %s", problem)
            connection.close()
            return
        except (DatabaseError, ValueError, TypeError, KeyError):
            log.exception("a part of the story cannot be written")
        heard.clear()

    def _write_if_held(self, write: Callable[[], Any]) -> None:
        """Write under the job's lock: so its events become readable in the order of their ids."""
        with transaction.atomic():
            if Job.objects.filter(pk=self.job.pk).held(self.job.attempt).select_for_update(no_key=True).exists():
                write()

    def _write_plans(self) -> None:
        JobPlan.objects.bulk_create(
            [_planned(self.job, plan) for plan in self.plans],
            update_conflicts=True,
            unique_fields=["job", "project"],
            update_fields=_PLAN_COLUMNS,
        )


def _planned(job: Job, plan: dict[str, Any]) -> JobPlan:
    """Return the row of a plan, compared with the latest plan of the same project of an earlier job."""
    plan = _bounded(plan)
    segments = segments_of(plan)
    key = "" if plan["id"] is None else str(plan["id"])[:255]
    known = sorted(contents(segments))[:_MOST_CONTENTS]
    before = _before(job, plan["project"], key, set(known))
    reasons = explain(segments, segments_of(before.plan), _existing(before)) if before else explain(segments, None)
    return JobPlan(
        job=job,
        project=plan["project"],
        owner_id=job.owner_id,
        project_key=key,
        created_at=Now(),
        plan=plan,
        contents=known,
        compared_with=before.job_id if before else None,
        explained=[[reason.as_json() for reason in each] for each in reasons],
    )


def segments_of(plan: Mapping[str, Any]) -> list[PlannedSegment]:
    """Return the segments of a plan as it is stored."""
    known = [field.name for field in fields(PlannedSegment)]
    return [PlannedSegment(**{name: segment[name] for name in known}) for segment in plan["segments"]]


def _bounded(plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with short digests; without any where there are too many to keep."""
    is_large = sum(len(segment["inputs"]) for segment in plan["segments"]) > _MOST_INPUTS

    def bounded(inputs: Mapping[str, str]) -> dict[str, str]:
        return {} if is_large else {key: digest[:_DIGEST_CHARS] for key, digest in inputs.items()}

    segments = [segment | {"inputs": bounded(segment["inputs"])} for segment in plan["segments"]]
    return plan | {"segments": segments}


def _before(job: Job, project: int, key: str, known: set[str]) -> JobPlan | None:
    """Return the plan to compare with: the latest of the same owner and project key.

    A project without an id is taken for the latest without one in which a source or text is the same. Of several
    in one job it is the one that shares most.
    """
    rows = JobPlan.objects.filter(owner_id=job.owner_id, project_key=key).exclude(job=job).order_by("-created_at")
    latest = list(rows.only("job_id", "project", "contents")[:_LOOKED_AT])
    found = [row for row in latest if key or known.intersection(row.contents)]
    if not found:
        return None
    together = [row for row in found if row.job_id == found[0].job_id]
    best = max(together, key=lambda row: (len(known.intersection(row.contents)), row.project == project))
    return JobPlan.objects.filter(pk=best.pk).first()


def _existing(before: JobPlan) -> set[str]:
    """Return the names of the segments of a plan which came to be in its job: all of them where the film did."""
    steps = JobEvent.objects.filter(job=before.job_id, kind=EventKind.STEP, data__project=before.project)
    done = set(steps.filter(data__task__in=[Task.SEGMENT, Task.FILM]).values_list("data__task", "data__number"))
    is_whole = any(task == Task.FILM for task, _ in done)
    segments = enumerate(before.plan["segments"])
    return {segment["name"] for number, segment in segments if is_whole or (Task.SEGMENT, number) in done}
