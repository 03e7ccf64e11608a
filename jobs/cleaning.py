"""Owns removing what has had its time: finished jobs with their films, and files that nothing refers to.

Everything is done in small batches, files before their rows: whatever kills it in between leaves nothing that the
next cleaning does not find.
"""

import contextlib
import logging
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from jobs.counting import count_of
from jobs.housekeeping import work_dir
from jobs.idempotency import KEY_LIFE
from jobs.login import FORGOTTEN
from jobs.models import (
    TERMINAL,
    Asset,
    Cluster,
    IdempotencyKey,
    Job,
    JobStatus,
    LoginFailures,
    RateBucket,
    Rendered,
    Video,
)
from jobs.quotas import DAY
from media_services import results, storage
from media_services.errors import StorageUnavailable
from media_services.stored import Entry, Flat, listed

log = logging.getLogger(__name__)
_BATCH = 100
_FRESH_S = 3600.0  # what is younger may still be on its way to where it belongs
_SILENT = timedelta(minutes=10)
_ATTEMPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d+|helped)-.+")
_FILM = re.compile(r"(\d+)-\d+\..+")
Item = TypeVar("Item")


def clean() -> Iterator[int]:
    """Remove all that has had its time; yields after each small batch how many things it removed."""
    yield from expired_jobs()
    yield from _rows(IdempotencyKey.objects.filter(created_at__lt=Now() - KEY_LIFE))
    yield from _rows(Rendered.objects.filter(at__lt=Now() - DAY))
    yield from _rows(RateBucket.objects.filter(full_at__lt=Now()))
    yield from _rows(LoginFailures.objects.filter(failed_at__lt=Now() - FORGOTTEN))
    yield from _rows(Cluster.objects.filter(heartbeat_at__lt=Now() - _SILENT))
    yield from _unless_away(results.evict(settings.VIDEOCRAFT.results_max_bytes))
    if settings.VIDEOCRAFT.job_temp_cleanup:
        yield from orphaned_directories()
        yield from broken_uploads()
        yield from _unless_away(unpublished_films())
        yield from _unless_away(unrecorded_assets())
        yield from _unless_away(broken_transfers())


def _unless_away(cleaning: Iterator[int]) -> Iterator[int]:
    """Clean as far as the storage can be reached."""
    try:
        yield from cleaning
    except StorageUnavailable as problem:
        log.warning("the storage is left for the next cleaning: %s", problem.strerror)


def expired_jobs() -> Iterator[int]:
    """Delete jobs that finished longer than `status_retention` ago, unless a film of theirs was promised for longer."""
    promised = Video.objects.filter(job=OuterRef("pk"), expires_at__gt=Now())
    over = Q(status__in=TERMINAL, finished_at__lt=Now() - settings.VIDEOCRAFT.job_status_retention)
    expired = Job.objects.filter(over, ~Exists(promised)).order_by("finished_at", "pk")
    last: tuple[Any, UUID] | None = None
    while True:
        later = Q(finished_at__gt=last[0]) | Q(finished_at=last[0], pk__gt=last[1]) if last else Q()
        batch = list(expired.filter(later).values_list("finished_at", "pk")[:_BATCH])
        if not batch:
            return
        last = batch[-1]
        emptied = [pk for _, pk in batch if _remove_films(pk)]
        with transaction.atomic():
            # looked at again: a person may have asked for a retry meanwhile; and locked, lest he does before it is gone
            gone = Job.objects.filter(over, pk__in=emptied).select_for_update(skip_locked=True, of=("self",))
            jobs = list(gone.values_list("pk", flat=True))
            count_of(jobs)
            Job.objects.filter(pk__in=jobs).delete()
        yield len(emptied)


def _remove_films(job: UUID) -> bool:
    """Delete the files of a job's videos; say whether they are gone."""
    names = [stored.name or "" for video in Video.objects.filter(job=job) for stored in video.files]
    return _remove(names, f"the films of job {job}")


def _remove(names: Iterable[str], what: str) -> bool:
    try:
        storage.remove(names)
    except Exception as problem:  # noqa: BLE001 - every storage has exceptions of its own
        log.warning("%s could not be removed; the next cleaning tries again: %s", what, problem)
        return False
    return True


def _rows(rows: Any) -> Iterator[int]:
    while batch := list(rows.values_list("pk", flat=True)[:_BATCH]):
        rows.filter(pk__in=batch).delete()  # if it is so still: a key may have been given to another post meanwhile
        yield len(batch)


def orphaned_directories() -> Iterator[int]:
    """Remove the working directories of attempts that no worker has any more, and of help with a job that has ended."""
    # listed before the table is asked: a directory is made after its attempt was claimed
    for batch in _batches(list(work_dir().glob("*"))):
        parsed = [(folder, found) for folder in batch if (found := _ATTEMPT.fullmatch(folder.name))]
        jobs = {UUID(found[1]) for _, found in parsed}
        going_on = {(str(job), "helped") for job in _going_on(jobs)} | {(str(job), str(at)) for job, at in _held(jobs)}
        yield _remove_trees([folder for folder, found in parsed if found.groups() not in going_on])


def broken_uploads() -> Iterator[int]:
    """Remove uploads whose web process died before it could."""
    uploads = Path(settings.VIDEOCRAFT.data_dir) / "uploads"
    for batch in _batches(list(uploads.glob("*"))):
        yield _remove_trees([folder for folder in batch if not _is_fresh(folder)])


def unpublished_films() -> Iterator[int]:
    """Remove stored films that no video refers to and no attempt is about to publish."""
    for batch in _batches(_films_by_job()):
        stored = [(job, name) for job, names in batch for name in names]
        jobs = {job for job, _ in batch}
        held = _held(jobs)
        published = {stored.name for video in Video.objects.filter(job__in=jobs) for stored in video.files}
        stray = [
            f"videos/{job}/{name}"
            for job, name in stored
            if f"videos/{job}/{name}" not in published and (job, _attempt_of(name)) not in held
        ]
        yield _removed(stray, "unpublished films")


def unrecorded_assets() -> Iterator[int]:
    """Remove stored uploads that have no row."""
    hour_ago = timezone.now() - timedelta(seconds=_FRESH_S)
    for batch in _batches(listed(default_storage, "assets")):
        known = set(Asset.objects.filter(file__in=[entry.name for entry in batch]).values_list("file", flat=True))
        stray = [entry.name for entry in batch if entry.name not in known and entry.modified_at < hour_ago]
        yield _removed(stray, "uploads without a row")


def broken_transfers() -> Iterator[int]:
    """Abort what began to be sent to a bucket by a process that died before the end; its parts are paid for."""
    day_ago = timezone.now() - DAY - settings.VIDEOCRAFT.job_process_timeout
    if isinstance(default_storage, Flat):
        yield default_storage.abort_uploads("videos", _is_of_nobody)
        for folder in ("assets", "results"):
            yield default_storage.abort_uploads(folder, lambda upload: upload.modified_at < day_ago)


def _is_of_nobody(upload: Entry) -> bool:
    """Say whether it is a film's, and no attempt is at work that would store it."""
    _, folder, name = (*upload.name.split("/"), "", "")[:3]
    try:
        job = UUID(folder)
    except ValueError:
        return False
    return (job, _attempt_of(name)) not in _held({job})


def _held(jobs: set[UUID]) -> set[tuple[UUID, int]]:
    """Return which attempts at these jobs are being worked on."""
    return set(Job.objects.filter(pk__in=jobs, status=JobStatus.PROCESSING).values_list("pk", "attempt"))


def _going_on(jobs: set[UUID]) -> set[UUID]:
    """Return which of these jobs have not ended."""
    return set(Job.objects.filter(pk__in=jobs).exclude(status__in=TERMINAL).values_list("pk", flat=True))


def _attempt_of(name: str) -> int | None:
    found = _FILM.fullmatch(name)
    return int(found[1]) if found else None


def _films_by_job() -> Iterator[tuple[UUID, list[str]]]:
    """Yield the names of what is stored of each job's films, within the job's folder."""
    split = (entry.name.split("/") for entry in listed(default_storage, "videos"))
    for folder, parts in groupby((each for each in split if len(each) == 3), key=lambda each: each[1]):
        with contextlib.suppress(ValueError):
            yield UUID(folder), [name for _, _, name in parts]


def _is_fresh(folder: Path) -> bool:
    """Say whether anything in a folder was written lately, or it is gone."""
    try:
        written_at = max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])
    except FileNotFoundError:
        return True
    return time.time() - written_at < _FRESH_S


def _remove_trees(folders: Sequence[Path]) -> int:
    for folder in folders:
        log.info("removing what was left in %s", folder)
        shutil.rmtree(folder, ignore_errors=True)
    return len(folders)


def _removed(names: Sequence[str], what: str) -> int:
    return len(names) if _remove(names, what) else 0


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
