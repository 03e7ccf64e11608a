"""Owns the stored files in the admin: finished videos and uploaded assets, to look at and to delete."""

import mimetypes
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from jobs.admin import page, presenting
from jobs.admin.document import pretty
from jobs.admin.readonly import ReadOnlyAdmin
from jobs.api.errors import ApiError
from jobs.api.ranges import Sendable, redirect_to, send
from jobs.api.videos import delete_file
from jobs.models import Asset, Video


class StoredAdmin(ReadOnlyAdmin):
    """Rows with files in the storage; deleting a row deletes its files."""

    ordering = ["-created_at", "-id"]
    sortable_by = ["created"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("owner")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        for stored in obj.files:
            delete_file(stored)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    @admin.display(description="Id")
    def short_id(self, row: Any) -> str:
        return format_html('<code class="vc-id" title="{}">{}</code>', row.pk, str(row.pk)[:8])

    @admin.display(description="Size")
    def size(self, row: Any) -> str:
        return filesizeformat(row.size_bytes)

    @admin.display(description="Created", ordering="created_at")
    def created(self, row: Any) -> str:
        return presenting.moment(row.created_at)


@admin.register(Video)
class VideoAdmin(StoredAdmin):
    """Finished films."""

    list_display = ["short_id", "poster", "job_link", "owner", "picture", "length", "size", "created"]
    fields = [
        "player", "subtitles", "job_link", "owner", "project", "picture", "length", "size", "sha256", "created",
        "expires_at",
    ]  # fmt: skip

    @admin.display(description="Film")
    def player(self, video: Video) -> str:
        return render_to_string("admin/jobs/film.html", {"film": page.film(video)})

    @admin.display(description="Subtitles")
    def subtitles(self, video: Video) -> str:
        links = ((reverse(f"video-{kind}", args=[video.pk]), kind) for kind in Video.SUBTITLES if getattr(video, kind))
        return format_html_join(" · ", '<a href="{}" download>{}</a>', links) or presenting.DASH

    @admin.display(description="Poster")
    def poster(self, video: Video) -> str:
        return format_html(
            '<img class="vc-poster" src="{}" alt="" width="96" loading="lazy">', page.film(video).poster_url
        )

    @admin.display(description="Job")
    def job_link(self, video: Video) -> str:
        url = reverse("admin:jobs_job_change", args=[video.job_id])
        return format_html('<a href="{}"><code class="vc-id">{}</code></a>', url, str(video.job_id)[:8])

    @admin.display(description="Picture")
    def picture(self, video: Video) -> str:
        return f"{video.width} × {video.height}, {video.fps} fps"

    @admin.display(description="Length")
    def length(self, video: Video) -> str:
        return presenting.clock(video.duration_ms / 1000)


@admin.register(Asset)
class AssetAdmin(StoredAdmin):
    """Uploaded files, named `asset:<id>` in documents."""

    list_display = ["short_id", "label", "kind", "owner", "size", "created"]
    fields = ["player", "label", "source", "owner", "size", "sha256", "created", "media_facts"]

    @admin.display(description="Name")
    def label(self, asset: Asset) -> str:
        return asset.name or presenting.DASH

    @admin.display(description="Kind")
    def kind(self, asset: Asset) -> str:
        return _kind(asset) or presenting.DASH

    @admin.display(description="In a document")
    def source(self, asset: Asset) -> str:
        return format_html("<code>asset:{}</code>", asset.pk)

    @admin.display(description="Media")
    def media_facts(self, asset: Asset) -> str:
        return render_to_string("admin/jobs/document.html", {"document": pretty(asset.media)})

    @admin.display(description="Content")
    def player(self, asset: Asset) -> str:
        url = reverse("admin:jobs_asset_content", args=[asset.pk])
        return render_to_string("admin/jobs/asset.html", {"kind": _kind(asset), "url": url, "name": asset.name})

    def get_urls(self) -> list[URLPattern]:
        content = self.admin_site.admin_view(self.content_view)
        return [path("<uuid:pk>/content", content, name="jobs_asset_content"), *super().get_urls()]

    def content_view(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """Send the file, as a download whatever it is, so that no upload can act as a page of this site."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asset = Asset.objects.filter(pk=pk).first()
        if asset is None or not asset.file.name:
            raise Http404(f"there is no file of asset {pk}")
        what = Sendable(_content_type(asset), f"asset-{pk}{PurePosixPath(asset.file.name).suffix}", asset.sha256)
        if redirect := redirect_to(request, asset.file.storage, asset.file.name, what):
            return redirect
        try:
            return send(request, asset.file.storage.open(asset.file.name), asset.size_bytes, what)
        except FileNotFoundError as error:
            raise Http404(f"the file of asset {pk} is no longer in the storage") from error
        except ApiError as error:
            return HttpResponse(error.message, status=error.status, headers=error.headers)


def _content_type(asset: Asset) -> str:
    """Return the type of a file that is what its name says and probing found; nothing that a browser would run."""
    guess = mimetypes.guess_type(asset.file.name or "")[0] or ""
    return guess if guess.partition("/")[0] == _kind(asset) and "xml" not in guess else "application/octet-stream"


def _kind(asset: Asset) -> str:
    return str(asset.media.get("kind", "")) if isinstance(asset.media, dict) else ""
