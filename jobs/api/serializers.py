"""Owns how jobs, videos, assets and figures look in JSON, and which query parameters lists take."""

from fractions import Fraction
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request

from jobs.api.pagination import DEFAULT_LIMIT, MAX_LIMIT
from jobs.models import Asset, Job, JobStatus, Video, WebhookStatus
from media_services.link import shown_url
from media_services.render.output import OUTPUTS
from media_services.stage import Stage

_MIN_PROGRESS_FOR_ETA = 5
TOLD = ["waiting", *WebhookStatus.values]  # how far the end of a job is told to its webhook


def link(serializer: "serializers.BaseSerializer[Any]", name: str, pk: Any) -> str:
    """Return the absolute URL of a view for one row, as the client of the request would reach it."""
    request: Request = serializer.context["request"]
    return request.build_absolute_uri(reverse(name, args=[pk]))


class ProblemSerializer(serializers.Serializer[Any]):
    """One thing about a document, at a JSON pointer."""

    path = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    """The form of every error."""

    error = serializers.CharField(help_text="a sentence")
    code = serializers.CharField(help_text="the kind of error, for programs")
    details = ProblemSerializer(many=True, allow_null=True)
    request_id = serializers.CharField()


class QuotaSerializer(serializers.Serializer[Any]):
    """What an owner has of something, and may have."""

    quota = serializers.ChoiceField(["queued-jobs", "stored-bytes", "minutes-per-day"])
    used = serializers.FloatField()
    limit = serializers.IntegerField()
    refills_at = serializers.DateTimeField(
        allow_null=True, help_text="when time alone makes room; null where it does not"
    )


@extend_schema_serializer(component_name="OverQuota")
class OverQuotaSerializer(ErrorSerializer):
    """The form of an error about a quota, or, without details, about a rate."""

    details = QuotaSerializer(allow_null=True)  # type: ignore[assignment]


class JobErrorSerializer(serializers.Serializer[Any]):
    """Why a job failed."""

    code = serializers.CharField()
    message = serializers.CharField()
    path = serializers.CharField(required=False, allow_null=True)
    retryable = serializers.BooleanField()


class SubtitleLinksSerializer(serializers.Serializer[Any]):
    """Where a video's subtitles and their words are; null for a film without subtitles."""

    srt = serializers.URLField(allow_null=True)
    vtt = serializers.URLField(allow_null=True)
    ass = serializers.URLField(allow_null=True)
    words = serializers.URLField(allow_null=True)

    def to_representation(self, video: Video) -> dict[str, str | None]:
        return {
            kind: link(self, f"video-{kind}", video.pk) if getattr(video, kind) else None for kind in Video.SUBTITLES
        }


class JobVideoSerializer(serializers.ModelSerializer[Video]):
    """A video as a part of its job."""

    video_id = serializers.UUIDField(source="id")
    video_url = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    contact_sheet_url = serializers.SerializerMethodField()
    content_type = serializers.ChoiceField([output.content_type for output in OUTPUTS.values()])
    subtitles = SubtitleLinksSerializer(source="*")
    duration_s = serializers.SerializerMethodField()
    fps = serializers.SerializerMethodField()

    class Meta:
        model = Video
        fields: tuple[str, ...] = (
            *("video_id", "project", "video_url", "download_url", "thumbnail_url", "contact_sheet_url"),
            *("content_type", "subtitles", "width", "height", "duration_s", "fps", "size_bytes", "sha256"),
            "expires_at",
        )
        read_only_fields = fields

    def get_video_url(self, video: Video) -> str:
        return link(self, "video", video.pk)

    def get_download_url(self, video: Video) -> str:
        return link(self, "video-download", video.pk)

    def get_thumbnail_url(self, video: Video) -> str:
        return link(self, "video-thumbnail", video.pk)

    def get_contact_sheet_url(self, video: Video) -> str | None:
        return link(self, "video-contact-sheet", video.pk) if video.contact_sheet else None

    def get_duration_s(self, video: Video) -> float:
        return video.duration_ms / 1000

    def get_fps(self, video: Video) -> float:
        return float(Fraction(video.fps))


class VideoSerializer(JobVideoSerializer):
    """A video by itself."""

    job_id = serializers.UUIDField()

    class Meta(JobVideoSerializer.Meta):
        fields = ("video_id", "job_id", *JobVideoSerializer.Meta.fields[1:], "created_at")
        read_only_fields = fields


@extend_schema_serializer(component_name="JobWebhook")
class JobWebhookSerializer(serializers.Serializer[Any]):
    """Who is told of a job's end, and how far that has come."""

    url = serializers.CharField(help_text="without its query, which may be secret")
    status = serializers.ChoiceField(
        TOLD,
        help_text="`waiting` for the job's end; `pending` until it is told, `delivered`, or `failed` for good",
    )
    attempts = serializers.IntegerField()
    last_status = serializers.IntegerField(allow_null=True, help_text="of HTTP; null where none answered")

    def to_representation(self, job: Any) -> dict[str, Any] | None:  # type: ignore[override]
        if not job.webhook_url:
            return None
        told = job.webhook_told or {"status": "waiting", "attempts": 0, "last_status": None}
        return {"url": shown_url(job.webhook_url)} | told


class JobStatusSerializer(serializers.ModelSerializer[Job]):
    """A job without its document."""

    job_id = serializers.UUIDField(source="id")
    status = serializers.ChoiceField(JobStatus.choices)
    stage = serializers.ChoiceField([stage.value for stage in Stage], allow_null=True)
    labels = serializers.ListField(
        child=serializers.CharField(), help_text="what a worker has to have that takes it, sorted"
    )
    warnings = ProblemSerializer(many=True)
    error = JobErrorSerializer(allow_null=True)
    video_id = serializers.SerializerMethodField()
    videos = JobVideoSerializer(many=True)
    queue_position = serializers.IntegerField(
        allow_null=True,
        help_text="1 is next; null unless pending and due. Owners take turns: it is its place if none ends or comes, "
        "whatever labels the jobs ask for",
    )
    waiting_for = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="while it is due and no living worker takes it, the labels that one would need, none where it would "
        "have to take jobs without labels; null otherwise",
    )
    eta_s = serializers.SerializerMethodField()
    completed_at = serializers.DateTimeField(source="finished_at", allow_null=True)
    duration_seconds = serializers.SerializerMethodField()
    status_url = serializers.SerializerMethodField()
    webhook = JobWebhookSerializer(source="*", allow_null=True)

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            *("job_id", "status", "stage", "progress", "attempt", "max_attempts", "priority", "labels"),
            *("warnings", "error", "video_id", "videos", "queue_position", "waiting_for", "eta_s"),
            *("created_at", "updated_at", "started_at", "completed_at", "duration_seconds", "status_url", "webhook"),
            "client-data",
        )
        extra_kwargs = {"client-data": {"source": "client_data", "allow_null": False}}  # null is JSON as well
        read_only_fields = fields

    def get_video_id(self, job: Job) -> UUID | None:
        return next((video.pk for video in job.videos.all()), None)

    def get_eta_s(self, job: Any) -> float | None:
        """Estimate the seconds left from this attempt's pace; None until there is a pace to go by."""
        if job.attempt_started_at is None or job.progress < _MIN_PROGRESS_FOR_ETA:
            return None
        elapsed_s = (job.read_at - job.attempt_started_at).total_seconds()
        return float(round(max(0.0, elapsed_s) * (100 - job.progress) / job.progress, 1))

    def get_duration_seconds(self, job: Job) -> float | None:
        if job.started_at is None or job.finished_at is None:
            return None
        return (job.finished_at - job.started_at).total_seconds()

    def get_status_url(self, job: Job) -> str:
        return link(self, "job-status", job.pk)


class JobSerializer(JobStatusSerializer):
    """A job with its document."""

    class Meta(JobStatusSerializer.Meta):
        fields = (*JobStatusSerializer.Meta.fields, "config")
        read_only_fields = fields


class WordSerializer(serializers.Serializer[Any]):
    """A word, and when it is spoken."""

    text = serializers.CharField()
    start_ms = serializers.IntegerField()
    end_ms = serializers.IntegerField()


class ElementWordsSerializer(serializers.Serializer[Any]):
    """The words of one `subtitles` element."""

    path = serializers.CharField(help_text="the element's JSON pointer in the job's document")
    language = serializers.CharField(allow_null=True, required=False, help_text="as the element says it")
    words = WordSerializer(many=True)


class WordsSerializer(serializers.Serializer[Any]):
    """The words of a film's subtitles."""

    subtitles = ElementWordsSerializer(many=True)


class AssetSerializer(serializers.ModelSerializer[Asset]):
    """An uploaded file."""

    asset_id = serializers.UUIDField(source="id")
    src = serializers.SerializerMethodField(help_text="what to write in a document")

    class Meta:
        model = Asset
        fields = ("asset_id", "src", "name", "sha256", "size_bytes", "media", "created_at")
        read_only_fields = fields

    def get_src(self, asset: Asset) -> str:
        return f"asset:{asset.pk}"


class JobListSerializer(serializers.Serializer[Any]):
    """A page of jobs."""

    jobs = JobStatusSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class VideoListSerializer(serializers.Serializer[Any]):
    """A page of videos."""

    videos = VideoSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AssetListSerializer(serializers.Serializer[Any]):
    """A page of assets."""

    assets = AssetSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CheckSerializer(serializers.Serializer[Any]):
    """One thing that must work for jobs to be done."""

    ok = serializers.BooleanField()
    message = serializers.CharField()


class ReadinessSerializer(serializers.Serializer[Any]):
    """Whether jobs would be done, and if not, why."""

    status = serializers.CharField(help_text="`ready` or `unavailable`")
    checks = serializers.DictField(child=CheckSerializer())


class HealthSerializer(serializers.Serializer[Any]):
    """That the process answers."""

    status = serializers.CharField(help_text="`ok`")


class StageTimeSerializer(serializers.Serializer[Any]):
    """How long a stage takes; null where none was measured."""

    p50_s = serializers.FloatField(allow_null=True, help_text="half of them are done sooner")
    p95_s = serializers.FloatField(allow_null=True, help_text="nineteen of twenty are done sooner")


class MetricsSerializer(serializers.Serializer[Any]):
    """What the whole service does. Times and rates are of the latest 1,000 jobs to finish, and 0 before the first."""

    queue_size = serializers.IntegerField(help_text="jobs that are pending")
    oldest_pending_age_s = serializers.FloatField(
        allow_null=True, help_text="how long a job has been due and not begun, at most; null when none is due"
    )
    queue_paused = serializers.BooleanField(help_text="whether no job is begun until a person resumes the queue")
    active_workers = serializers.IntegerField(help_text="of all living clusters together, as are memory and CPU")
    memory_usage_bytes = serializers.IntegerField(help_text="of the clusters' processes, work included")
    cpu_usage_percent = serializers.FloatField(help_text="of one core: two busy cores are 200")
    processing_jobs = serializers.IntegerField()
    jobs_completed = serializers.IntegerField(help_text="of the jobs that are still on record")
    jobs_failed = serializers.IntegerField(help_text="of the jobs that are still on record")
    average_job_time = serializers.FloatField(help_text="seconds from first start to completion")
    error_rate_percent = serializers.FloatField(help_text="failed jobs among those that completed or failed")
    retry_rate_percent = serializers.FloatField(help_text="jobs of which an attempt failed")
    stages = serializers.DictField(child=StageTimeSerializer(), help_text="by stage: how long attempts spend in it")


class PageQuery(serializers.Serializer[Any]):
    """The query parameters of every list."""

    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text="rows")
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before")


class JobListQuery(PageQuery):
    """The query parameters of the list of jobs."""

    status = serializers.ChoiceField(JobStatus.choices, required=False)
    created_after = serializers.DateTimeField(required=False, help_text="later than this")
    created_before = serializers.DateTimeField(required=False, help_text="earlier than this")


class JobQuery(serializers.Serializer[Any]):
    """The query parameters of one job."""

    wait = serializers.FloatField(
        min_value=0, max_value=60, default=0, help_text="seconds to wait at most for the status to change"
    )
