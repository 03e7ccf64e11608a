"""Owns links to films that need no login: signed, good for one film until a time, and dead when the film is gone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core import signing
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import ApiError, invalid_input, not_found
from jobs.api.openapi import documented, failures, identifier, public_failures
from jobs.api.service import PublicView
from jobs.api.submission import problem_of
from jobs.api.videos import FILM_ANSWERS, SENDING_HEADERS, find_video, send_film
from jobs.api.view import ApiView
from jobs.models import Video

_MIN_S, _DEFAULT_S, _MAX_S = 60, 24 * 3600, 7 * 24 * 3600
_SIGNED = OpenApiParameter("signed", str, OpenApiParameter.PATH, description="the film and the time, signed")


class LinkRequest(BaseModel):
    """For how long a link is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expires_in: int = Field(_DEFAULT_S, ge=_MIN_S, le=_MAX_S, description="seconds from now")


class LinkSerializer(serializers.Serializer[Any]):
    """A link to a film for whoever has it."""

    url = serializers.URLField()
    expires_at = serializers.DateTimeField(help_text="when it ends, if the video has not ended before")


class VideoLink(ApiView):
    @documented(
        operation_id="create_video_link",
        parameters=[identifier("video_id")],
        request=LinkRequest,
        responses={
            201: OpenApiResponse(LinkSerializer, description="The link."),
            **failures(400, 404, 413, 415, not_found="VIDEO_NOT_FOUND"),
        },
    )
    def post(self, request: Request, video_id: str) -> Response:
        """Make a link to the film that needs no token, for a page, a player or a person.

        Whoever has it may fetch the film until it expires, or until the video is deleted; it cannot be taken back
        otherwise. An empty body asks for a day.
        """
        video = find_video(request, video_id)
        wanted = read_wanted({} if request.stream is None else request.data)
        expires_at = (timezone.now() + timedelta(seconds=wanted.expires_in)).replace(microsecond=0)
        url = request.build_absolute_uri(reverse("shared", args=[sign(video, expires_at)]))
        return Response(LinkSerializer({"url": url, "expires_at": expires_at}).data, status=201)


class Shared(PublicView):
    @documented(
        operation_id="get_shared_video",
        auth=[],
        parameters=[_SIGNED, *SENDING_HEADERS],
        responses={**FILM_ANSWERS, **public_failures(404, 410, 416, not_found="VIDEO_NOT_FOUND")},
    )
    def get(self, request: Request, signed: str) -> HttpResponseBase:
        """Send the film that a link leads to, as `download` does, but for a browser to play instead of saving it."""
        return send_film(request, find_shared(signed), is_shown=True)


def read_wanted(body: Any) -> LinkRequest:
    """Return what a body asks for; raise INVALID_INPUT."""
    try:
        return LinkRequest.model_validate(body)
    except ValidationError as invalid:
        problems = [problem_of(each) for each in invalid.errors(include_url=False, include_input=False)]
        raise invalid_input(problems) from invalid


def sign(video: Video, expires_at: datetime) -> str:
    """Return what stands for a video in its link until a time."""
    return _signer().sign_object([video.pk.hex, int(expires_at.timestamp())])


def find_shared(signed: str) -> Video:
    """Return the video of a link; raise VIDEO_NOT_FOUND for what we never signed, LINK_EXPIRED for what is over."""
    missing = not_found("VIDEO_NOT_FOUND", "this link leads to no video")
    try:
        pk, expires_at_s = _signer().unsign_object(signed)
    except signing.BadSignature as error:
        raise missing from error
    expires_at = datetime.fromtimestamp(expires_at_s, UTC)
    if expires_at <= timezone.now():
        raise ApiError(410, "LINK_EXPIRED", f"this link ended at {expires_at:%Y-%m-%dT%H:%M:%SZ}; ask for a new one")
    video: Video | None = Video.objects.filter(pk=UUID(pk)).first()
    if video is None:
        raise missing
    return video


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt="videocraft.shared")
