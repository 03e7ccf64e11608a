"""Owns rescue: jobs whose worker is gone are moved on, and what it left behind is removed."""

import contextlib
import logging
import os
import shutil
import signal
import socket
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now

from jobs import logs
from jobs.identity import realm, started_ticks
from jobs.models import Job, JobStatus
from media_services import family, storage

log = logging.getLogger(__name__)


def rescue(*, contact_s: float) -> int:
    """Move every job whose worker is gone on, and return how many those were.

    A worker of this realm is gone when its process is. Another one is when its lease is over; but after an outage of
    the database no lease was prolonged, so nobody concludes that before he has been in touch with it for a lease
    (`contact_s`) himself. What lives in this realm and let its lease run out is stuck, and killed.
    """
    processing = Job.objects.filter(status=JobStatus.PROCESSING)
    here = [job for job in processing.filter(worker_realm=realm()) if not _is_alive(job)] if realm() else []
    rescued = [job for job in here if Job.objects.lose(job, if_lease_is_over=False)]
    if contact_s > settings.VIDEOCRAFT.job_lease.total_seconds():
        overdue = processing.filter(lease_expires_at__lt=Now())
        rescued += [job for job in overdue if Job.objects.lose(job, if_lease_is_over=True)]
    for job in rescued:
        with logs.about(job):
            log.warning("its worker is gone")
            _end_worker(job)
            family.end_marked(mark_of(job))
            discard(job)
    return len(rescued)


def _is_alive(job: Job) -> bool:
    return job.worker_pid is not None and started_ticks(job.worker_pid) == job.worker_started_ticks


def _end_worker(job: Job) -> None:
    """Kill a worker of this realm that let a lease run out, unless it is well and at work on another job."""
    if not realm() or job.worker_realm != realm() or job.worker_pid == os.getpid() or not _is_alive(job):
        return
    at_work = Job.objects.filter(
        status=JobStatus.PROCESSING,
        worker_realm=job.worker_realm,
        worker_pid=job.worker_pid,
        worker_started_ticks=job.worker_started_ticks,
        lease_expires_at__gt=Now(),
    )
    if job.worker_pid is not None and not at_work.exists():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(job.worker_pid, signal.SIGKILL)


def work_dir() -> Path:
    """Return where this host's workers keep what they are working on."""
    return Path(settings.VIDEOCRAFT.data_dir) / "work"


def cores_dir() -> Path:
    """Return where this host's workers say which cores they use."""
    return Path(settings.VIDEOCRAFT.data_dir) / "cores" / socket.gethostname()


def mark_of(job: Job) -> str:
    """Return what the directory and the processes of an attempt are known by."""
    return f"{job.pk}-{job.attempt}"


def help_mark_of(job: Job) -> str:
    """Return what the directories and processes of those who help with a job are known by; they outlive attempts."""
    return f"{job.pk}-helped"


def stored_prefix(job: Job) -> str:
    """Return the beginning of the names under which an attempt stores its films."""
    return f"videos/{job.pk}/{job.attempt}"


def discard(job: Job) -> None:
    """Remove what an attempt left: its working directory, and films that were stored and not published."""
    for folder in work_dir().glob(f"{mark_of(job)}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    films = len(job.config) if isinstance(job.config, list) else 1
    try:
        storage.discard(stored_prefix(job), films)
    except Exception as problem:  # noqa: BLE001 - every storage has exceptions of its own
        log.warning("%s is left for the next cleaning: %s", stored_prefix(job), problem)
