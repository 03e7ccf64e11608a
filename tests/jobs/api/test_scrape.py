"""What Prometheus reads: in its format, documented name by name, for whom the settings say."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from jobs import exporting
from jobs.identity import WorkerIdentity
from jobs.models import EventKind, Job, JobEvent
from tests.jobs.api.answers import refusal
from tests.jobs.factories import make_cluster, make_job

ROOT = Path(__file__).parents[3]
DASHBOARD, ALERTS = ROOT / "deploy/grafana.json", ROOT / "deploy/alerts.yml"
pytestmark = pytest.mark.django_db


@pytest.fixture
def work(user):
    """Let some jobs have happened."""
    make_cluster(workers=3, memory_bytes=4096, cpu_percent=150)
    for _ in range(3):
        JobEvent.objects.tell(make_job(user).pk, 0, EventKind.QUEUED)
    job = Job.objects.claim(WorkerIdentity("here", 7, 1))
    Job.objects.complete(job, [], [], stage_seconds={"rendering": 7})


def samples(client, read=text_format, **options):
    """Return the values of a scrape by name and labels, read by the official parser."""
    answer = client.get("/metrics", **options)
    assert answer.status_code == 200
    families = read(answer.text)
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def test_a_scrape_tells_what_is_and_what_was(anonymous, work):
    found = samples(anonymous)
    assert found["videocraft_queue_size",] == 2
    assert found["videocraft_jobs", ("status", "completed")] == 1
    assert (found["videocraft_clusters",], found["videocraft_workers",], found["videocraft_cpu_cores",]) == (1, 3, 1.5)
    assert found["videocraft_jobs_submitted_total",] == 3
    assert found["videocraft_jobs_finished_total", ("outcome", "completed")] == 1
    assert found["videocraft_jobs_finished_total", ("outcome", "failed")] == 0


def test_the_buckets_of_a_histogram_add_up(anonymous, work):
    found = samples(anonymous)
    name, rendering = "videocraft_stage_seconds", ("stage", "rendering")
    below, above = (found[f"{name}_bucket", ("le", bound), rendering] for bound in ("5.0", "10.0"))
    whole = found[f"{name}_bucket", ("le", "+Inf"), rendering]
    assert (below, above, whole, found[f"{name}_count", rendering]) == (0, 1, 1, 1)
    assert found[f"{name}_sum", rendering] == 7


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_prometheus_gets_open_metrics_if_it_asks_for_it(anonymous, work, path):
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    assert anonymous.get(path).headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert anonymous.get(path, headers=accept).headers["Content-Type"].startswith("application/openmetrics-text")
    assert samples(anonymous, open_metrics, headers=accept).keys() == samples(anonymous).keys()


def test_everything_is_told_from_nothing_on(anonymous):
    found = samples(anonymous)
    assert found["videocraft_steps_total", ("outcome", "kept"), ("task", "fetch")] == 0
    assert found["videocraft_retries_total", ("code", "WORKER_LOST")] == 0
    assert found["videocraft_queue_wait_seconds_count",] == 0
    assert found["videocraft_oldest_pending_age_seconds",] == 0


def test_due_jobs_that_no_living_cluster_takes_are_told(anonymous, user):
    make_cluster(labels=["gpu"])
    for labels in ([], ["gpu"], ["big"], ["big", "gpu"]):
        make_job(user, labels=labels)
    make_job(user, labels=["big"], run_after=timezone.now() + timedelta(hours=1))
    assert samples(anonymous)["videocraft_jobs_without_worker",] == 2


def test_a_scrape_costs_a_fixed_number_of_queries(anonymous, work, django_assert_num_queries):
    # totals; waiting, and in vain; usage; clusters; pause; webhooks; one for each of the five statuses
    with django_assert_num_queries(12):
        anonymous.get("/metrics")


def test_counts_by_bounds_of_earlier_days_fall_in_where_they_belong():
    cumulative = dict(exporting._cumulative({0.07: 1, 7200: 2, float("inf"): 4}))
    assert (cumulative["0.05"], cumulative["0.1"], cumulative["3600.0"], cumulative["+Inf"]) == (0, 1, 1, 7)


def test_who_has_a_token_may_look_where_one_is_asked_for(api, anonymous, configure):
    configure(metrics="token")
    assert api.get("/metrics").status_code == 200
    assert refusal(anonymous.get("/metrics")) == (401, "MISSING_API_KEY")
    assert refusal(anonymous.get("/metrics", headers={"Authorization": "Bearer no"})) == (401, "INVALID_API_KEY")


def test_nobody_may_look_where_it_is_closed(api, staff_api, anonymous, configure):
    configure(metrics="closed")
    assert [refusal(client.get("/metrics")) for client in (api, staff_api, anonymous)] == [(404, "NOT_FOUND")] * 3


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_another_method_is_not_allowed(anonymous, method):
    assert refusal(getattr(anonymous, method)("/metrics")) == (405, "METHOD_NOT_ALLOWED")


def exported():
    """Return kind and labels of every name."""
    kinds = {"gauge": exporting.GAUGES, "counter": exporting.COUNTERS, "histogram": exporting.HISTOGRAMS}
    return {
        f"{exporting.PREFIX}{figure.name}{'_total' if kind == 'counter' else ''}": (
            kind,
            figure.label_names,
            figure.what,
        )
        for kind, figures in kinds.items()
        for figure in figures
    }


def test_the_documented_names_are_those_that_are_told(anonymous):
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE
    )
    documented = {name: (kind, re.findall(r"`(\w+)`", labels), what) for name, kind, labels, what in rows}
    told = {
        (family.name + "_total" if family.type == "counter" else family.name): family.type
        for family in text_format(anonymous.get("/metrics").text)
    }
    assert documented == exported()
    assert told == {name: kind for name, (kind, _, _) in documented.items()}


@pytest.mark.parametrize("file", [DASHBOARD, ALERTS], ids=lambda file: file.name)
def test_dashboard_and_alerts_ask_for_nothing_that_is_not_told(file):
    suffixes = {"gauge": ("",), "counter": ("",), "histogram": ("_bucket", "_sum", "_count")}
    told = {
        name + suffix: {*labels, *["le"] * (suffix == "_bucket")}
        for name, (kind, labels, _) in exported().items()
        for suffix in suffixes[kind]
    }
    asked = re.findall(r"\b(videocraft_\w+)(?:\{(.*?)\})?", " ".join(expressions(file)))
    assert asked
    for name, selector in asked:
        assert name in told
        assert set(re.findall(r"(\w+) *(?:=~|!~|!=|=)", selector)) <= told[name], name


def expressions(file):
    if file == ALERTS:
        rules = yaml.safe_load(file.read_text())["groups"][0]["rules"]
        assert all(rule["alert"] and rule["annotations"]["summary"] for rule in rules)
        return [rule["expr"] for rule in rules]
    panels = json.loads(file.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]
