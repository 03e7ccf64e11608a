"""Owns the addresses that tell of a job: what happened to it, what its films are made of and why, and a picture."""

import re

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import picture
from jobs.api import stream
from jobs.api.errors import busy, invalid_input, too_many
from jobs.api.openapi import documented, failures, file, header, identifier, text
from jobs.api.told import EventListQuery, EventListSerializer, JobPlanSerializer, event_json
from jobs.api.view import ApiView, find, read_query
from jobs.models import Job, JobEvent
from jobs.telling import plan_of
from jobs.watching import MOST_WATCHERS_OF_A_USER, Hub
from media_services.errors import Problem

_JOB_ID = identifier("job_id")
_LAST_ID = "Last-Event-ID"
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
        parameters=[
            _JOB_ID,
            EventListQuery,
            header(_LAST_ID, "the id of the last event that is known already; of a stream, and before `after`"),
        ],
        responses={
            200: EventListSerializer,
            **text(200, stream.MEDIA_TYPE, "The events, live."),
            **failures(400, 404, not_found="JOB_NOT_FOUND"),
        },
    )
    def get(self, request: Request, job_id: str) -> Response | stream.EventStream:
        """List what happened to a job, in order; with `Accept: text/event-stream`, go on telling it as it happens.

        Each event has the keys of its kind: `stage` and how many `seconds` the one before took; the `task`, `outcome`
        and times of a `step`; the `error` of a failure; the `code`, `message` and `path` of a `warning`.

        In a stream an event's `id` and `kind` are those of the server-sent event, and `data` is what is in the list.
        Besides there are `progress` (`status`, `stage`, `progress`), at most once a second, and at last `end`
        (`status`), after which nothing comes: close the source. A server that is not run as ASGI answers with the list.
        """
        query = read_query(EventListQuery, request)
        job = find_bare_job(request, job_id)
        if stream.is_wanted(request.headers.get("Accept", "")) and request.method == "GET":
            hub = stream.hub_of(request._request)
            if hub is not None:
                return _stream(request, job, hub, query["after"])
        rows = JobEvent.objects.filter(job=job, pk__gt=query["after"]).order_by("pk")
        found = list(rows[: query["limit"] + 1])
        shown = found[: query["limit"]]
        next_after = shown[-1].pk if len(found) > len(shown) else None
        return Response({"events": [event_json(event) for event in shown], "next_after": next_after})


def _stream(request: Request, job: Job, hub: Hub, after: int) -> stream.EventStream:
    """Return a stream of a job's events; raise 503 or 429 where there are too many. A few more may slip in at once."""
    if hub.is_full():
        raise busy("this server watches as many jobs as it may")
    if hub.is_full_for(request.user.pk):
        raise too_many(f"you watch {MOST_WATCHERS_OF_A_USER} jobs, and more may not be")
    if last := request.headers.get(_LAST_ID):
        if not re.fullmatch(r"[0-9]{1,18}", last):
            raise invalid_input([Problem(_LAST_ID, "invalid", "this is not the id of an event")])
        after = int(last)
    return stream.EventStream(job.pk, request.user.pk, after)


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
