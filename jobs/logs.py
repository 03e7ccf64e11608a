"""Owns what every line of the log says of the job it is about, and what none of them says: secrets."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.models import Job

_SECRETS = (
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]+", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"(\w://)[^\s/?#]*@"), r"\1***@"),  # who logs in to the host of a URL, and with which password
    (re.compile(r"(\w://[^\s?#'\"]*\?)[^\s'\"]+"), r"\1***"),  # signatures and keys are in queries
    (re.compile(r"(/shared/)[\w.~%=-]+"), r"\1***"),
)
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


class LineFormatter(logging.Formatter):
    """Hides secrets in whole lines, their tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


class SecretsFilter(logging.Filter):
    """Hides secrets in what a record is about, where somebody else formats it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(hidden(each) if isinstance(each, str) else each for each in record.args)
        return True


def hidden(text: str) -> str:
    """Return a text without tokens, passwords, queries of URLs, and links that are good without a login."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
