"""Owns what a webhook is told, which is what the API answers, and the address at which it is told again."""

import json
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.errors import conflict
from jobs.api.jobs import describe, find_job
from jobs.api.openapi import documented, failures, identifier
from jobs.api.rows import jobs_of
from jobs.api.serializers import JobSerializer, JobStatusSerializer
from jobs.api.view import ApiView
from jobs.models import Job, JobStatus, Video, WebhookDelivery
from jobs.models.webhook import KEPT


class _Visitor:
    """Stands for the request of whoever posted a job: it knows where that client reaches the service."""

    def __init__(self, public_url: str) -> None:
        self._root = public_url.rstrip("/")

    def build_absolute_uri(self, path: str) -> str:
        return self._root + path


def body_of(delivery: WebhookDelivery) -> str:
    """Return what is sent: the event, and the job as it was then, even if a person has it retried since.

    Raises Job.DoesNotExist.
    """
    job = jobs_of(delivery.owner, with_config=False).get(pk=delivery.job_id)
    for name in KEPT:
        column: Any = Job._meta.get_field(name)
        setattr(job, name, column.to_python(delivery.facts[name]))
    if delivery.facts["status"] != JobStatus.COMPLETED:
        later: dict[str, Any] = {"videos": Video.objects.none()}  # what there is came of a later attempt
        vars(job)["_prefetched_objects_cache"].update(later)
    now_only: dict[str, Any] = {"queue_position": None, "waiting_for": None, "attempt_started_at": None}
    vars(job).update(now_only)
    told = JobStatusSerializer(job, context={"request": _Visitor(job.public_url)}).data
    return json.dumps({"event": delivery.event, "job": json.loads(JSONRenderer().render(told))}, ensure_ascii=False)


class JobWebhook(ApiView):
    creating_methods = ("POST",)

    @documented(
        operation_id="replay_webhook",
        request=None,
        parameters=[identifier("job_id")],
        responses={200: JobSerializer, **failures(404, 409, not_found="JOB_NOT_FOUND")},
    )
    def post(self, request: Request, job_id: str) -> Response:
        """Tell the job's webhook of its latest end again, under the same `webhook-id`, for another day if need be."""
        job = find_job(request, job_id)
        latest = WebhookDelivery.objects.filter(job=job).order_by("-created_at").values_list("pk", flat=True).first()
        if latest is None or not WebhookDelivery.objects.replay(latest):
            why = "has not ended yet" if job.webhook_url else "was posted without a webhook-url"
            raise conflict(f"there is nothing to tell a webhook of: the job {why}")
        return Response(describe(request, job))
