"""Owns the headers that tell a browser what it may do with an answer: run, embed, refer from, or keep it."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.files.storage import default_storage
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# What an answer of the API may do is nothing. A page takes scripts, styles and data from here alone, and none of them
# from its own text: an injected script would not run. Icons in the style sheets of the admin and the docs are data:.
# Where films and pictures lie in a bucket, a browser is sent there for them.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{files}; media-src 'self'{files}; "
    "font-src 'self'; connect-src 'self'{files}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_FILM = (  # which the browser plays on a page of its own
    "default-src 'none'; media-src 'self'{files}; img-src 'self'{files}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGES = re.compile(r"/(admin|api/docs)(/|$)")
_SHARED = re.compile(r"/shared/")
_UNUSED_FEATURES = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "usb")
_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def protecting(path: str) -> dict[str, str]:
    """Return the headers of every answer at an address, for where the answer has none of its own."""
    is_page, is_shared = _PAGES.match(path), _SHARED.match(path)
    policy = _PAGE if is_page else _FILM if is_shared else _NOTHING
    return _EVERYWHERE | {
        "Content-Security-Policy": policy.format(files=_origin_of_files()),
        "Cross-Origin-Resource-Policy": "cross-origin" if is_shared else "same-origin",  # a film may be embedded
        **({"Cache-Control": "no-store"} if path.startswith("/api/v1/") else {}),
    }


def _origin_of_files() -> str:
    """Return where else films and pictures come from, at a redirect, as a policy has it; nothing for a disk."""
    origin = getattr(default_storage, "origin", "")
    return f" {origin}" if origin else ""


class ProtectingMiddleware:
    """Gives each answer the headers that protect it, the static files' and the errors' included."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer_async(request)
        return _protect(request, self.get_response(request))

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        return _protect(request, await self.get_response(request))


def _protect(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    for name, value in protecting(request.path_info).items():
        response.headers.setdefault(name, value)
    return response
