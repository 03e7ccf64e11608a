"""Owns the one form of an error: a sentence, a code, details and the request's id."""

import logging
import math
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.response import Response

from jobs.idempotency import KeyMismatch
from jobs.limits import RateExceeded
from jobs.queue import QueueFull
from jobs.quotas import QuotaExceeded
from media_services.errors import DocumentError, Problem, StorageUnavailable

log = logging.getLogger(__name__)
_AWAY_S = "5"  # when to ask again while the database is away, or too many wait for it


class ApiError(Exception):
    """What the client is told instead of what was asked for."""

    def __init__(
        self, status: int, code: str, message: str, *, details: Any = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def invalid_input(problems: list[Problem]) -> ApiError:
    """Return the error that names everything wrong with what was sent."""
    count = len(problems)
    first = f"{problems[0].path or 'the body'}: {problems[0].message}" if problems else "the input is invalid"
    message = first if count < 2 else f"{count} problems, the first at {first}"
    return ApiError(400, "INVALID_INPUT", message, details=[problem.as_json() for problem in problems])


def invalid_json(message: str) -> ApiError:
    return ApiError(400, "INVALID_JSON", message)


def too_large(what: str, limit_bytes: int) -> ApiError:
    return ApiError(413, "REQUEST_TOO_LARGE", f"{what} may have {limit_bytes} bytes at most")


def not_found(code: str, message: str) -> ApiError:
    return ApiError(404, code, message)


def conflict(message: str) -> ApiError:
    return ApiError(409, "CONFLICT", message)


def busy(message: str) -> ApiError:
    return ApiError(503, "UNAVAILABLE", f"{message}; try again in {_AWAY_S} s", headers={"Retry-After": _AWAY_S})


def too_many(message: str) -> ApiError:
    return ApiError(429, "RATE_LIMIT_EXCEEDED", message, headers={"Retry-After": _AWAY_S})


def body(error: ApiError, request_id: str | None) -> dict[str, Any]:
    """Return an error as the JSON that every one of them is sent as."""
    return {"error": error.message, "code": error.code, "details": error.details, "request_id": request_id}


def handle(exception: Exception, context: dict[str, Any]) -> Response:
    """Turn any exception of a view into an answer; an unexpected one is logged with the request's id."""
    request = context["request"]
    request_id = getattr(request, "request_id", None)
    error = translate(exception)
    if error is None:
        log.error("request %s: %s %s failed", request_id, request.method, request.path, exc_info=exception)
        error = from_status(500)
    elif error.code == "UNAVAILABLE":
        log.warning("request %s is turned away: %s", request_id, exception)
    return Response(body(error, request_id), status=error.status, headers=error.headers)


def translate(exception: Exception) -> ApiError | None:
    """Return what a client is told of an exception, or None when it should not have happened."""
    match exception:
        case ApiError():
            return exception
        case DocumentError():
            return invalid_input(exception.problems)
        case QueueFull():
            seconds = str(exception.retry_after_s)
            message = f"the queue is full; try again in {seconds} s"
            return ApiError(503, "QUEUE_FULL", message, headers={"Retry-After": seconds})
        case QuotaExceeded():
            return _over_quota(exception)
        case RateExceeded():
            return _too_fast(exception)
        case StorageUnavailable():
            return busy(str(exception.strerror))
        case OperationalError() | InterfaceError():
            return busy("the service is overloaded or its database away")
        case KeyMismatch():
            message = "this Idempotency-Key was sent with another body before; give each post a key of its own"
            return ApiError(422, "IDEMPOTENCY_MISMATCH", message)
        case exceptions.ValidationError():
            return invalid_input(list(_flatten(exception.detail)))
        case exceptions.APIException():
            return _from_rest_framework(exception)
        case Http404():
            return from_status(404)
        case PermissionDenied():
            return ApiError(403, "FORBIDDEN", str(exception) or "this is not allowed to you")
        case RequestDataTooBig():
            return from_status(413)
        case UnreadablePostError():
            return ApiError(400, "INVALID_INPUT", "the body broke off before its end")
        case MultiPartParserError() | BadRequest() | SuspiciousOperation():
            return ApiError(400, "INVALID_INPUT", f"the request is malformed: {exception}")
    return None


def _too_fast(exception: RateExceeded) -> ApiError:
    seconds = exception.retry_after_s
    rate = exception.allowance.rate
    message = f"more than {rate.most} requests in {rate.period_s} s; try again in {seconds} s"
    headers = exception.allowance.headers | {"Retry-After": str(seconds)}
    return ApiError(429, "RATE_LIMIT_EXCEEDED", message, headers=headers)


_QUOTAS = {
    "queued_jobs": "{used} jobs are waiting, and {limit} may; the next one can be posted when one of them has begun",
    "stored_bytes": "{used} bytes are stored, and {limit} may be; delete assets or videos",
    "minutes_per_day": "{used} minutes of film were made within 24 hours, and {limit} may be",
}


def _over_quota(exception: QuotaExceeded) -> ApiError:
    refills_at = exception.refills_at
    details = {
        "quota": exception.quota.replace("_", "-"),
        "used": exception.used,
        "limit": exception.limit,
        "refills_at": refills_at and refills_at.isoformat(),
    }
    message = _QUOTAS[exception.quota].format(used=exception.used, limit=exception.limit)
    wait_s = math.ceil((refills_at - timezone.now()).total_seconds()) if refills_at else None
    headers = {} if wait_s is None else {"Retry-After": str(max(1, wait_s))}
    return ApiError(429, "QUOTA_EXCEEDED", message, details=details, headers=headers)


_BY_STATUS = {
    400: ("INVALID_INPUT", "the request is malformed"),
    401: ("INVALID_API_KEY", "the API key is not valid"),
    403: ("FORBIDDEN", "this is not allowed to you"),
    404: ("NOT_FOUND", "there is nothing at this address"),
    405: ("METHOD_NOT_ALLOWED", "this method is not offered at this address"),
    413: ("REQUEST_TOO_LARGE", "the request is too large"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "this content type is not accepted here"),
    429: ("RATE_LIMIT_EXCEEDED", "too many requests"),
}


def from_status(status: int) -> ApiError:
    """Return the error that says no more than an HTTP status does."""
    code, message = _BY_STATUS.get(status, ("INTERNAL_ERROR", "something went wrong here; the log has the request id"))
    if 400 <= status < 500 and status not in _BY_STATUS:
        code, message = _BY_STATUS[400]
    return ApiError(status, code, message)


def _from_rest_framework(exception: exceptions.APIException) -> ApiError:
    error = from_status(exception.status_code)
    error.message = str(exception.detail)
    if isinstance(exception, exceptions.NotAuthenticated):
        error.code = "MISSING_API_KEY"
        error.message = "send an API key: Authorization: Bearer <token>"
    if header := getattr(exception, "auth_header", None):
        error.headers["WWW-Authenticate"] = header
    if wait := getattr(exception, "wait", None):
        error.headers["Retry-After"] = str(int(wait) + 1)
    return error


def _flatten(detail: Any) -> Iterator[Problem]:
    """Yield the problems of a serializer of query parameters."""
    fields = detail.items() if isinstance(detail, dict) else [("", detail)]
    for name, errors in fields:
        for error in errors:
            yield Problem(f"?{name}", str(getattr(error, "code", "invalid")).replace("_", "-"), str(error))
