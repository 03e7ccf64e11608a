"""Owns the addresses that say how the service is: alive, and ready to do jobs."""

import functools
import logging
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.models.functions import Now
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.openapi import documented
from jobs.api.serializers import HealthSerializer, ReadinessSerializer
from jobs.api.view import ApiView
from jobs.models import Cluster, Job, JobStatus, QueuePause
from media_services import ffmpeg, process
from media_services.errors import StorageUnavailable
from media_services.stored import try_out

log = logging.getLogger(__name__)
_HEARTBEAT = timedelta(seconds=15)
_FFMPEG_TIMEOUT_S = 20.0


class NotReady(Exception):
    """Why jobs would not be done now, in words that anyone may read."""


class PublicView(ApiView):
    """A view that needs no login and never asks who is there."""

    authentication_classes = ()
    permission_classes = ()


class Health(PublicView):
    @documented(operation_id="health", auth=[], responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        """Say that the process answers; touches nothing else."""
        return Response({"status": "ok"})


class Ready(PublicView):
    @documented(operation_id="ready", auth=[], responses={200: ReadinessSerializer, 503: ReadinessSerializer})
    def get(self, request: Request) -> Response:
        """Say whether a job would be done if it were posted now, and if not, why."""
        checks = {name: _result(name, check) for name, check in CHECKS.items()}
        is_ready = all(check["ok"] for check in checks.values())
        answer = {"status": "ready" if is_ready else "unavailable", "checks": checks}
        return Response(answer, status=200 if is_ready else 503)


def _result(name: str, check: Callable[[], str]) -> dict[str, bool | str]:
    try:
        return {"ok": True, "message": check()}
    except NotReady as reason:
        return {"ok": False, "message": str(reason)}
    except DatabaseError:
        log.exception("the readiness check of the %s failed", name)
        return {"ok": False, "message": "the database does not answer"}


def check_database() -> str:
    """Ask the database for anything."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def check_queue() -> str:
    """Raise NotReady when the queue would refuse a job; that it is paused is said, and is as somebody wants it.

    A balancer that sent nobody to a paused service would keep away who is to resume it, too.
    """
    pending, size = Job.objects.filter(status=JobStatus.PENDING).count(), settings.VIDEOCRAFT.job_queue_size
    if pending >= size:
        raise NotReady(f"full: {pending} of {size} pending")
    pause = QueuePause.objects.first()
    told = f"; paused since {pause.paused_at:%Y-%m-%dT%H:%M:%SZ}: jobs are accepted, and wait" if pause else ""
    return f"{pending} of {size} pending{told}"


def check_storage() -> str:
    """Raise NotReady unless a file can be written to the storage and deleted."""
    try:
        try_out(default_storage)
    except StorageUnavailable as problem:
        log.exception("the storage cannot be written to")
        raise NotReady(f"cannot be written to: {problem.strerror}") from problem
    except Exception as problem:  # every storage has exceptions of its own
        log.exception("the storage cannot be written to")
        raise NotReady("cannot be written to; the log says why") from problem
    return "can be written to"


def check_ffmpeg() -> str:
    """Raise NotReady unless FFmpeg runs; what it said is remembered once it has."""
    try:
        return _ffmpeg_version(ffmpeg.executable())
    except (OSError, RuntimeError, TimeoutError) as problem:
        log.exception("FFmpeg does not run")
        raise NotReady("does not run; the log says why") from problem


@functools.cache
def _ffmpeg_version(executable: str) -> str:
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        argv = [executable, "-version"]
        finished = process.run(argv, cwd=Path(folder), on_line=lines.append, timeout_s=_FFMPEG_TIMEOUT_S)
    if finished.exit_code != 0 or not lines:
        raise RuntimeError(f"{executable} -version exited with {finished.exit_code}: {finished.stderr_tail}")
    return " ".join(lines[0].split()[:3])


def check_worker() -> str:
    """Raise NotReady unless a cluster has beaten lately; that all are for jobs with labels may be as it is wanted."""
    alive = Cluster.objects.filter(heartbeat_at__gt=Now() - _HEARTBEAT).values_list("is_dedicated", flat=True)
    if not alive:
        raise NotReady(f"no cluster has beaten for {_HEARTBEAT.seconds} s; start one with `manage.py qcluster`")
    return f"{len(alive)} running" + ("; jobs without labels wait, for all take labelled ones only" * all(alive))


CHECKS = {
    "database": check_database,
    "queue": check_queue,
    "storage": check_storage,
    "ffmpeg": check_ffmpeg,
    "worker": check_worker,
}
