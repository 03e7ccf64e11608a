"""Owns what a person may do to jobs from the admin: cancel and retry, with a true account of what came of it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest
from django.utils.text import capfirst

from jobs.models import Job, JobStatus

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
        unasked = {"cancel_requested_at": None} if self is CANCEL else {}
        return jobs.filter(status__in=self.starts_from, **unasked)


def _jobs(count: int) -> str:
    return f"{count:,} job" if count == 1 else f"{count:,} jobs"


CANCEL = Control(
    name="cancel",
    starts_from=(JobStatus.PENDING, JobStatus.PROCESSING),
    transition=lambda pk: Job.objects.cancel(pk),
    log_entry="Cancel asked for.",
    accepted="Cancel accepted for {jobs}; work in progress stops within seconds.",
    refused="{jobs} could not be cancelled: already finished.",
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
