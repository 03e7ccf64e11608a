"""Owns the overview: the whole service on one page, which keeps itself live, and from which the queue is paused."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from jobs import metrics
from jobs.admin import hours, presenting
from jobs.admin.control import pause_queue, resume_queue
from jobs.models import ALIVE, TERMINAL, Cluster, Job, JobStatus, QueuePause

_MOST_JOBS = 200
_MOST_CLUSTERS = 100
_MOST_LACKS = 10
_LATELY = timedelta(minutes=5)


@dataclass(frozen=True)
class AtWork:
    """A worker with the job that it has."""

    pid: int | None
    job: Job
    url: str
    state: str
    activity: str
    heartbeat: str


@dataclass(frozen=True)
class ClusterRows:
    """A cluster as it last told of itself, and its workers that have a job."""

    name: str
    host: str
    state: str
    heartbeat: str
    cpu: str
    memory: str
    workers: int
    labels: str
    at_work: list[AtWork]

    @property
    def free(self) -> int:
        return max(self.workers - len(self.at_work), 0)


def _may_see(request: HttpRequest) -> bool:
    """Say whether this person may see the overview, which tells of everybody's jobs."""
    return bool(request.user.has_perm("jobs.view_job"))


def overview_view(request: HttpRequest, around: dict[str, Any]) -> HttpResponse:
    """Show the page; `around` is what all pages of the admin have."""
    _refuse_unless(_may_see(request))
    shown = {"title": "Overview", "live_url": reverse("admin:jobs_overview_live")}
    return TemplateResponse(request, "admin/jobs/overview/page.html", around | shown | _board(request))


def live_view(request: HttpRequest) -> HttpResponse:
    """Answer the parts of the page that change."""
    _refuse_unless(_may_see(request))
    return TemplateResponse(request, "admin/jobs/overview/board.html", _board(request))


def control_view(request: HttpRequest, name: str) -> HttpResponse:
    """Pause or resume the queue, and go back to the page."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    _refuse_unless(_may_see(request) and _may_pause(request))
    pause_queue(request) if name == "pause" else resume_queue(request)
    return redirect("admin:jobs_overview")


def _may_pause(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("jobs.pause_queue"))


def _refuse_unless(is_allowed: bool) -> None:
    if not is_allowed:
        raise PermissionDenied


def _board(request: HttpRequest) -> dict[str, Any]:
    """Gather all figures in a fixed number of queries, none of which counts everything that is on record."""
    now = timezone.now()
    figures = {**metrics.waiting(), **metrics.clusters(), **metrics.rates()}
    clusters, are_left_out = _clusters(now)
    wait_s = figures["oldest_pending_age_s"]
    return {
        "figures": figures,
        "processing": metrics.count(JobStatus.PROCESSING),
        "oldest_wait": "" if wait_s is None else presenting.clock(wait_s),
        "pause": QueuePause.objects.first(),
        "may_pause": _may_pause(request),
        "without_worker": _without_worker(),
        "throughput": _throughput(),
        "chart": hours.chart(now),
        "stages": [_stage(name, times) for name, times in metrics.stages().items()],
        "latest": metrics.LATEST,
        "clusters": clusters,
        "jobs_left_out": are_left_out,
        "living": sum(cluster.state == "alive" for cluster in clusters),
    }


def _without_worker() -> list[str]:
    """Say of the due jobs that no living cluster takes for what they wait, the most of them first."""
    found = sorted(metrics.without_worker().items(), key=lambda item: (-item[1], item[0]))
    told = []
    for labels, count in found[:_MOST_LACKS]:
        jobs = f"{count:,} job waits" if count == 1 else f"{count:,} jobs wait"
        which = f"with {' and '.join(labels)}" if labels else "that takes jobs without labels"
        told.append(f"{jobs} for a worker {which}, and none is there.")
    return told


def _throughput() -> dict[str, Any]:
    """Count what ended within the hour, and how much of it a minute lately."""
    ended = Job.objects.filter(status__in=TERMINAL, finished_at__gt=Now() - timedelta(hours=1))
    completed, failed = Q(status=JobStatus.COMPLETED), Q(status=JobStatus.FAILED)
    found = ended.aggregate(
        completed=Count("pk", filter=completed),
        failed=Count("pk", filter=failed),
        lately=Count("pk", filter=completed & Q(finished_at__gt=Now() - _LATELY)),
    )
    return found | {"per_minute": f"{found['lately'] / (_LATELY.total_seconds() / 60):.1f}"}


def _stage(name: str, times: dict[str, float | None]) -> tuple[str, str, str]:
    half, most = (presenting.DASH if value is None else presenting.clock(value) for value in times.values())
    return name, half, most


def _clusters(now: datetime) -> tuple[list[ClusterRows], bool]:
    """Return the clusters, with the jobs at work of none of them as one more, and whether jobs are left out."""
    processing = Job.objects.filter(status=JobStatus.PROCESSING).defer("config", "client_data", "warnings")
    jobs = list(processing.order_by("worker_host", "worker_pid", "pk")[: _MOST_JOBS + 1])
    by_cluster: defaultdict[UUID | None, list[AtWork]] = defaultdict(list)
    for job in jobs[:_MOST_JOBS]:
        by_cluster[job.cluster].append(_at_work(job))
    known = Cluster.objects.order_by("-heartbeat_at")[:_MOST_CLUSTERS]
    rows = [_cluster(cluster, by_cluster.pop(cluster.pk, []), now) for cluster in known]
    if strays := [row for each in by_cluster.values() for row in each]:
        rows.append(_no_cluster(strays))
    return rows, len(jobs) > _MOST_JOBS


def _no_cluster(at_work: list[AtWork]) -> ClusterRows:
    dash = presenting.DASH
    return ClusterRows(
        "of no known cluster",
        "",
        "silent",
        heartbeat=dash,
        cpu=dash,
        memory=dash,
        workers=0,
        labels="",
        at_work=at_work,
    )


def _at_work(job: Job) -> AtWork:
    facts = presenting.live_facts(job)
    url = reverse("admin:jobs_job_change", args=[job.pk])
    return AtWork(job.worker_pid, job, url, facts["state"], facts["activity"], facts["heartbeat"])


def _cluster(cluster: Cluster, at_work: list[AtWork], now: datetime) -> ClusterRows:
    return ClusterRows(
        name=str(cluster),
        host=cluster.host,
        state="alive" if now - cluster.heartbeat_at < ALIVE else "silent",
        heartbeat=f"{presenting.since(cluster.heartbeat_at)} ago",
        cpu=f"{cluster.cpu_percent:.0f} %",
        memory=filesizeformat(cluster.memory_bytes),
        workers=cluster.workers,
        labels=presenting.labels_of(cluster) if cluster.labels else "",
        at_work=at_work,
    )
