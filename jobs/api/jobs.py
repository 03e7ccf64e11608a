"""Owns the addresses of jobs: create, list, look at, wait for, cancel, retry."""

import threading
import time
from typing import Any

from django.db import connection
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import conflict, invalid_json
from jobs.api.openapi import JOB_EXAMPLES, JobRequest, documented, failures, header, identifier, over_quota
from jobs.api.pagination import page
from jobs.api.rows import jobs_of
from jobs.api.serializers import (
    JobListQuery,
    JobListSerializer,
    JobQuery,
    JobSerializer,
    JobStatusSerializer,
)
from jobs.api.submission import KEY_HEADER, create_job, read_key
from jobs.api.view import ApiView, find, read_query
from jobs.models import TERMINAL, Job
from jobs.queue import Submitted, retry

_POLL_S = 0.2
_MAX_WAITING = 64  # each holds a thread of this process
_waiting = threading.BoundedSemaphore(_MAX_WAITING)
_JOB_ID = identifier("job_id")
CREATION_HEADERS = [
    header(KEY_HEADER, "the client's name for this post: sent again within 24 hours, it makes no other job"),
    header("Location", "the job's address", statuses=(200, 202)),
    header("Idempotent-Replay", "`true`", statuses=(200,)),
]
CREATION_ANSWERS = {
    202: OpenApiResponse(JobSerializer, description="The new job."),
    200: OpenApiResponse(JobSerializer, description="The job that this post made when it was sent before."),
    **failures(400, 413, 415, 422, 503),
    **over_quota(),
}


def find_job(request: Request, job_id: str, *, with_config: bool = True) -> Any:
    """Return a job that the user may see, ready for its serializer; raise JOB_NOT_FOUND."""
    return find(jobs_of(request.user, with_config=with_config), job_id, "JOB_NOT_FOUND", "job")


def describe(request: Request, job: Job) -> dict[str, Any]:
    """Return a job's JSON, read anew, with its document."""
    return dict(JobSerializer(find_job(request, str(job.pk)), context={"request": request}).data)


def answer_submitted(request: Request, submitted: Submitted) -> Response:
    """Answer with the job that a request made, now or when it was sent before."""
    answer = describe(request, submitted.job)
    headers = {"Location": answer["status_url"].removesuffix("/status")}
    if submitted.is_replay:
        return Response(answer, status=200, headers=headers | {"Idempotent-Replay": "true"})
    return Response(answer, status=202, headers=headers)


class JobCreation(ApiView):
    """The answer to a posted document, at every address that takes one."""

    creating_methods = ("POST",)

    @documented(
        operation_id="create_job",
        request=JobRequest,
        parameters=CREATION_HEADERS,
        responses=CREATION_ANSWERS,
        examples=JOB_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Put a movie document into the queue."""
        if request.stream is None:
            raise invalid_json("the body is empty; send a movie document")
        key, public_url = read_key(request.headers), request.build_absolute_uri("/")
        return answer_submitted(request, create_job(request.user, request.data, key, public_url=public_url))


class JobList(JobCreation):
    @documented(
        operation_id="list_jobs",
        parameters=[JobListQuery],
        responses={200: JobListSerializer, **failures(400)},
    )
    def get(self, request: Request) -> Response:
        """List jobs, newest first, without their documents."""
        query = read_query(JobListQuery, request)
        rows = jobs_of(request.user, with_config=False)
        names = {"status": "status", "created_after": "created_at__gt", "created_before": "created_at__lt"}
        rows = rows.filter(**{lookup: query[name] for name, lookup in names.items() if name in query})
        found, cursor = page(rows, "jobs", query)
        return Response(JobListSerializer({"jobs": found, "next_cursor": cursor}, context={"request": request}).data)


@extend_schema_view(post=extend_schema(operation_id="generate_video"))
class GenerateVideo(JobCreation):
    """Creates a job at the address that clients of the original use."""


class JobDetail(ApiView):
    @documented(
        operation_id="get_job",
        parameters=[_JOB_ID, JobQuery],
        responses={200: JobSerializer, **failures(400, 404, not_found="JOB_NOT_FOUND")},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """Return a job with its document; with `wait`, once its status has changed or the seconds are up."""
        wait_s = read_query(JobQuery, request)["wait"]
        job = find_job(request, job_id)
        if wait_s and job.status not in TERMINAL and wait_for_change(job, wait_s):
            job = find_job(request, job_id)
        return Response(JobSerializer(job, context={"request": request}).data)

    @documented(
        operation_id="delete_job",
        parameters=[_JOB_ID],
        responses={200: JobSerializer, **failures(404, 409, not_found="JOB_NOT_FOUND")},
    )
    def delete(self, request: Request, job_id: str) -> Response:
        """Cancel a job, as `cancel` does."""
        return cancel(request, job_id)


class JobState(ApiView):
    @documented(
        operation_id="get_job_status",
        parameters=[_JOB_ID],
        responses={200: JobStatusSerializer, **failures(404, not_found="JOB_NOT_FOUND")},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """Return a job without its document."""
        job = find_job(request, job_id, with_config=False)
        return Response(JobStatusSerializer(job, context={"request": request}).data)


class JobCancel(ApiView):
    @documented(
        operation_id="cancel_job",
        request=None,
        parameters=[_JOB_ID],
        responses={200: JobSerializer, **failures(404, 409, not_found="JOB_NOT_FOUND")},
    )
    def post(self, request: Request, job_id: str) -> Response:
        """Cancel a job: at once while it is pending; what is being worked on is stopped, and its status follows."""
        return cancel(request, job_id)


class JobRetry(ApiView):
    creating_methods = ("POST",)

    @documented(
        operation_id="retry_job",
        request=None,
        parameters=[_JOB_ID],
        responses={200: JobSerializer, **failures(404, 409, not_found="JOB_NOT_FOUND"), **over_quota()},
    )
    def post(self, request: Request, job_id: str) -> Response:
        """Queue a failed or cancelled job again, with a fresh set of attempts."""
        job = find_job(request, job_id)
        if not retry(job):
            raise conflict(f"only a failed or cancelled job can be retried; this one is {current_status(job)}")
        return Response(describe(request, job))


def cancel(request: Request, job_id: str) -> Response:
    """Cancel a job and answer with it; raise CONFLICT when it is finished."""
    job = find_job(request, job_id)
    if not Job.objects.cancel(job.pk):
        raise conflict(f"a finished job cannot be cancelled; this one is {current_status(job)}")
    return Response(describe(request, job))


def current_status(job: Job) -> str:
    """Read what a job's status is now."""
    return Job.objects.filter(pk=job.pk).values_list("status", flat=True).first() or "gone"


def wait_for_change(job: Job, seconds: float) -> bool:
    """Wait until a job's status is another than it was, or is gone; return whether anything may have changed.

    Holds neither a transaction nor, between looks, a connection. When
    `_MAX_WAITING` others wait it returns at once: the client gets the job as it is.
    """
    if not _waiting.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and Job.objects.filter(pk=job.pk, status=job.status).exists():
            if not connection.in_atomic_block:
                connection.close()
            time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
        return True
    finally:
        _waiting.release()
