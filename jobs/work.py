"""Owns what a job's child process does: produce and store the films, and say what came of it."""

import logging
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage

from jobs.claims import Claims
from jobs.housekeeping import mark_of
from jobs.models import Asset, Job
from jobs.story import message_of
from media_services import pipeline, storage
from media_services.errors import DocumentError, ErrorCode, MediaError, StorageUnavailable
from media_services.journal import FilmPlan, Step
from media_services.kept import Asking
from media_services.movie.reading import Movie, read
from media_services.process import Send
from media_services.recogniser import Line
from media_services.sources import Local, Stored
from media_services.stage import Stage, overall

log = logging.getLogger(__name__)
_SEND_S = 0.1
_CLIENT_DETAIL_CHARS = 4_000
_LOG_DETAIL_CHARS = 8_000


def local_sources(job: Job) -> dict[str, Local]:
    """Return where the file of each `asset:` source of a job is; raise MediaError for one that is gone."""
    movie = read(job.config)
    wanted = {src: path for src, path in movie.sources() if src.startswith("asset:")}
    assets = Asset.objects.visible_to(job.owner).in_bulk({src.removeprefix("asset:") for src in wanted})
    local: dict[str, Local] = {}
    for src, path in wanted.items():
        asset = assets.get(UUID(src.removeprefix("asset:")))
        if asset is None:
            raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{src} was deleted after the job was posted", path=path)
        local[src] = _place_of(asset.file.name)
    return local


def _place_of(name: str) -> Local:
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return Stored(name)


def work(
    job: Job, workdir: Path, prefix: str, local: Mapping[str, Local], send: Send, recogniser: Line | None = None
) -> None:
    """Do a job's work, in the forked child.

    Sends {"stage", "fraction"} when they change, {"step"} and {"plan"} as they come, and last either
    {"films", "warnings"} or {"error", "detail"}.
    """
    told: tuple[Stage | None, float] = (None, 0.0)
    told_at = 0.0

    def checkpoint(stage: Stage, fraction: float) -> None:
        nonlocal told, told_at
        is_soon = stage == told[0] and fraction < 1 and time.monotonic() - told_at < _SEND_S
        if (stage, fraction) != told and not is_soon:
            told, told_at = (stage, fraction), time.monotonic()
            send({"stage": stage, "fraction": fraction})

    def journal(entry: Step | FilmPlan) -> None:
        send(message_of(entry))

    try:
        movie: Movie = read(job.config, strict=job.strict)
        production = pipeline.produce(
            movie,
            workdir,
            checkpoint,
            local=local,
            recogniser=recogniser,
            asking=asking(job),
            journal=journal,
            others=Claims(mark_of(job), send),
        )
        checkpoint(Stage.STORING, overall(Stage.STORING, 0))
        films = storage.store(
            production.films, prefix, lambda fraction: checkpoint(Stage.STORING, overall(Stage.STORING, fraction))
        )
        warnings = [warning.as_json() for warning in production.warnings]
        send({"films": [film.as_json() for film in films], "warnings": warnings})
    except Exception as problem:  # noqa: BLE001 - the one place that turns any exception into a failed attempt
        detail = problem.detail if isinstance(problem, MediaError) else traceback.format_exc()
        level = logging.INFO if isinstance(problem, MediaError) else logging.ERROR
        log.log(level, "failed: %s %s", problem, detail)
        send({"error": error_of(problem), "detail": detail[-_LOG_DETAIL_CHARS:]})


def asking(job: Job) -> Asking:
    """Return who asks for a job's sources, and since when.

    The servers are asked again in an attempt that is not the first though nothing failed, as it is when a person
    retries a job, for he may have put right what was wrong with a source.
    """
    is_again = job.attempt > 1 and job.failures == 0
    return Asking(str(job.owner_id), None if is_again else job.created_at.timestamp())


def error_of(problem: Exception) -> dict[str, Any]:
    """Return what the client is told of an exception."""
    if isinstance(problem, MediaError):
        error = {"code": problem.code, "message": problem.message, "retryable": problem.retryable}
        if problem.path is not None:
            error["path"] = problem.path
        if problem.code == ErrorCode.FFMPEG_FAILED and problem.detail:
            error["detail"] = problem.detail[-_CLIENT_DETAIL_CHARS:]
        return error
    if isinstance(problem, DocumentError):
        return {"code": ErrorCode.INVALID_INPUT, "message": str(problem), "retryable": False}
    if isinstance(problem, MemoryError):
        return {"code": ErrorCode.MEMORY_LIMIT, "message": "the work's memory ran out", "retryable": False}
    if isinstance(problem, StorageUnavailable):
        return {"code": ErrorCode.STORAGE_FAILED, "message": str(problem.strerror), "retryable": True}
    if isinstance(problem, OSError) and problem.errno:
        message = f"the work's disk failed it: {problem.strerror}"
        return {"code": ErrorCode.STORAGE_FAILED, "message": message, "retryable": True}
    return {"code": ErrorCode.INTERNAL_ERROR, "message": "something in the service failed", "retryable": True}
