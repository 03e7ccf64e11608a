"""The API's URLs; each answers with and without a trailing slash, and the schema shows the one without."""

from typing import Any

from django.urls import URLPattern, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from jobs.api import assets, jobs, metrics, service, sharing, story, subtitles, validation, videos, webhook


def both(route: str, view: Any, name: str, **options: Any) -> list[URLPattern]:
    """Return an address in both forms."""
    return [
        path(route, view.as_view(**options), name=name),
        path(f"{route}/", view.as_view(**options | {"schema": None})),
    ]


api = [
    *both("jobs", jobs.JobList, "jobs"),
    *both("jobs/validate", validation.JobValidation, "job-validation"),
    *both("jobs/<str:job_id>", jobs.JobDetail, "job"),
    *both("jobs/<str:job_id>/status", jobs.JobState, "job-status"),
    *both("jobs/<str:job_id>/events", story.JobEvents, "job-events"),
    *both("jobs/<str:job_id>/plan", story.JobPlanDetail, "job-plan"),
    *both("jobs/<str:job_id>/timeline.svg", story.JobTimeline, "job-timeline"),
    *both("jobs/<str:job_id>/cancel", jobs.JobCancel, "job-cancel"),
    *both("jobs/<str:job_id>/retry", jobs.JobRetry, "job-retry"),
    *both("jobs/<str:job_id>/webhook", webhook.JobWebhook, "job-webhook"),
    *both("videos", videos.VideoList, "videos"),
    *both("videos/<str:video_id>", videos.VideoDetail, "video"),
    *both("videos/<str:video_id>/download", videos.VideoDownload, "video-download"),
    *both("videos/<str:video_id>/link", sharing.VideoLink, "video-link"),
    *both("videos/<str:video_id>/thumbnail", videos.VideoThumbnail, "video-thumbnail"),
    *both("videos/<str:video_id>/contact-sheet", videos.VideoContactSheet, "video-contact-sheet"),
    *both("videos/<str:video_id>/subtitles.srt", subtitles.SubtitlesSrt, "video-srt"),
    *both("videos/<str:video_id>/subtitles.vtt", subtitles.SubtitlesVtt, "video-vtt"),
    *both("videos/<str:video_id>/subtitles.ass", subtitles.SubtitlesAss, "video-ass"),
    *both("videos/<str:video_id>/words.json", subtitles.Words, "video-words"),
    *both("assets", assets.AssetList, "assets"),
    *both("assets/<str:asset_id>", assets.AssetDetail, "asset"),
    *both("metrics", metrics.Metrics, "metrics"),
    *both("generate-video", jobs.GenerateVideo, "generate-video"),
    *both("download/<str:video_id>", videos.Download, "download"),
]
_docs = {  # in two files, for no script runs from within a page
    "url_name": "api-schema",
    "schema": None,
    "authentication_classes": (),
    "template_name": "jobs/docs.html",
}
urlpatterns = [
    path("api/v1/", include(api)),
    *both("api/schema", SpectacularAPIView, "api-schema", schema=None, authentication_classes=()),
    *both("api/docs", SpectacularSwaggerSplitView, "api-docs", **_docs),
    *both("shared/<str:signed>", sharing.Shared, "shared"),
    *both("health", service.Health, "health"),
    *both("ready", service.Ready, "ready"),
    *both("metrics", metrics.Scrape, "scrape"),
]
