"""Owns the addresses of finished videos: list, look at, download, delete."""

from pathlib import PurePosixPath
from typing import Any

from django.db.models.fields.files import FieldFile
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import not_found
from jobs.api.jobs import JobCreation
from jobs.api.openapi import documented, failures, file, header, identifier
from jobs.api.pagination import page
from jobs.api.ranges import Sendable, redirect_to, send
from jobs.api.serializers import PageQuery, VideoListSerializer, VideoSerializer
from jobs.api.view import ApiView, find, read_query
from jobs.models import Video
from media_services.render.output import OUTPUTS

_VIDEO_ID = identifier("video_id")
_IMAGES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
SENDING_HEADERS = [
    header("Range", "one range of bytes: `bytes=0-99`, `bytes=100-`, `bytes=-100`"),
    header("If-Range", "the ETag that the range is of"),
    header("If-None-Match", "the ETag that is here already"),
]
_INSTEAD = {
    302: OpenApiResponse(description="The storage has addresses of its own: the file is at `Location`."),
    304: OpenApiResponse(description="The client has it."),
}
SENDING_ANSWERS = {**_INSTEAD, **failures(404, 416, not_found="VIDEO_NOT_FOUND")}


def _film(status: int, description: str) -> dict[Any, Any]:
    """Describe an answer that is a film of any format."""
    types = [output.content_type for output in OUTPUTS.values()]
    return {key: answer for each in types for key, answer in file(status, each, description).items()}


FILM_ANSWERS = {**_film(200, "The whole file."), **_film(206, "The range asked for."), **_INSTEAD}
_download = documented(parameters=[_VIDEO_ID, *SENDING_HEADERS], responses={**FILM_ANSWERS, **SENDING_ANSWERS})


def find_video(request: Request, video_id: str, *, with_job: bool = False) -> Video:
    """Return a video that the user may see; raise VIDEO_NOT_FOUND."""
    rows = Video.objects.visible_to(request.user)
    video: Video = find(rows.select_related("job") if with_job else rows, video_id, "VIDEO_NOT_FOUND", "video")
    return video


@extend_schema_view(post=extend_schema(operation_id="create_video"))
class VideoList(JobCreation):
    @documented(
        operation_id="list_videos", parameters=[PageQuery], responses={200: VideoListSerializer, **failures(400)}
    )
    def get(self, request: Request) -> Response:
        """List videos, newest first."""
        found, cursor = page(Video.objects.visible_to(request.user), "videos", read_query(PageQuery, request))
        context = {"request": request}
        return Response(VideoListSerializer({"videos": found, "next_cursor": cursor}, context=context).data)


class VideoDetail(ApiView):
    @documented(
        operation_id="get_video",
        parameters=[_VIDEO_ID],
        responses={200: VideoSerializer, **failures(404, not_found="VIDEO_NOT_FOUND")},
    )
    def get(self, request: Request, video_id: str) -> Response:
        """Return the facts of a video."""
        return Response(VideoSerializer(find_video(request, video_id), context={"request": request}).data)

    @documented(
        operation_id="delete_video",
        parameters=[_VIDEO_ID],
        responses={204: None, **failures(404, not_found="VIDEO_NOT_FOUND")},
    )
    def delete(self, request: Request, video_id: str) -> Response:
        """Delete a video and its files."""
        video = find_video(request, video_id)
        for stored in video.files:
            delete_file(stored)
        video.delete()
        return Response(status=204)


class VideoDownload(ApiView):
    @_download
    @documented(operation_id="download_video")
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the film; its content type is that of the project's `format`."""
        return send_film(request, find_video(request, video_id))


@extend_schema_view(get=extend_schema(operation_id="download"))
class Download(VideoDownload):
    """Sends a film from the address that clients of the original use."""


class VideoThumbnail(ApiView):
    @documented(
        operation_id="get_thumbnail",
        parameters=[_VIDEO_ID],
        responses={
            **file(200, "image/*", "The picture."),
            **failures(404, not_found="VIDEO_NOT_FOUND"),
        },
    )
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the poster picture."""
        video = find_video(request, video_id)
        return _send_picture(request, video.thumbnail, f"video-{video.pk}")


class VideoContactSheet(ApiView):
    @documented(
        operation_id="get_contact_sheet",
        parameters=[_VIDEO_ID],
        responses={
            **file(200, "image/jpeg", "The picture."),
            **failures(404, not_found="VIDEO_NOT_FOUND"),
        },
    )
    def get(self, request: Request, video_id: str) -> HttpResponseBase:
        """Send the contact sheet: up to twelve frames, spread over all of the film, with their times.

        404 for a film that has none, because it was made before there were any.
        """
        video = find_video(request, video_id)
        if not video.contact_sheet.name:
            raise not_found("VIDEO_NOT_FOUND", "the film has no contact sheet")
        return _send_picture(request, video.contact_sheet, f"video-{video.pk}-contact")


def _send_picture(request: Request, stored: FieldFile, name: str) -> HttpResponseBase:
    suffix = suffix_of(stored)
    return send_stored(request, stored, Sendable(_IMAGES.get(suffix, "application/octet-stream"), f"{name}{suffix}"))


def suffix_of(stored: FieldFile) -> str:
    """Return how the name of a stored file ends, in small letters, with its dot."""
    return PurePosixPath(stored.name or "").suffix.lower()


def send_film(request: Request, video: Video, *, is_shown: bool = False) -> HttpResponseBase:
    """Send a video's file under a name of its own, to be saved, or shown by a browser."""
    what = Sendable(video.content_type, f"video-{video.pk}{suffix_of(video.file)}", video.sha256, is_shown)
    return send_stored(request, video.file, what)


def send_stored(request: Request, stored: FieldFile, what: Sendable) -> HttpResponseBase:
    """Send a stored file; raise VIDEO_NOT_FOUND when the storage has lost it."""
    missing = not_found("VIDEO_NOT_FOUND", "the video's file is no longer in the storage")
    if not stored.name:
        raise missing
    if redirect := redirect_to(request._request, stored.storage, stored.name, what):
        return redirect
    try:
        opened: Any = stored.storage.open(stored.name, "rb")
        return send(request._request, opened, opened.size, what)
    except FileNotFoundError as error:
        raise missing from error


def delete_file(stored: FieldFile) -> None:
    """Delete a file of a row that is about to be deleted; a file that is gone already is no error.

    Files go before their row: what breaks off in between leaves a row that can be deleted again, not a lost file.
    """
    if stored.name:
        stored.storage.delete(stored.name)
