"""Owns tidying up behind what died: jobs whose worker is gone, and what it left lying about."""

import logging
import shutil
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now

from jobs.identity import realm, started_ticks
from jobs.models import LEASE, Job, JobStatus
from media_services import storage

log = logging.getLogger(__name__)


def rescue(*, session_age_s: float) -> int:
    """Move every job whose worker is gone on, and return how many those were.

    A worker of this realm is gone when its process is. Another one is when its lease is over; but after an outage of
    the database no lease was prolonged, so nobody concludes that before its own session is older than a lease.
    """
    processing = Job.objects.filter(status=JobStatus.PROCESSING)
    here = [job for job in processing.filter(worker_realm=realm()) if not _is_alive(job)] if realm() else []
    rescued = [job for job in here if Job.objects.lose(job, if_lease_is_over=False)]
    if session_age_s > LEASE.total_seconds():
        overdue = processing.filter(lease_expires_at__lt=Now())
        rescued += [job for job in overdue if Job.objects.lose(job, if_lease_is_over=True)]
    for job in rescued:
        log.warning("job %s attempt %s: its worker %s:%s is gone", job.pk, job.attempt, job.worker_host, job.worker_pid)
        discard(job)
    return len(rescued)


def _is_alive(job: Job) -> bool:
    return job.worker_pid is not None and started_ticks(job.worker_pid) == job.worker_started_ticks


def work_dir() -> Path:
    """Return where this host's workers keep what they are working on."""
    return Path(settings.VIDEOCRAFT.data_dir) / "work"


def stored_prefix(job: Job) -> str:
    """Return the beginning of the names under which an attempt stores its films."""
    return f"videos/{job.pk}/{job.attempt}"


def discard(job: Job) -> None:
    """Remove what an attempt left behind: its working directory, and films that were stored and not published."""
    for folder in work_dir().glob(f"{job.pk}-{job.attempt}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    films = len(job.config) if isinstance(job.config, list) else 1
    storage.remove(storage.names(stored_prefix(job), films))
