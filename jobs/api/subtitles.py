"""Owns the addresses of a film's subtitles: their files, and its words, which make the film again when edited."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from django.db.models.fields.files import FieldFile
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import invalid_json, not_found
from jobs.api.jobs import CREATION_ANSWERS, CREATION_HEADERS, answer_submitted
from jobs.api.openapi import documented, failures, file, identifier
from jobs.api.ranges import Sendable, redirect_to, send
from jobs.api.serializers import WordsSerializer
from jobs.api.submission import read_key
from jobs.api.videos import SENDING_ANSWERS, SENDING_HEADERS, find_video
from jobs.api.view import ApiView
from jobs.api.words import submit_words

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
_VIDEO_ID = identifier("video_id")
_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt", "ass": "text/x-ssa", "words": "application/json"}
_WORDS = [
    {"text": "Good", "start_ms": 120, "end_ms": 380},
    {"text": "evening.", "start_ms": 400, "end_ms": 910},
]
_FILE = {"subtitles": [{"path": "/0/elements/1", "language": "en", "words": _WORDS}]}


def _sends(kind: str) -> Callable[[View], View]:
    """Say in the schema that a view sends subtitles of a kind."""
    return documented(
        operation_id=f"get_subtitles_{kind}",
        parameters=[_VIDEO_ID, *SENDING_HEADERS],
        responses={
            **file(200, _TYPES[kind], "The whole file."),
            **file(206, _TYPES[kind], "The range asked for."),
            **SENDING_ANSWERS,
        },
    )


class SubtitlesSrt(ApiView):
    @_sends("srt")
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the subtitles as SubRip."""
        return _send(request, video_id, "srt")


class SubtitlesVtt(ApiView):
    @_sends("vtt")
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the subtitles as WebVTT."""
        return _send(request, video_id, "vtt")


class SubtitlesAss(ApiView):
    @_sends("ass")
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the subtitles as they are drawn into the film, in Advanced SubStation Alpha."""
        return _send(request, video_id, "ass")


class Words(ApiView):
    creating_methods = ("PUT",)

    @documented(
        operation_id="get_words",
        parameters=[_VIDEO_ID, *SENDING_HEADERS],
        responses={
            200: OpenApiResponse(WordsSerializer, description="The words."),
            206: OpenApiResponse(description="The range asked for, which by itself need not be JSON."),
            **SENDING_ANSWERS,
        },
        examples=[OpenApiExample("Words", value=_FILE, response_only=True)],
    )
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the words of the subtitles with their times."""
        return _send(request, video_id, "words")

    @documented(
        operation_id="put_words",
        request=WordsSerializer,
        parameters=[_VIDEO_ID, *CREATION_HEADERS],
        responses={**failures(404, 409, not_found="VIDEO_NOT_FOUND"), **CREATION_ANSWERS},
        examples=[
            OpenApiExample("Words", value=_FILE, request_only=True),
            OpenApiExample("Words of the only element", value={"words": _WORDS}, request_only=True),
        ],
    )
    def put(self, request: Request, video_id: str) -> Response:
        """Make the film again with edited words, in a new job.

        The new job's document is the film's project with the words as `captions` of their `subtitles` elements, so
        nothing is recognised again; elements that the body does not name stay as they are. Where the film has one
        `subtitles` element, its words alone will do: `{"words": […]}`, or the bare list. Strictness and `client-data`
        are those of the film's job. The video itself stays as it is. 409 where the film has no subtitles, or its
        document is no longer accepted, for example because an asset is gone.
        """
        video = find_video(request, video_id, with_job=True)
        if request.stream is None:
            raise invalid_json("the body is empty; send the words as words.json has them")
        return answer_submitted(request, submit_words(request.user, video, request.data, read_key(request.headers)))


def _send(request: Request, video_id: str, kind: str) -> HttpResponseBase:
    video = find_video(request, video_id)
    stored: FieldFile = getattr(video, kind)
    if not stored.name:
        raise not_found("VIDEO_NOT_FOUND", "the film has no subtitles")
    filename = f"video-{video.pk}.{'json' if kind == 'words' else kind}"
    what = Sendable(f"{_TYPES[kind]}; charset=utf-8", filename)
    if redirect := redirect_to(request._request, stored.storage, stored.name, what):
        return redirect
    try:
        with stored.storage.open(stored.name, "rb") as opened:
            content = opened.read()
    except FileNotFoundError as error:
        raise not_found("VIDEO_NOT_FOUND", "the subtitles are no longer in the storage") from error
    what = replace(what, sha256=hashlib.sha256(content).hexdigest())
    return send(request._request, io.BytesIO(content), len(content), what)
