"""Owns which pages the admin has beside those of the tables: the overview, which comes first in its lists.

Outside of `jobs.admin`, which registers with it: what the site imports must not ask for the site.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, reverse

_APP = "jobs"


class ControlRoom(admin.AdminSite):
    """Django's admin, with the overview."""

    site_header = "VideoCraft"
    site_title = "VideoCraft"
    index_title = "Monitoring"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from jobs.admin import overview

        live, control = self.admin_view(overview.live_view), self.admin_view(overview.control_view)
        return [
            path("jobs/overview/", self.admin_view(self.overview_view), name="jobs_overview"),
            path("jobs/overview/live/", live, name="jobs_overview_live"),
            path("jobs/overview/pause/", control, {"name": "pause"}, name="jobs_overview_pause"),
            path("jobs/overview/resume/", control, {"name": "resume"}, name="jobs_overview_resume"),
            *super().get_urls(),
        ]

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        from jobs.admin import overview

        return overview.overview_view(request, self.each_context(request))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        found: list[Any] = super().get_app_list(request, app_label)
        for app in found:
            if app["app_label"] == _APP and request.user.has_perm("jobs.view_job"):
                app["models"].insert(0, _overview_entry())
        return sorted(found, key=lambda app: bool(app["app_label"] != _APP))


def _overview_entry() -> dict[str, Any]:
    """Return the overview as lists of tables name a table."""
    return {
        "model": None,
        "name": "Overview",
        "object_name": "Overview",
        "perms": {"view": True},
        "admin_url": reverse("admin:jobs_overview"),
        "add_url": None,
        "view_only": True,
    }
