"""Owns the addresses of assets: upload a file to be used in documents, list, look at, delete."""

import contextlib
import re
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import ApiError
from jobs.api.openapi import documented, failures, identifier, over_quota
from jobs.api.pagination import page
from jobs.api.serializers import AssetListSerializer, AssetSerializer, PageQuery
from jobs.api.uploads import Upload, received
from jobs.api.videos import delete_file
from jobs.api.view import ApiView, find, read_query
from jobs.models import Asset
from jobs.queue import lock_queue
from jobs.quotas import refuse_bytes
from media_services.apart import probe_apart
from media_services.errors import ErrorCode, MediaError
from media_services.media import Probe

_ASSET_ID = identifier("asset_id")
_SUFFIXES = {"jpeg": "jpg", "mov": "mp4", "matroska": "mkv", "tiff": "tif"}
_FORM = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}


def find_asset(request: Request, asset_id: str) -> Asset:
    """Return an asset that the user may see; raise ASSET_NOT_FOUND."""
    asset: Asset = find(Asset.objects.visible_to(request.user), asset_id, "ASSET_NOT_FOUND", "asset")
    return asset


class AssetList(ApiView):
    @documented(
        operation_id="list_assets", parameters=[PageQuery], responses={200: AssetListSerializer, **failures(400)}
    )
    def get(self, request: Request) -> Response:
        """List assets, newest first."""
        found, cursor = page(Asset.objects.visible_to(request.user), "assets", read_query(PageQuery, request))
        return Response(AssetListSerializer({"assets": found, "next_cursor": cursor}).data)

    @documented(
        operation_id="create_asset",
        request={"multipart/form-data": _FORM, "application/octet-stream": OpenApiTypes.BINARY},
        responses={201: AssetSerializer, **failures(400, 413, 415), **over_quota()},
    )
    def post(self, request: Request) -> Response:
        """Upload an audio, video or image file: as the field `file` of a form, or as the body with any content type."""
        refuse_bytes(request.user, 1)
        with received(request._request) as upload:
            asset = keep(request.user, upload, understand(upload.path))
        return Response(AssetSerializer(asset).data, status=201)


class AssetDetail(ApiView):
    @documented(
        operation_id="get_asset",
        parameters=[_ASSET_ID],
        responses={200: AssetSerializer, **failures(404, not_found="ASSET_NOT_FOUND")},
    )
    def get(self, request: Request, asset_id: str) -> Response:
        """Return the facts of an asset."""
        return Response(AssetSerializer(find_asset(request, asset_id)).data)

    @documented(
        operation_id="delete_asset",
        parameters=[_ASSET_ID],
        responses={204: None, **failures(404, not_found="ASSET_NOT_FOUND")},
    )
    def delete(self, request: Request, asset_id: str) -> Response:
        """Delete an asset; documents that name it no longer work."""
        asset = find_asset(request, asset_id)
        delete_file(asset.file)
        asset.delete()
        return Response(status=204)


def understand(path: Path) -> Probe:
    """Probe a file; raise UNSUPPORTED_MEDIA_TYPE with the reason for one that cannot be used in a film."""
    try:
        return probe_apart(path)
    except MediaError as error:
        if error.code != ErrorCode.UNSUPPORTED_MEDIA:
            raise
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", error.message) from error


def keep(owner: Any, upload: Upload, media: Probe) -> Asset:
    """Move an upload into the storage and record it; neither is left when the other fails. Raises QuotaExceeded."""
    pk = uuid.uuid4()
    name = f"assets/{pk}{suffix_of(media)}"
    try:
        with _Movable(upload.path) as file:
            name = default_storage.save(name, file)
        with transaction.atomic():
            lock_queue()
            refuse_bytes(owner, upload.size_bytes)
            asset = Asset.objects.create(
                id=pk,
                owner=owner,
                file=name,
                name=upload.name,
                sha256=upload.sha256,
                size_bytes=upload.size_bytes,
                media=asdict(media),
            )
    except BaseException:
        with contextlib.suppress(OSError):  # then the cleaning deletes it
            default_storage.delete(name)
        raise
    asset.refresh_from_db(fields=["created_at"])
    return asset


def suffix_of(media: Probe) -> str:
    """Return a file suffix for what a file turned out to be."""
    first = media.format.split(",")[0].lower()
    return "." + _SUFFIXES.get(first, first) if re.fullmatch(r"[a-z0-9]{1,12}", first) else ""


class _Movable(File):  # type: ignore[type-arg]
    """A local file that a file system storage moves into place instead of copying it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)
