"""Owns running jobs: claims one after another, runs each to the end of its attempt, and helps others meanwhile."""

import functools
import logging
from uuid import UUID

from django.db import DatabaseError, connection

from jobs import logs
from jobs.drain import drain
from jobs.helping import help_somebody
from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS, WorkerLabels
from jobs.models import Job
from jobs.run import Run
from media_services.errors import ErrorCode
from media_services.recogniser import Recogniser

log = logging.getLogger(__name__)
# set by the cluster before it forks its workers
cluster_id: UUID | None = None
labels: WorkerLabels = NO_LABELS
_in_doubt = False  # a claim may have been committed by an answer that was lost


def run_due_jobs() -> None:
    """Claim and run jobs until none is due, and none is in want of help; what a django-q2 token calls.

    Never raises but for the process's end.
    """
    global _in_doubt
    identity = WorkerIdentity.current(cluster_id, labels)
    try:
        if _in_doubt:
            Job.objects.release_all_of(identity)
            _in_doubt = False
        while not drain.has_begun:
            job = Job.objects.claim(identity)
            if job is not None:
                run_job(job)
            elif not help_somebody(identity):
                return
    except DatabaseError as problem:
        log.warning("the database does not answer: %s", problem)
        connection.close()
        _in_doubt = True


@functools.cache
def recogniser() -> Recogniser:
    """Return this worker's recogniser, which stays warm from job to job."""
    return Recogniser()


def run_job(job: Job) -> None:
    """Run a claimed job to the end of this attempt; no file of it stays but what was published."""
    with logs.about(job):
        log.info("claimed")
        run = Run(job, recogniser())
        try:
            run.supervise()
        except DatabaseError:
            raise
        except Exception:
            log.exception("the attempt broke off")
            message = "something in the service failed"
            run.fail({"code": ErrorCode.INTERNAL_ERROR, "message": message, "retryable": True})
        finally:
            run.clean_up()
