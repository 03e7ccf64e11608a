"""Owns the form of the log's lines, what each says of the job or request it is about, and what none says: secrets."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.models import Job

_SECRETS = (
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]+", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"(\w://)[^\s/?#]*@"), r"\1***@"),  # who logs in to the host of a URL, and with which password
    # signatures and keys are in queries; a URL without one is taken as well, lest it be looked through again and again
    (re.compile(r"(\w://[^\s?#'\"]*\??)((?<=\?)[^\s'\"]+)?"), lambda url: url[1] + ("***" if url[2] else "")),
    (re.compile(r"(/shared/)[\w.~%=-]+"), r"\1***"),
)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")  # what ends a line, or what a terminal obeys
_IN_PLAIN = {"job_id": "job", "request_id": "request"}  # shorter names, where a person reads them
_about: ContextVar[dict[str, Any]] = ContextVar("about", default={})  # noqa: B039 - nobody changes it, see `_saying`


@contextmanager
def about(job: "Job") -> Iterator[None]:
    """Let every line that is logged meanwhile, in this process and in those forked from it, name a job."""
    facts = {"job_id": str(job.pk), "attempt": job.attempt, "worker": job.worker_name or "-", "owner": job.owner_id}
    with _saying(facts):
        yield


@contextmanager
def answering(request_id: str) -> Iterator[None]:
    """Let every line that is logged meanwhile name a request."""
    with _saying({"request_id": request_id}):
        yield


@contextmanager
def _saying(facts: dict[str, Any]) -> Iterator[None]:
    token = _about.set(_about.get() | facts)
    try:
        yield
    finally:
        _about.reset(token)


class AboutFilter(logging.Filter):
    """Gives each record the field `about`: what it is about by name, which may be nothing.

    What Django says of an answer it says when the answer has left all middleware; but it names the request.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request_id = getattr(getattr(record, "request", None), "request_id", None)
        record.about = _about.get() | ({"request_id": request_id} if request_id else {})
        return True


class PlainFormatter(logging.Formatter):
    """A line for an event, for people: `job=… attempt=… worker=… owner=…` before the message; a traceback follows."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s ")

    def formatMessage(self, record: logging.LogRecord) -> str:
        about = "".join(f"{_IN_PLAIN.get(name, name)}={value} " for name, value in _facts(record).items())
        return super().formatMessage(record) + about + _CONTROL.sub(_escaped, record.message)

    def format(self, record: logging.LogRecord) -> str:
        return hidden(super().format(record))


class JsonFormatter(logging.Formatter):
    """A line for an event, for programs: an object, in which a traceback is a text like the others."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **_facts(record),
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        # each text by itself: in the finished line, a pattern could take what follows for a part of an address
        safe = {name: hidden(value) if isinstance(value, str) else value for name, value in told.items()}
        return json.dumps(safe, ensure_ascii=False)


FORMATTERS = {"plain": PlainFormatter, "json": JsonFormatter}


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, "about", {})
    return facts


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


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
