"""Owns the id of a request, and that every error under the API's addresses has the API's form."""

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from jobs import logs
from jobs.api import errors

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_OURS = ("health", "ready", "metrics")
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate", "Content-Range")


class RequestIdMiddleware:
    """Gives each request an id, the client's own if it is sane, and each answer the same.

    Errors that Django answers by itself (no such address, a refused host, a crash outside the views) come as HTML;
    under the API they are put into its form here.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        identify(request)
        if self.is_async:
            return self._answer_async(request)
        with logs.answering(request.request_id):  # type: ignore[attr-defined]
            return finish(request, self.get_response(request))

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        with logs.answering(request.request_id):  # type: ignore[attr-defined]
            return finish(request, await self.get_response(request))


def choose_id(offered: str) -> str:
    """Return the id a client offers if it is sane, else a new one."""
    return offered if _SANE.fullmatch(offered) else uuid.uuid4().hex


def identify(request: HttpRequest) -> None:
    request.request_id = choose_id(request.headers.get(HEADER, ""))  # type: ignore[attr-defined]


def finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Put the request's id onto an answer, and an error into the API's form."""
    request_id: str = request.request_id  # type: ignore[attr-defined]
    if _is_foreign_error(request, response):
        response = _in_our_form(request, response, request_id)
    response[HEADER] = request_id
    return response


def _is_foreign_error(request: HttpRequest, response: HttpResponseBase) -> bool:
    is_ours = request.path_info.startswith("/api/") or request.path_info.strip("/") in _OURS
    return is_ours and response.status_code >= 400 and response.get("Content-Type") != "application/json"


def _in_our_form(request: HttpRequest, response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    error = errors.from_status(response.status_code)
    if response.status_code >= 500:
        log.error("request %s: %s %s failed outside the views", request_id, request.method, request.path)
    answer = JsonResponse(errors.body(error, request_id), status=response.status_code)
    for name in _KEPT_HEADERS:
        if name in response:
            answer[name] = response[name]
    answer.cookies = response.cookies
    return answer
