"""Owns how large a request's body may be under ASGI, where Django writes all of it to disk before any view runs."""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from jobs.api import errors
from jobs.api.headers import protecting
from jobs.api.request_id import HEADER, choose_id

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
_FORM_OVERHEAD_BYTES = 64 * 1024


class _TooLarge(Exception):
    """A body has become larger than its address takes."""


class BodyLimit:
    """Wraps an ASGI application; a body that is too large is refused by its stated length, or as it comes in."""

    def __init__(self, application: App) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        limit = limit_bytes(scope["path"])
        if _stated_length(scope) > limit:
            await _refuse(scope, send, limit)
            return
        try:
            await self.application(scope, _counting(receive, limit), send)
        except _TooLarge:  # raised while Django reads the body, before it has answered anything
            await _refuse(scope, send, limit)


def limit_bytes(path: str) -> int:
    """Return the largest body that an address takes."""
    if path.rstrip("/").endswith("/api/v1/assets"):
        return int(settings.VIDEOCRAFT.asset_max_bytes) + _FORM_OVERHEAD_BYTES
    return int(settings.VIDEOCRAFT.document_max_bytes)


def _counting(receive: Receive, limit: int) -> Receive:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _TooLarge
        return message

    return counted


def _stated_length(scope: Message) -> int:
    length = _header(scope, b"content-length")
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) else 0


def _header(scope: Message, name: bytes) -> str:
    return next((value.decode("latin1") for key, value in scope["headers"] if key == name), "")


async def _refuse(scope: Message, send: Send, limit: int) -> None:
    request_id = choose_id(_header(scope, HEADER.lower().encode()))
    content = json.dumps(errors.body(errors.too_large("this body", limit), request_id)).encode()
    headers = {
        **protecting(scope["path"]),
        **_allowing(_header(scope, b"origin")),
        "content-type": "application/json",
        "content-length": str(len(content)),
        HEADER: request_id,
        "connection": "close",
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 413, "headers": pairs})
    await send({"type": "http.response.body", "body": content})


def _allowing(origin: str) -> dict[str, str]:
    """Let pages of an origin that is listed read why; no middleware has seen this answer."""
    is_listed = origin in settings.CORS_ALLOWED_ORIGINS
    return {"access-control-allow-origin": origin, "vary": "origin"} if is_listed else {}
