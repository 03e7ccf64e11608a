"""Owns what a person may do to jobs and to the queue from the admin, with a true account of what came of it."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models import Q
from django.http import HttpRequest
from django.utils.text import capfirst

from jobs.models import HIGHEST_PRIORITY, LOWEST_PRIORITY, Job, JobStatus, QueuePause

log = logging.getLogger(__name__)
MAX_AT_ONCE = 1000


@dataclass(frozen=True)
class Control:
    """One thing to do to a job: from which states, by which transition, and how its outcome is told."""

    name: str
    starts_from: tuple[str, ...]
    transition: Callable[[uuid.UUID], bool]
    log_entry: str
    accepted: str
    refused: str
    is_undone: Q = field(default_factory=Q)  # what else is true of the jobs it is worth trying on

    def is_open_to(self, job: Job) -> bool:
        """Say whether it is worth offering."""
        return job.status in self.starts_from and (self is not CANCEL or job.cancel_requested_at is None)

    def apply(self, request: HttpRequest, pks: list[uuid.UUID]) -> int:
        """Try it on each job, log it for those it happened to, tell the person, and return how many those were."""
        moved = [pk for pk in pks if self.transition(pk)]
        LogEntry.objects.log_actions(str(request.user.pk), [Job(pk=pk) for pk in moved], CHANGE, self.log_entry)
        if moved:
            messages.success(request, self.accepted.format(jobs=_jobs(len(moved))))
        if len(moved) < len(pks):
            messages.error(request, capfirst(self.refused.format(jobs=_jobs(len(pks) - len(moved)))))
        return len(moved)

    def apply_to_selected(self, request: HttpRequest, jobs: Any) -> None:
        """Try it on all jobs of a selection, or, of more than a thousand, on the first thousand that it can move."""
        pks = list(jobs.values_list("pk", flat=True)[: MAX_AT_ONCE + 1])
        if len(pks) > MAX_AT_ONCE:
            pks = list(self.movable(jobs).values_list("pk", flat=True)[:MAX_AT_ONCE])
            messages.warning(request, f"Handled the first {MAX_AT_ONCE:,} only; run the action again for the rest.")
        self.apply(request, pks)

    def movable(self, jobs: Any) -> Any:
        """Narrow jobs to those it is worth trying on."""
        return jobs.filter(self.is_undone, status__in=self.starts_from)


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


CANCEL = Control(
    name="cancel",
    starts_from=(JobStatus.PENDING, JobStatus.PROCESSING),
    transition=lambda pk: Job.objects.cancel(pk),
    log_entry="Cancel asked for.",
    accepted="Cancel accepted for {jobs}; work in progress stops within seconds.",
    refused="{jobs} could not be cancelled: already finished.",
    is_undone=Q(cancel_requested_at=None),
)
RETRY = Control(
    name="retry",
    starts_from=(JobStatus.FAILED, JobStatus.CANCELLED),
    transition=lambda pk: Job.objects.retry(pk),
    log_entry="Retry asked for.",
    accepted="Retry accepted for {jobs}: pending again, with a fresh set of attempts.",
    refused="{jobs} could not be retried: only failed and cancelled jobs can.",
)
CONTROLS = {control.name: control for control in (CANCEL, RETRY)}


class PriorityForm(forms.Form):
    """Which priority jobs are to have, within the bounds that hold for a post."""

    priority = forms.IntegerField(
        min_value=LOWEST_PRIORITY,
        max_value=HIGHEST_PRIORITY,
        help_text=f"From {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}; higher runs earlier.",
    )


def prioritising(priority: int) -> Control:
    """Return what gives pending jobs a priority."""
    return Control(
        name="priority",
        starts_from=(JobStatus.PENDING,),
        transition=lambda pk: Job.objects.change_priority(pk, priority),
        log_entry=f"Priority changed to {priority}.",
        accepted=f"Priority {priority} for {{jobs}}.",
        refused="{jobs} could not be given another priority: only pending jobs can.",
        is_undone=~Q(priority=priority),
    )


def pause_queue(request: HttpRequest) -> None:
    """Pause the queue, if nobody has; log it, and tell the person."""
    name = request.user.get_username()
    if not QueuePause.objects.pause(name):
        messages.warning(request, "The queue was paused already.")
        return
    _record(request, ADDITION, "Paused.")
    log.warning("the queue was paused by %s", name)
    messages.success(request, "The queue is paused: running jobs go on, and no other is begun.")


def resume_queue(request: HttpRequest) -> None:
    """Resume the queue, if nobody has; log it, and tell the person."""
    if not QueuePause.objects.resume():
        messages.warning(request, "The queue was not paused.")
        return
    _record(request, DELETION, "Resumed.")
    log.warning("the queue was resumed by %s", request.user.get_username())
    messages.success(request, "The queue goes on.")


def _record(request: HttpRequest, action: int, message: str) -> None:
    LogEntry.objects.log_actions(str(request.user.pk), [QueuePause()], action, message, single_object=True)
