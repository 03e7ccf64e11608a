"""Owns reading what a client posts to make a job: the document itself, or an envelope around it, and the post's key."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from jobs.api.errors import invalid_input
from jobs.api.parsers import escape
from jobs.idempotency import PostKey
from jobs.labels import MOST, PATTERN, refuse_odd, tidy
from jobs.models import HIGHEST_PRIORITY, LOWEST_PRIORITY
from jobs.queue import Submission, Submitted, submit
from media_services.errors import DocumentError, Problem

MAX_DELAY = timedelta(days=366)
KEY_HEADER = "Idempotency-Key"
MAX_WEBHOOK_URL = 2000
_KEY = re.compile(r"[ -~]{1,255}")


def _moment(value: Any) -> datetime | None:
    """Read an ISO 8601 time with its offset; None when it has passed."""
    now = datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC) if _has_offset(value) else None
    except (OverflowError, ValueError):
        moment = None
    if moment is None:
        raise ValueError("a time is written like 2030-01-31T12:00:00Z, with its offset")
    if moment > now + MAX_DELAY:
        raise ValueError(f"a job can wait {MAX_DELAY.days} days at most")
    return moment if moment > now else None


def _has_offset(value: Any) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def _webhook_url(url: str) -> str:
    """Read an address that something can be posted to. Whether its host may be asked is seen when that is done."""
    try:
        target = httpx.URL(url).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError("it is not a valid URL") from error
    if target.scheme not in ("http", "https"):
        raise ValueError("only http and https URLs are told")
    if not target.host or (target.port is not None and not 0 < target.port < 65536):
        raise ValueError("it is not a valid URL (its host or port)")
    if target.userinfo:
        raise ValueError("it carries a user name or password; what is told is signed instead")
    if len(str(target)) > MAX_WEBHOOK_URL:
        raise ValueError(f"it is longer than {MAX_WEBHOOK_URL} characters")
    return str(target)


Label = Annotated[str, AfterValidator(refuse_odd), Field(json_schema_extra={"pattern": PATTERN})]


class Envelope(BaseModel):
    """A document and how it is to be run."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        title="Envelope",
    )

    config: Any
    priority: int = Field(0, ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY, description="higher runs earlier")
    labels: Annotated[list[Label], AfterValidator(tidy)] = Field(
        [], description="what a worker has to have that takes it", json_schema_extra={"maxItems": MOST}
    )
    run_after: Annotated[datetime | None, BeforeValidator(_moment)] = Field(None, description="not before this time")
    strict: bool = Field(False, description="whether every warning is an error")
    client_data: Any = Field(None, description="returned with the job, never interpreted")
    webhook_url: Annotated[str | None, AfterValidator(_webhook_url)] = Field(
        None, description="where the job's end is posted to", json_schema_extra={"format": "uri"}
    )


def read_submission(body: Any) -> Submission:
    """Return what a body asks for; raise INVALID_INPUT for a wrong envelope. The document itself is read later."""
    if not isinstance(body, dict) or "config" not in body:
        return Submission(document=body)
    envelope = _read_envelope(body)
    return Submission(
        document=envelope.config,
        strict=envelope.strict,
        priority=envelope.priority,
        labels=envelope.labels,
        run_after=envelope.run_after,
        client_data=envelope.client_data,
        webhook_url=envelope.webhook_url or "",
    )


def read_key(headers: Mapping[str, str]) -> str | None:
    """Return what a client calls its post, None when it gives it no name; raise INVALID_INPUT for a malformed one."""
    name = headers.get(KEY_HEADER)
    if name is not None and not _KEY.fullmatch(name):
        message = "a key is 1 to 255 printable ASCII characters"
        raise invalid_input([Problem(KEY_HEADER, "invalid-value", message)])
    return name


def create_job(owner: Any, body: Any, key: str | None = None, *, public_url: str = "") -> Submitted:
    """Submit what a body asks for; the pointers of a DocumentError lead to where the document stands in the body.

    `public_url` is where the client reaches the service: what its webhook is told has links, too.
    """
    submission = replace(read_submission(body), public_url=public_url)
    if key is not None:
        submission = replace(submission, key=PostKey.of(key, body))
    try:
        return submit(owner, submission)
    except DocumentError as error:
        raise DocumentError(in_body(error.problems, submission, body)) from error


def in_body(problems: Iterable[Problem], submission: Submission, body: Any) -> list[Problem]:
    """Return problems of a document at where they stand in the body that it came in."""
    place = "" if submission.document is body else "/config"
    return [Problem(f"{place}{it.path}", it.code, it.message) for it in problems]


def _read_envelope(body: dict[str, Any]) -> Envelope:
    stated = {key: value for key, value in body.items() if value is not None or key == "config"}
    try:
        return Envelope.model_validate(stated)
    except ValidationError as invalid:
        problems = [problem_of(error) for error in invalid.errors(include_url=False, include_input=False)]
        raise invalid_input(problems) from invalid


def problem_of(error: Any) -> Problem:
    """Return one of pydantic's errors about a body, in our words and at its JSON pointer."""
    path = "".join("/" + escape(str(part)) for part in error["loc"])
    if error["type"] == "missing":
        return Problem(path, "missing", f"{error['loc'][-1]!r} is missing")
    if error["type"] == "extra_forbidden":
        return Problem(path, "unknown-key", f"{error['loc'][-1]!r} is not a key that is known here")
    if error["type"] == "value_error":
        return Problem(path, "invalid-value", str(error["ctx"]["error"]))
    code = "out-of-range" if error["type"].startswith(("greater_than", "less_than")) else "wrong-type"
    return Problem(path, code, error["msg"])
