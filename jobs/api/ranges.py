"""Owns sending a stored file: whole, one range of it, or nothing when the client has it, in bounded memory."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol, runtime_checkable

from django.core.files.storage import Storage
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags

from jobs.api.errors import ApiError

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Sendable:
    """A file as it is offered: its content type, the name to save it under, and the hash of its content, if known.

    `is_shown` says whether a browser shows it where it stands, instead of saving it.
    """

    content_type: str
    filename: str
    sha256: str | None = None
    is_shown: bool = False

    @property
    def etag(self) -> str | None:
        return f'"{self.sha256}"' if self.sha256 else None

    @property
    def disposition(self) -> str:
        return content_disposition_header(not self.is_shown, self.filename) or "inline"


@runtime_checkable
class Signs(Protocol):
    """A storage whose addresses say what a file is sent as, and by which method it may be asked for."""

    def signed_url(self, name: str, method: str, content_type: str, disposition: str) -> str: ...


@dataclass(frozen=True)
class Span:
    """A range of a file's bytes: from `start`, `length` of them."""

    start: int
    length: int


def redirect_to(request: HttpRequest, storage: Storage, name: str, what: Sendable) -> HttpResponse | None:
    """Return a redirect to the URL a remote storage signs for a file; None where the file is sent from here."""
    with contextlib.suppress(NotImplementedError):
        storage.path(name)
        return None
    with contextlib.suppress(NotImplementedError):
        url = _address(request, storage, name, what)
        return HttpResponseRedirect(url) if re.match(r"https?://", url) else None
    return None


def _address(request: HttpRequest, storage: Storage, name: str, what: Sendable) -> str:
    if not isinstance(storage, Signs):
        return storage.url(name)
    method = "HEAD" if request.method == "HEAD" else "GET"
    return storage.signed_url(name, method, what.content_type, what.disposition)


def send(request: HttpRequest, file: IO[bytes], size_bytes: int, what: Sendable) -> HttpResponseBase:
    """Answer a GET or HEAD for a file, which is closed when all is sent; raise 416 for a range outside of it."""
    if what.etag and _has_it(request, what.etag):
        file.close()
        return _with_headers(HttpResponse(status=304), what)
    try:
        span = requested_span(request, size_bytes, what.etag)
    except ApiError:
        file.close()
        raise
    whole = Span(0, size_bytes)
    response = _body(request, file, span or whole, what)
    response["Content-Length"] = str((span or whole).length)
    if span is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{size_bytes}"
    return _with_headers(response, what)


def requested_span(request: HttpRequest, size_bytes: int, etag: str | None) -> Span | None:
    """Return the range a request asks for, None for the whole file; raise 416 for one that lies outside.

    The whole file is the answer, as RFC 9110 has it, to several ranges, to a range that makes no sense, to any range
    with HEAD, and to one whose If-Range names another content.
    """
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:
        return None
    match = re.fullmatch(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", request.headers.get("Range", ""), re.IGNORECASE)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(size_bytes, int(last) + 1) if last else size_bytes
        if last and int(last) < start:
            return None
    if start >= end:
        headers = {"Content-Range": f"bytes */{size_bytes}", "Accept-Ranges": "bytes"}
        raise ApiError(416, "INVALID_INPUT", f"the file has {size_bytes} bytes, none in that range", headers=headers)
    return Span(start, end - start)


def _has_it(request: HttpRequest, etag: str) -> bool:
    offered = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
    return etag in offered or "*" in offered


def _body(request: HttpRequest, file: IO[bytes], span: Span, what: Sendable) -> HttpResponseBase:
    if request.method == "HEAD":
        file.close()
        return HttpResponse(content_type=what.content_type)
    file.seek(span.start)
    chunks: Any = _read_async(file, span) if isinstance(request, ASGIRequest) else _read(file, span)
    if not connection.in_atomic_block:
        connection.close()  # a slow client is not to keep it from others
    response = StreamingHttpResponse(chunks, content_type=what.content_type)
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]
    return response


def _with_headers(response: HttpResponseBase, what: Sendable) -> HttpResponseBase:
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"
    response["Content-Disposition"] = what.disposition
    if what.etag:
        response["ETag"] = what.etag
    return response


def _read(file: IO[bytes], span: Span) -> Iterator[bytes]:
    left = span.length
    while left and (chunk := file.read(min(CHUNK_BYTES, left))):
        left -= len(chunk)
        yield chunk


async def _read_async(file: IO[bytes], span: Span) -> AsyncIterator[bytes]:
    """Read in threads: Django under ASGI would collect a plain iterator whole before sending its first byte."""
    chunks = _read(file, span)
    try:
        while chunk := await asyncio.to_thread(next, chunks, b""):
            yield chunk
    finally:
        file.close()
