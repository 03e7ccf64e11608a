"""Makes rows for tests, within the database's constraints, with real files behind those that have files."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from jobs.models import (
    TERMINAL,
    ApiToken,
    Asset,
    Cluster,
    EventKind,
    Job,
    JobAttempt,
    JobEvent,
    JobPlan,
    JobStatus,
    Scope,
    Video,
    WebhookDelivery,
)
from media_services.stage import Stage

DOCUMENT = [{"scenes": [{"elements": [{"type": "image", "src": "https://example.com/a.png"}]}]}]


SUBTITLES = {"srt": b"1\n", "vtt": b"WEBVTT\n", "ass": b"[Script Info]\n", "words": b'{"subtitles": []}\n'}


def make_job(owner: Any, *, status: str = JobStatus.PENDING, **fields: Any) -> Job:
    """Make a job in any state, with what the state calls for; `fields` go over it."""
    now = timezone.now()
    base: dict[str, Any] = {"owner": owner, "config": DOCUMENT, "status": status, "created_at": now}
    if status != JobStatus.PENDING:
        base |= {"attempt": 1, "started_at": now}
    if status == JobStatus.PROCESSING:
        base |= {
            "stage": Stage.FETCHING,
            "lease_expires_at": now + timedelta(seconds=30),
            "heartbeat_at": now,
            "worker_host": "example",
            "worker_pid": 1,
            "worker_started_ticks": 1,
        }
    if status in TERMINAL:
        base |= {"finished_at": now, "progress": 100 if status == JobStatus.COMPLETED else 40}
    if status == JobStatus.FAILED:
        base |= {"error": {"code": "DOWNLOAD_FAILED", "message": "gone", "path": "/0/scenes/0", "retryable": False}}
    job = Job.objects.create(**base | fields)
    if job.attempt:
        JobAttempt.objects.create(job=job, number=job.attempt, worker="example:1", started_at=job.started_at or now)
    job.refresh_from_db()
    return job


def make_video(job: Job, *, content: bytes = b"a film", **fields: Any) -> Video:
    """Make a video of a job, with `content` as its file."""
    pk = uuid.uuid4()
    base: dict[str, Any] = {
        "id": pk,
        "job": job,
        "owner": job.owner,
        "project": job.videos.count(),
        "file": default_storage.save(f"videos/{pk}.mp4", ContentFile(content)),
        "thumbnail": default_storage.save(f"videos/{pk}.jpg", ContentFile(b"a picture")),
        "width": 640,
        "height": 360,
        "fps": "30",
        "frames": 45,
        "duration_ms": 1500,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    video = Video.objects.create(**base | fields)
    video.refresh_from_db()
    return video


def make_captioned_video(job: Job, **fields: Any) -> Video:
    """Make a video of a job with the files of its subtitles, which say what they are."""
    pk = uuid.uuid4()
    files = {
        kind: default_storage.save(f"videos/{pk}.{'json' if kind == 'words' else kind}", ContentFile(content))
        for kind, content in SUBTITLES.items()
    }
    return make_video(job, **files | fields)


def make_asset(owner: Any, *, content: bytes = b"a sound", **fields: Any) -> Asset:
    """Make an asset with `content` as its file."""
    pk = uuid.uuid4()
    base: dict[str, Any] = {
        "id": pk,
        "owner": owner,
        "file": default_storage.save(f"assets/{pk}.wav", ContentFile(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "media": {"kind": "audio", "format": "wav", "duration_ms": 1000},
    }
    asset = Asset.objects.create(**base | fields)
    asset.refresh_from_db()
    return asset


def make_token(owner: Any, **fields: Any) -> str:
    """Make an API token in use that may do whatever its owner may, and return it as a client would send it."""
    base = {"scope": Scope.ADMIN, "last_used_at": timezone.now()}
    _, token = ApiToken.objects.create(owner, **base | fields)
    return str(token)


def make_cluster(**fields: Any) -> Cluster:
    """Make the row of a cluster that beats."""
    return Cluster.objects.create(**{"host": "example", "pid": 1, "workers": 2} | fields)


def make_plan(job: Job, **fields: Any) -> JobPlan:
    """Make the plan of a film of three segments of a second, in two scenes with a picture each."""
    shown = [
        {"kind": "scene", "path": "intro", "start_s": 0.0, "end_s": 1.0},
        {"kind": "scene", "path": "scene 2", "start_s": 1.0, "end_s": 3.0},
        {"kind": "image", "path": "/0/scenes/0/elements/0", "start_s": 0.0, "end_s": 1.0},
        {"kind": "sound", "path": "/0/elements/0", "start_s": 0.0, "end_s": 3.0},
    ]
    segments = [
        {
            "first_frame": number * 10,
            "end_frame": number * 10 + 10,
            "name": f"segment-{number}",
            "inputs": {"fps": "10", "/0/scenes/0/elements/0 source": f"picture-{number}"},
            "refused": None,
        }
        for number in range(3)
    ]
    plan = {"project": 0, "id": "film", "fps": 10.0, "frames": 30, "shown": shown, "segments": segments}
    base: dict[str, Any] = {
        "job": job,
        "owner": job.owner,
        "project": 0,
        "project_key": "film",
        "plan": plan | fields.pop("plan", {}),
        "explained": [[{"what": "first", "path": None, "message": "nothing was made before"}]] * 3,
    }
    return JobPlan.objects.create(**base | fields)


def make_delivery(job: Job, url: str = "https://hooks.test/films?key=secret") -> WebhookDelivery:
    """Make what is to be told of a job's end to a webhook, as it is made when a job ends."""
    Job.objects.filter(pk=job.pk).update(webhook_url=url)
    WebhookDelivery.objects.announce(job.pk)
    return WebhookDelivery.objects.filter(job=job).latest("created_at")


def make_step(
    job: Job, *, second: float = 0.0, seconds: float = 0.5, worker: str = "example:1", **data: Any
) -> JobEvent:
    """Make the event of a step of a job's latest attempt, so many seconds after noon."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() + second
    base = {"task": "segment", "what": "1 of 3", "outcome": "made", "project": 0, "number": 0}
    times = {"began_at": noon, "ended_at": noon + seconds}
    event = JobEvent(job=job, attempt=job.attempt, kind=EventKind.STEP, worker=worker, data=base | times | data)
    event.save(force_insert=True)
    return event
