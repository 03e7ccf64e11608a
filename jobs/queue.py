"""Owns putting a job into the queue: checked, bounded, once, and announced in the same transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from jobs import logs, quotas
from jobs.idempotency import PostKey, find_earlier, keep_key
from jobs.labels import tidy
from jobs.models import DUE_CHANNEL, RETRYABLE, Asset, EventKind, Job, JobEvent, JobStatus, notify
from media_services.errors import DocumentError, Problem
from media_services.movie.reading import Movie, read

log = logging.getLogger(__name__)
_QUEUE_LOCK = 0x56434A51  # any number, the same in every process


class QueueFull(Exception):
    """As many jobs are pending as the queue holds; `retry_after_s` is when it is worth trying again."""

    retry_after_s = 10


@dataclass(frozen=True)
class Submission:
    """What a client posts: the document, how it is to be run, and what the post is called."""

    document: Any
    strict: bool = False
    priority: int = 0
    labels: Sequence[str] = ()
    run_after: datetime | None = None
    client_data: Any = None
    webhook_url: str = ""
    public_url: str = ""
    key: PostKey | None = None


@dataclass(frozen=True)
class Submitted:
    """The job that a post made: now, or, of a replay, when it was sent before."""

    job: Job
    is_replay: bool = False


def submit(owner: Any, submission: Submission) -> Submitted:
    """Insert a pending job and wake the workers, in one transaction; or find the job that the same post made.

    Raises DocumentError with everything that is wrong with the document, QueueFull, QuotaExceeded, or KeyMismatch.
    Looking for the key, counting and inserting happen under one advisory lock, taken last: bound and quotas are exact,
    and a key makes one job. A replay is answered whatever became of the queue, the quotas and the assets since.
    """
    if earlier := _earlier(owner, submission):
        return earlier
    job = _read_job(owner, submission)
    with transaction.atomic():
        lock_queue()
        if earlier := _earlier(owner, submission):
            return earlier
        _insert(job, submission.key)
    with logs.about(job):
        log.info("queued")
    return Submitted(job)


def _earlier(owner: Any, submission: Submission) -> Submitted | None:
    job = find_earlier(owner, submission.key) if submission.key else None
    return Submitted(job, is_replay=True) if job else None


def _read_job(owner: Any, submission: Submission) -> Job:
    """Return the job that is asked for, not yet in the table; raise DocumentError."""
    movie = read(submission.document, strict=submission.strict)
    refuse_unknown_assets(owner, movie)
    job = Job(
        owner=owner,
        config=submission.document,
        strict=submission.strict,
        client_data=submission.client_data,
        webhook_url=submission.webhook_url,
        public_url=submission.public_url,
        priority=submission.priority,
        labels=tidy(submission.labels),
        max_attempts=settings.VIDEOCRAFT.job_retry_attempts,
        warnings=[warning.as_json() for warning in movie.warnings],
    )
    if submission.run_after is not None:
        job.run_after = submission.run_after
    return job


def retry(job: Job) -> bool:
    """Put a failed or cancelled job back into the queue; say whether it was one. Raises QuotaExceeded."""
    with transaction.atomic():
        lock_queue()
        if Job.objects.filter(pk=job.pk, status__in=RETRYABLE).exists():
            quotas.refuse_job(job.owner)
        return Job.objects.retry(job.pk)


def lock_queue() -> None:
    """Keep all others from submitting and storing until the current transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_QUEUE_LOCK])


def _insert(job: Job, key: PostKey | None) -> None:
    """Insert and announce a job, with its key; raise QueueFull or QuotaExceeded. The queue is locked by the caller."""
    quotas.refuse_job(job.owner)
    if Job.objects.filter(status=JobStatus.PENDING).count() >= settings.VIDEOCRAFT.job_queue_size:
        raise QueueFull
    job.save(force_insert=True)
    JobEvent.objects.tell(job.pk, job.attempt, EventKind.QUEUED)
    if key:
        keep_key(job.owner, key, job)
    notify(DUE_CHANNEL)


def refuse_unknown_assets(owner: Any, movie: Movie) -> None:
    """Raise DocumentError naming each `asset:` source that is not one of the owner's."""
    wanted = {src.removeprefix("asset:"): path for src, path in movie.sources() if src.startswith("asset:")}
    known = {
        str(pk) for pk in Asset.objects.visible_to(owner).filter(pk__in=_uuids(wanted)).values_list("pk", flat=True)
    }
    missing = [
        Problem(path, "unknown-asset", f"there is no asset {pk!r}") for pk, path in wanted.items() if pk not in known
    ]
    if missing:
        raise DocumentError(missing)


def _uuids(names: Any) -> list[str]:
    from uuid import UUID

    valid = []
    for name in names:
        try:
            valid.append(str(UUID(name)))
        except ValueError:
            continue
    return valid
