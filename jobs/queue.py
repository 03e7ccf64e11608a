"""Owns putting a job into the queue: checked, bounded, and announced in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from jobs.models import DUE_CHANNEL, Asset, Job, JobStatus, notify
from media_services.errors import DocumentError, Problem
from media_services.movie.reading import Movie, read

_QUEUE_LOCK = 0x56434A51  # any number, the same in every process


class QueueFull(Exception):
    """As many jobs are pending as the queue holds; `retry_after_s` is when it is worth trying again."""

    retry_after_s = 10


@dataclass(frozen=True)
class Submission:
    """What a client posts: the document, and how it is to be run."""

    document: Any
    strict: bool = False
    priority: int = 0
    run_after: datetime | None = None
    client_data: Any = None


def submit(owner: Any, submission: Submission) -> Job:
    """Insert a pending job and wake the workers, in one transaction.

    Raises DocumentError with everything that is wrong with the document, or QueueFull. The bound is exact: counting
    and inserting happen under one advisory lock, taken last.
    """
    movie = read(submission.document, strict=submission.strict)
    refuse_unknown_assets(owner, movie)
    job = Job(
        owner=owner,
        config=submission.document,
        strict=submission.strict,
        client_data=submission.client_data,
        priority=submission.priority,
        max_attempts=settings.VIDEOCRAFT.job_retry_attempts,
        warnings=[warning.as_json() for warning in movie.warnings],
    )
    if submission.run_after is not None:
        job.run_after = submission.run_after
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_QUEUE_LOCK])
        if Job.objects.filter(status=JobStatus.PENDING).count() >= settings.VIDEOCRAFT.job_queue_size:
            raise QueueFull
        job.save(force_insert=True)
        notify(DUE_CHANNEL)
    return job


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
