"""Owns a job's story as text of 80 columns: state, events, attempts and stages, what became of its films, error."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from django.utils import timezone

from jobs.admin.presenting import clock
from jobs.admin.story import sentence
from jobs.models import Job, JobAttempt, JobEvent
from jobs.telling import plan_of
from media_services.stage import Stage

WIDTH = 80
_MEBIBYTE = 1024**2
_AT = "%Y-%m-%d %H:%M:%S"


def head(job: Job) -> Iterator[str]:
    """Say which job it is, and how it is with it."""
    yield from _wrapped(f"Job {job.pk}: {job.status}{_busy_with(job)}")
    yield from _wrapped(
        f"of {job.owner.get_username()}, priority {job.priority}{_labels(job)}, posted {_at(job.created_at)}", "  "
    )
    if job.started_at is not None:
        took_s = ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
        ended = f", ended {_at(job.finished_at)}" if job.finished_at else ""
        yield from _wrapped(f"first claimed {_at(job.started_at)}{ended}, {clock(took_s)}", "  ")
    yield f"  attempt {job.attempt}, {job.failures} of {job.max_attempts} failures"


def _labels(job: Job) -> str:
    return f", for a worker with {' and '.join(job.labels)}" if job.labels else ""


def _busy_with(job: Job) -> str:
    if job.stage:
        return f", {job.stage}, {job.progress} %" + (", to be cancelled" if job.cancel_requested_at else "")
    return f", due {_at(job.run_after)}" if not job.is_terminal else ""


def event_lines(event: JobEvent) -> Iterator[str]:
    """Say what happened, and when."""
    begin = f"  {event.at:%H:%M:%S}.{event.at.microsecond // 1000:03} {event.attempt:>2}  "
    yield from _wrapped(f"{event.kind.replace('_', ' ')} {sentence(event)}", begin, " " * len(begin))


def attempts(job: Job) -> Iterator[str]:
    """Say how each attempt ended, and how long its stages took."""
    rows = list(JobAttempt.objects.filter(job=job))
    if rows:
        yield from ("", "Attempts")
    for row in rows:
        yield from _wrapped(", ".join(_facts(row)), f"  {row.number:>2}  ", " " * 6)
        spent = [f"{stage} {clock(row.stage_seconds[stage])}" for stage in Stage if stage in row.stage_seconds]
        yield from _wrapped(", ".join(spent), " " * 6)


def _facts(row: JobAttempt) -> Iterator[str]:
    yield row.outcome or "under way"
    if row.due_at is not None:
        yield f"after a wait of {clock((row.started_at - row.due_at).total_seconds())}"
    yield f"took {clock(((row.ended_at or timezone.now()) - row.started_at).total_seconds())}"
    if row.memory_peak_bytes:
        yield f"{row.memory_peak_bytes // _MEBIBYTE} MiB at most"
    yield f"by {row.worker}"


def films(job: Job) -> Iterator[str]:
    """Say what each film is made of, and of its segments what came of them and why they had to be made."""
    for project in plan_of(job)["projects"]:
        of = f", compared with job {project['compared_with']}" if project["compared_with"] else ""
        length = f"{project['duration_s']:.2f} s, {project['frames']} frames"
        yield ""
        yield from _wrapped(f"Film {project['project'] + 1}: {length}{of}")
        for _, group in groupby(project["segments"], key=lambda segment: (segment["outcome"], segment["reasons"])):
            yield from _segments(list(group))


def _segments(group: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say the same of segments that follow one another, if it is the same."""
    first, last = group[0], group[-1]
    which = (
        f"segment {first['number'] + 1}" if first is last else f"segments {first['number'] + 1}-{last['number'] + 1}"
    )
    seconds = sum(segment["seconds"] or 0 for segment in group)
    took = f" in {clock(seconds)}" if seconds and first["outcome"] == "made" else ""
    place = f"{first['start_s']:.2f}-{last['end_s']:.2f} s"
    yield from _wrapped(f"{which}, {place}: {first['outcome'] or 'open'}{took}", "  ", " " * 6)
    for reason in first["reasons"]:
        yield from _wrapped(reason["message"], " " * 6)


def error(job: Job) -> Iterator[str]:
    """Say of what the job failed, and what FFmpeg said last."""
    if not job.error:
        return
    where = f" ({job.error['path']})" if job.error.get("path") else ""
    yield ""
    yield from _wrapped(f"{job.error['code']}: {job.error['message']}{where}")
    tail = JobAttempt.objects.filter(job=job).exclude(stderr_tail="").values_list("stderr_tail", flat=True).last()
    for line in (tail or "").splitlines():
        yield from _wrapped(line, "  | ")


def _at(moment: Any) -> str:
    return f"{moment:{_AT}}Z"


def _wrapped(text: str, first: str = "", others: str | None = None) -> Iterable[str]:
    """Break a text into lines; what a terminal would obey rather than show is left out."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(shown, WIDTH, initial_indent=first, subsequent_indent=first if others is None else others)
