"""Owns what all views of the API have in common: JSON whatever the client accepts, and bodies of any transfer."""

import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from jobs import limits
from jobs.api.errors import not_found


class AlwaysJson(DefaultContentNegotiation):
    """Answers JSON to every `Accept`: a video player's asks for video, and errors are JSON all the same."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ApiView(APIView):
    """A view of the API; what its `creating_methods` are asked for has a limit of its own."""

    content_negotiation_class = AlwaysJson
    creating_methods: tuple[str, ...] = ()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """State the length of a chunked body, which is on disk by now; REST framework reads none without a length."""
        stream: Any = getattr(request, "_stream", None)
        if "CONTENT_LENGTH" not in request.META and stream is not None and getattr(stream, "seekable", bool)():
            request.META["CONTENT_LENGTH"] = str(stream.seek(0, os.SEEK_END))
            stream.seek(0)
        return super().initialize_request(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Find out who is asking, and count it; every answer from here on says how many requests he has left."""
        super().perform_authentication(request)
        if not request.user.is_authenticated:
            return
        if request.method in self.creating_methods:
            allowance = limits.take(f"jobs:{request.user.pk}", settings.VIDEOCRAFT.rate_limit_jobs)
        else:
            allowance = limits.take(f"requests:{request.user.pk}", settings.VIDEOCRAFT.rate_limit)
        if allowance is not None:
            self.headers |= allowance.headers


def find(rows: "QuerySet[Any]", pk: str, code: str, what: str) -> Any:
    """Return the row with an id among those a user may see; raise 404 with `code` for any other text."""
    try:
        row = rows.filter(pk=UUID(pk)).first()
    except ValueError:
        row = None
    if row is None:
        raise not_found(code, f"there is no {what} {pk[:64]!r}")
    return row


def read_query(query: type["Serializer[Any]"], request: Request) -> Mapping[str, Any]:
    """Return the validated query parameters of a request; raise INVALID_INPUT."""
    serializer = query(data=request.query_params.dict())
    serializer.is_valid(raise_exception=True)
    data: Mapping[str, Any] = serializer.validated_data
    return data
