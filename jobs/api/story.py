"""Owns the addresses that tell of a job: what happened to it, what its films are made of and why, and a picture."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import picture
from jobs.api.openapi import documented, failures, file, identifier
from jobs.api.told import EventListQuery, EventListSerializer, JobPlanSerializer
from jobs.api.view import ApiView, find, read_query
from jobs.models import Job, JobEvent
from jobs.telling import event_data, plan_of

_JOB_ID = identifier("job_id")
_PICTURE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def find_bare_job(request: Request, job_id: str) -> Job:
    """Return a job that the user may see, without its document and films; raise JOB_NOT_FOUND."""
    rows = Job.objects.visible_to(request.user).defer("config", "client_data", "warnings")
    job: Job = find(rows, job_id, "JOB_NOT_FOUND", "job")
    return job


class JobEvents(ApiView):
    @documented(
        operation_id="list_job_events",
        parameters=[_JOB_ID, EventListQuery],
        responses={200: EventListSerializer, **failures(400, 404, not_found="JOB_NOT_FOUND")},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """List what happened to a job, in order.

        Each event has the keys of its kind: `stage` and how many `seconds` the one before took; the `task`, `outcome`
        and times of a `step`; the `error` of a failure; the `code`, `message` and `path` of a `warning`.
        """
        query = read_query(EventListQuery, request)
        job = find_bare_job(request, job_id)
        rows = JobEvent.objects.filter(job=job, pk__gt=query["after"]).order_by("pk")
        found = list(rows[: query["limit"] + 1])
        shown = found[: query["limit"]]
        next_after = shown[-1].pk if len(found) > len(shown) else None
        return Response({"events": [_event(event) for event in shown], "next_after": next_after})


def _event(event: JobEvent) -> dict[str, Any]:
    columns = {"id": event.pk, "at": event.at, "attempt": event.attempt, "kind": event.kind, "worker": event.worker}
    return event_data(event) | columns


class JobPlanDetail(ApiView):
    @documented(
        operation_id="get_job_plan",
        parameters=[_JOB_ID],
        responses={200: JobPlanSerializer, **failures(404, not_found="JOB_NOT_FOUND")},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """Return what each film of a job is made of, what came of its segments, and why they had to be made.

        `projects` is empty until the work has come to plan a film.
        """
        return Response(plan_of(find_bare_job(request, job_id)))


class JobTimeline(ApiView):
    @documented(
        operation_id="get_job_timeline",
        parameters=[_JOB_ID],
        responses={**file(200, "image/svg+xml", "The picture."), **failures(404, not_found="JOB_NOT_FOUND")},
    )
    def get(self, request: Request, job_id: str) -> HttpResponse:
        """Draw what `plan` tells: each film along its time, and below it the work along the time it took."""
        job = find_bare_job(request, job_id)
        drawn = picture.draw(plan_of(job), status=job.status, now=timezone.now())
        return HttpResponse(drawn, content_type="image/svg+xml", headers=_PICTURE_HEADERS)
