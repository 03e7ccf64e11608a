"""Owns what every line of the log says of the job it is about: its id, its attempt and its worker."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.models import Job

_about: ContextVar[str] = ContextVar("about", default="")


@contextmanager
def about(job: "Job") -> Iterator[None]:
    """Let every line that is logged meanwhile, in this process and in those forked from it, name a job."""
    worker = f"{job.worker_host}:{job.worker_pid}" if job.worker_host else "-"
    token = _about.set(f"job={job.pk} attempt={job.attempt} worker={worker} ")
    try:
        yield
    finally:
        _about.reset(token)


class JobFilter(logging.Filter):
    """Gives each record the field `about`, which is empty where it is about no job."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.about = _about.get()
        return True
