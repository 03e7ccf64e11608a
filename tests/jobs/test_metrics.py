"""Each figure, from rows that were made for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import metrics
from jobs.models import JobAttempt
from tests.jobs.factories import make_cluster, make_job

pytestmark = pytest.mark.django_db


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def finished(user, status="completed", *, seconds_ago=0, took_s=10, **fields):
    """Make a job that ended so long ago."""
    ended = ago(seconds_ago)
    started = ended - timedelta(seconds=took_s)
    return make_job(user, status=status, started_at=started, finished_at=ended, **fields)


def spent(job, number=1, **stage_seconds):
    """Say how long an attempt of a job spent in its stages."""
    JobAttempt.objects.update_or_create(job=job, number=number, defaults={"stage_seconds": stage_seconds})


def test_jobs_are_counted_by_their_status(user):
    for status, count in {"pending": 1, "processing": 2, "completed": 3, "failed": 4, "cancelled": 5}.items():
        for _ in range(count):
            make_job(user, status=status)
    found = metrics.measure()
    names = ("queue_size", "processing_jobs", "jobs_completed", "jobs_failed")
    assert [found[name] for name in names] == [1, 2, 3, 4]


def test_living_clusters_are_added_up_and_dead_ones_are_not(user):
    make_cluster(workers=2, memory_bytes=3 * 10**12, cpu_percent=150.5)
    make_cluster(workers=3, memory_bytes=10**9, cpu_percent=20, heartbeat_at=ago(25))
    make_cluster(workers=4, memory_bytes=1, cpu_percent=1, heartbeat_at=ago(31))
    found = metrics.measure()
    assert (found["active_workers"], found["memory_usage_bytes"]) == (5, 3_001_000_000_000)
    assert found["cpu_usage_percent"] == 170.5


@pytest.mark.parametrize(
    ("due_ago_s", "pending_ago_s", "expected_s"),
    [(60, 60, 60), (60, 20, 20), (20, 60, 20), (-60, 60, None)],
    ids=["since it was posted", "given back lately", "planned, and due by now", "planned for later"],
)
def test_the_oldest_pending_job_has_waited_since_it_was_both_pending_and_due(
    user, due_ago_s, pending_ago_s, expected_s
):
    make_job(user, run_after=ago(due_ago_s), updated_at=ago(pending_ago_s), created_at=ago(1000))
    age_s = metrics.measure()["oldest_pending_age_s"]
    assert age_s == (expected_s and pytest.approx(expected_s, abs=5))


def test_of_several_pending_jobs_the_one_that_waits_longest_counts(user):
    for seconds in (5, 300, 40):
        make_job(user, run_after=ago(seconds), updated_at=ago(seconds))
    make_job(user, status="processing", run_after=ago(900), updated_at=ago(900))
    assert metrics.measure()["oldest_pending_age_s"] == pytest.approx(300, abs=5)


def test_the_average_time_is_that_of_completed_jobs(user):
    finished(user, took_s=10)
    finished(user, took_s=25)
    finished(user, "failed", took_s=1000)
    finished(user, "cancelled", took_s=1000)
    assert metrics.measure()["average_job_time"] == pytest.approx(17.5)


def test_the_error_rate_leaves_cancelled_jobs_out(user):
    for status in ("completed", "completed", "completed", "failed", "cancelled", "cancelled"):
        make_job(user, status=status)
    assert metrics.measure()["error_rate_percent"] == 25


def test_the_retry_rate_is_the_share_of_finished_jobs_with_a_failed_attempt(user):
    for status, failures in (("completed", 0), ("completed", 2), ("failed", 3), ("cancelled", 0), ("pending", 1)):
        make_job(user, status=status, failures=failures)
    assert metrics.measure()["retry_rate_percent"] == 50


def test_rates_and_times_are_of_the_latest_jobs_and_counts_of_all(user, monkeypatch):
    monkeypatch.setattr(metrics, "LATEST", 2)
    spent(finished(user, "failed", seconds_ago=30, failures=1), fetching=100)
    spent(finished(user, seconds_ago=20, took_s=4), fetching=4)
    spent(finished(user, seconds_ago=10, took_s=6), fetching=6)
    found = metrics.measure()
    assert (found["jobs_completed"], found["jobs_failed"]) == (2, 1)
    assert (found["average_job_time"], found["error_rate_percent"], found["retry_rate_percent"]) == (5, 0, 0)
    assert found["stages"]["fetching"]["p50_s"] == 5


def test_the_percentiles_of_a_stage_are_over_all_attempts_that_came_to_it(user):
    for seconds in range(100):
        spent(finished(user), fetching=seconds, rendering=7.5)
    job = finished(user, attempt=2)
    spent(job, 1, fetching=100)
    spent(job, 2)
    spent(make_job(user, status="processing"), fetching=1000)
    stages = metrics.measure()["stages"]
    assert stages["fetching"] == {"p50_s": 50, "p95_s": 95}
    assert stages["rendering"] == {"p50_s": 7.5, "p95_s": 7.5}
    assert stages["storing"] == {"p50_s": None, "p95_s": None}
