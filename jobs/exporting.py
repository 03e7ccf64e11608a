"""Owns what Prometheus reads: the name, meaning and labels of every figure, and where in the database it comes from.

No process keeps a figure of its own: each scrape asks the database, so that it is the same whichever of many web
servers is asked, and true for all hosts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from jobs import metrics
from jobs.counting import BUCKETS_S, totals
from jobs.models import TERMINAL, AttemptOutcome, Cluster, JobStatus, QueuePause, WebhookDelivery, WebhookStatus
from media_services.errors import ErrorCode
from media_services.journal import Outcome, Task
from media_services.stage import Stage

PREFIX = "videocraft_"
Labels = tuple[str, ...]  # values, in the order of their names


@dataclass(frozen=True)
class Figure:
    """What is told under one name. `labels` are the values that are known of each label; these are told from 0 on."""

    name: str
    what: str
    labels: Mapping[str, Iterable[str]] = field(default_factory=dict)

    @property
    def label_names(self) -> list[str]:
        return list(self.labels)

    def every(self) -> Iterator[Labels]:
        """Yield all combinations of known values."""
        return product(*self.labels.values())


GAUGES = (
    Figure("jobs", "Jobs on record, by status.", {"status": JobStatus.values}),
    Figure("queue_size", "Pending jobs."),
    Figure("queue_size_limit", "Pending jobs that the queue takes."),
    Figure("queue_paused", "1 while the queue is paused, else 0."),
    Figure("jobs_without_worker", "Due jobs that no living cluster takes: none has their labels."),
    Figure("oldest_pending_age_seconds", "How long the job that has been due the longest has waited; 0 if none is."),
    Figure("webhooks_pending", "Ends of jobs that are to be told to webhooks, for the first time or again."),
    Figure("clusters", "Clusters that have beaten lately."),
    Figure("workers", "Workers of these clusters."),
    Figure("memory_bytes", "Resident memory of all processes of these clusters, work included."),
    Figure("cpu_cores", "Cores that these processes use."),
)
_TERMINAL = [status.value for status in TERMINAL]
_CODES = [code.value for code in ErrorCode]
_OUTCOMES = [outcome.value for outcome in Outcome]
_STEP = {"task": [task.value for task in Task], "outcome": _OUTCOMES}
COUNTERS = (
    Figure("jobs_submitted", "Jobs that were posted."),
    Figure("jobs_finished", "Ends of jobs, by outcome; one that a person retries ends again.", {"outcome": _TERMINAL}),
    Figure("job_failures", "Jobs that ended as failed, by error code.", {"code": _CODES}),
    Figure("attempts", "Ends of attempts, by outcome.", {"outcome": AttemptOutcome.values}),
    Figure(
        "retries", "Attempts that failed or were lost, and are followed by another, by error code.", {"code": _CODES}
    ),
    Figure("fenced_attempts", "Attempts that could write nothing more, because another had the job or it was gone."),
    Figure("webhook_tries", "Tries to tell a webhook, by outcome.", {"outcome": ("delivered", "failed")}),
    Figure("steps", "Steps of the work, by task, and whether they were made, kept from before, or shared.", _STEP),
    Figure("step_seconds", "Seconds that these steps took.", _STEP),
    Figure("fetched_bytes", "Bytes of sources, fetched (made) or kept from before.", {"outcome": _OUTCOMES}),
)
HISTOGRAMS = (
    Figure("queue_wait_seconds", "From when a job was both pending and due until it was claimed."),
    Figure("stage_seconds", "Time that attempts spent in each stage.", {"stage": [stage.value for stage in Stage]}),
    Figure("job_seconds", "From the first claim of a job to its end, by outcome.", {"outcome": _TERMINAL}),
)


class ServiceCollector(Collector):
    """Reads every figure from the database, each time it is asked."""

    def collect(self) -> Iterator[Metric]:
        found: dict[str, dict[Labels, float]] = defaultdict(dict)
        buckets: dict[str, dict[Labels, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
        for name, labels, value in totals():
            bound = labels.pop("le", None)
            values = tuple(str(labels[key] or "") for key in _label_names(name) if key in labels)
            if bound is None:
                found[name][values] = float(value)
            else:
                buckets[name.removesuffix("_bucket")][values][float(bound)] = float(value)
        yield from _gauges()
        for figure in COUNTERS:
            yield _counter(figure, found[figure.name])
        for figure in HISTOGRAMS:
            yield _histogram(figure, buckets[figure.name], found[f"{figure.name}_sum"])


REGISTRY = ServiceCollector()


def _label_names(name: str) -> list[str]:
    return _LABEL_NAMES.get(name.removesuffix("_bucket").removesuffix("_sum"), [])


_LABEL_NAMES = {figure.name: figure.label_names for figure in (*COUNTERS, *HISTOGRAMS)}


def _gauges() -> Iterator[Metric]:
    waiting, working = metrics.waiting(), metrics.clusters()
    alive = Cluster.objects.alive().count()
    by_status: dict[Labels, float] = {(status.value,): metrics.count(status) for status in JobStatus}
    values: dict[str, Mapping[Labels, float]] = {
        "jobs": by_status,
        "queue_size": {(): waiting["queue_size"]},
        "queue_size_limit": {(): settings.VIDEOCRAFT.job_queue_size},
        "queue_paused": {(): int(QueuePause.objects.exists())},
        "jobs_without_worker": {(): sum(metrics.without_worker().values())},
        "oldest_pending_age_seconds": {(): waiting["oldest_pending_age_s"] or 0.0},
        "webhooks_pending": {(): WebhookDelivery.objects.filter(status=WebhookStatus.PENDING).count()},
        "clusters": {(): alive},
        "workers": {(): working["active_workers"]},
        "memory_bytes": {(): working["memory_usage_bytes"]},
        "cpu_cores": {(): working["cpu_usage_percent"] / 100},
    }
    for figure in GAUGES:
        family = GaugeMetricFamily(PREFIX + figure.name, figure.what, labels=figure.label_names)
        for labels, value in values[figure.name].items():
            family.add_metric(labels, value)
        yield family


def _counter(figure: Figure, values: Mapping[Labels, float]) -> Metric:
    family = CounterMetricFamily(PREFIX + figure.name, figure.what, labels=figure.label_names)
    for labels in dict.fromkeys([*figure.every(), *values]):
        family.add_metric(labels, values.get(labels, 0.0))
    return family


def _histogram(figure: Figure, counts: Mapping[Labels, Mapping[float, float]], sums: Mapping[Labels, float]) -> Metric:
    family = HistogramMetricFamily(PREFIX + figure.name, figure.what, labels=figure.label_names)
    for labels in dict.fromkeys([*figure.every(), *counts]):
        family.add_metric(labels, list(_cumulative(counts.get(labels, {}))), sums.get(labels, 0.0))
    return family


def _cumulative(counts: Mapping[float, float]) -> Iterator[tuple[str, float]]:
    """Yield how many were no more than each bound; counts by bounds of earlier days fall in where they belong."""
    for bound in (*BUCKETS_S, float("inf")):
        le: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
        yield le, sum(count for at, count in counts.items() if at <= bound)
