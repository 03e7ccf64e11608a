"""Owns looking at a document without a job: which films it would become. Media are probed, nothing is rendered."""

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import ApiError, invalid_json
from jobs.api.openapi import JobRequest, documented, failures
from jobs.api.serializers import ProblemSerializer
from jobs.api.submission import in_body, read_submission
from jobs.api.view import ApiView
from jobs.housekeeping import work_dir
from jobs.models import AttemptOutcome, Job, JobAttempt
from jobs.queue import Submission, refuse_unknown_assets
from media_services.errors import DocumentError, ErrorCode, MediaError, Problem
from media_services.kept import Asking
from media_services.movie.reading import Movie, read
from media_services.stage import Stage

_AT_ONCE = 2  # each fetches and probes in a thread of this process
_MOST_S = 60.0
_KNOWN_ATTEMPTS = 20
_looking = threading.BoundedSemaphore(_AT_ONCE)


class PlannedScene(serializers.Serializer[Any]):
    """A scene of a film that would be."""

    id = serializers.JSONField()
    start_s = serializers.FloatField()
    duration_s = serializers.FloatField()


class PlannedProject(serializers.Serializer[Any]):
    """A film that would be."""

    duration_s = serializers.FloatField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    fps = serializers.CharField(help_text="exact: 30 or 30000/1001")
    frames = serializers.IntegerField()
    scenes = PlannedScene(many=True)
    estimated_render_s = serializers.FloatField(
        allow_null=True, help_text="as fast as the latest films of this service were rendered; null before the first"
    )


@extend_schema_serializer(component_name="Plan")
class PlanSerializer(serializers.Serializer[Any]):
    """What a document would become."""

    valid = serializers.BooleanField()
    errors = ProblemSerializer(many=True)  # type: ignore[assignment] # the name is a method of serializers
    warnings = ProblemSerializer(many=True)
    projects = PlannedProject(many=True)


class JobValidation(ApiView):
    creating_methods = ("POST",)  # it fetches as a job does

    @documented(
        operation_id="validate_job",
        request=JobRequest,
        responses={200: OpenApiResponse(PlanSerializer), **failures(400, 413, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        """Say what a document would become; its media are fetched and probed, nothing is queued or rendered."""
        if request.stream is None:
            raise invalid_json("the body is empty; send a movie document")
        submission = read_submission(request.data)
        if not _looking.acquire(blocking=False):
            message = f"{_AT_ONCE} documents are being looked at; try again in 5 s"
            raise ApiError(503, "QUEUE_FULL", message, headers={"Retry-After": "5"})
        try:
            return Response(plan(request.user, submission, request.data))
        finally:
            _looking.release()


def plan(owner: Any, submission: Submission, body: Any) -> dict[str, Any]:
    """Return what the document of a body would become, or what is wrong with it, as JSON."""
    try:
        movie = read(submission.document, strict=submission.strict)
        refuse_unknown_assets(owner, movie)
        timelines = _timelines(owner, submission.document, movie)
    except DocumentError as wrong:
        return _invalid(in_body(wrong.problems, submission, body))
    except MediaError as problem:
        problems = [Problem(problem.path or "", problem.code.lower().replace("_", "-"), problem.message)]
        return _invalid(in_body(problems, submission, body))
    warnings = [*movie.warnings, *(warning for timeline in timelines for warning in timeline.warnings)]
    pace_s = _seconds_for_a_pixel()
    return {
        "valid": True,
        "errors": [],
        "warnings": [warning.as_json() for warning in warnings],
        "projects": [_project(timeline, pace_s) for timeline in timelines],
    }


def _timelines(owner: Any, document: Any, movie: Movie) -> list[Any]:
    """Fetch and probe a document's media into a directory that is thrown away; raise MediaError."""
    from jobs.work import local_sources
    from media_services.pipeline import plan as planned

    local = local_sources(Job(owner=owner, config=document))
    deadline = time.monotonic() + _MOST_S

    def checkpoint(stage: Stage, fraction: float) -> None:
        if time.monotonic() > deadline:
            message = f"the media could not be fetched and probed within {_MOST_S:g} s; a job has longer"
            raise MediaError(ErrorCode.TIMEOUT, message, retryable=True)

    work_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="validation-", dir=work_dir()) as folder:
        return planned(movie, Path(folder), checkpoint, local=local, asking=Asking(str(owner.pk)))


def _invalid(problems: list[Problem]) -> dict[str, Any]:
    return {"valid": False, "errors": [it.as_json() for it in problems], "warnings": [], "projects": []}


def _project(timeline: Any, pace_s: float | None) -> dict[str, Any]:
    width, height = timeline.film_size
    pixels = timeline.frames * timeline.width * timeline.height
    return {
        "duration_s": timeline.duration_ms / 1000,
        "width": width,
        "height": height,
        "fps": str(timeline.fps),
        "frames": timeline.frames,
        "scenes": [
            {"id": scene.id, "start_s": scene.span.start_ms / 1000, "duration_s": scene.span.duration_ms / 1000}
            for scene in timeline.scenes
        ],
        "estimated_render_s": None if pace_s is None else round(pixels * pace_s, 1),
    }


def _seconds_for_a_pixel() -> float | None:
    """Return how long the latest completed jobs took to render a pixel of a frame; None when there are none."""
    attempts = JobAttempt.objects.filter(outcome=AttemptOutcome.COMPLETED).order_by("-pk")[:_KNOWN_ATTEMPTS]
    seconds, pixels = 0.0, 0
    for attempt in attempts.prefetch_related("job__videos"):
        seconds += attempt.stage_seconds.get(Stage.RENDERING, 0.0)
        pixels += sum(video.frames * video.width * video.height for video in attempt.job.videos.all())
    return seconds / pixels if pixels else None
