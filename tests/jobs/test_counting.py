"""What happened is counted once, exactly, and stays counted when jobs are deleted."""

import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from jobs import counting
from jobs.cleaning import expired_jobs
from jobs.identity import WorkerIdentity
from jobs.models import EventKind, Job, JobAttempt, JobEvent, Total
from media_services.errors import ErrorCode
from tests.jobs.factories import make_job, make_step

WORKER = WorkerIdentity("here", 7, 1)
GONE = {"code": ErrorCode.DOWNLOAD_FAILED, "message": "gone", "retryable": True}
STAGES = {"fetching": 0.5, "rendering": 7.25}


def queued(user, **fields):
    job = make_job(user, **fields)
    JobEvent.objects.tell(job.pk, 0, EventKind.QUEUED)
    return job


def claimed(user, **fields):
    queued(user, **fields)
    return Job.objects.claim(WORKER)


def completed(user, **fields):
    job = claimed(user, **fields)
    Job.objects.complete(job, [], [], stage_seconds=STAGES)
    return job


def found(name, **labels):
    return sum(value for total, of, value in counting.totals() if total == name and of == labels)


@pytest.fixture
def figures():
    return lambda: sorted((name, tuple(sorted(labels.items())), value) for name, labels, value in counting.totals())


@pytest.mark.django_db
def test_each_end_of_a_job_and_of_an_attempt_is_counted(user):
    completed(user)
    job = claimed(user)
    Job.objects.fail(job, GONE)
    Job.objects.filter(pk=job.pk).update(run_after=timezone.now())
    Job.objects.fail(Job.objects.claim(WORKER), GONE | {"retryable": False})
    Job.objects.release(claimed(user))
    Job.objects.lose(Job.objects.claim(WORKER), if_lease_is_over=False)
    Job.objects.cancel(queued(user).pk)
    assert found("jobs_submitted") == 4
    assert [found("jobs_finished", outcome=outcome) for outcome in ("completed", "failed", "cancelled")] == [1, 1, 1]
    outcomes = ("completed", "failed", "retried", "released", "lost", "cancelled")
    assert [found("attempts", outcome=outcome) for outcome in outcomes] == [1, 1, 1, 1, 1, 0]
    assert (found("retries", code="DOWNLOAD_FAILED"), found("retries", code="WORKER_LOST")) == (1, 1)
    assert found("job_failures", code="DOWNLOAD_FAILED") == 1


@pytest.mark.django_db
def test_counting_changes_no_figure_and_counts_nothing_twice(user, figures):
    completed(user)
    make_step(claimed(user))
    before = figures()
    assert counting.count(counting.BATCH) == 5
    assert figures() == before
    assert counting.count(counting.BATCH) == 0
    assert figures() == before


@pytest.mark.django_db
def test_times_fall_into_the_bucket_that_holds_them(user):
    completed(user)
    assert found("stage_seconds_bucket", stage="fetching", le="0.5") == 1
    assert found("stage_seconds_bucket", stage="rendering", le="10") == 1
    assert found("stage_seconds_sum", stage="rendering") == Decimal("7.25")


@pytest.mark.django_db
def test_what_takes_longer_than_the_last_bound_is_counted_as_well(user):
    Job.objects.complete(claimed(user), [], [], stage_seconds={"rendering": 3600.001})
    assert found("stage_seconds_bucket", stage="rendering", le="+Inf") == 1


@pytest.mark.django_db
def test_a_job_waits_from_when_it_was_both_pending_and_due(user):
    now = timezone.now()
    claimed(user, run_after=now - timedelta(seconds=40), updated_at=now - timedelta(seconds=200))
    assert 40 <= found("queue_wait_seconds_sum") < 50


@pytest.mark.django_db
def test_a_job_takes_from_its_first_claim_since_a_person_asked_for_a_retry(user):
    job = claimed(user)
    Job.objects.fail(job, GONE | {"retryable": False})
    JobEvent.objects.filter(kind=EventKind.CLAIMED).update(at=timezone.now() - timedelta(seconds=100))
    Job.objects.retry(job.pk)
    Job.objects.complete(Job.objects.claim(WORKER), [], [])
    assert found("job_seconds_sum", outcome="failed") > 90
    assert found("job_seconds_sum", outcome="completed") < 10


@pytest.mark.django_db
def test_a_job_that_was_never_claimed_took_no_time(user):
    Job.objects.cancel(queued(user).pk)
    assert not [name for name, _, _ in counting.totals() if name.startswith("job_seconds")]


@pytest.mark.django_db
def test_the_steps_of_an_attempt_count_when_it_ends(user):
    job = claimed(user)
    make_step(job, task="segment", outcome="kept", seconds=0.25)
    make_step(job, task="fetch", outcome="made", seconds=2, size_bytes=1000)
    make_step(job, task="fetch", outcome="made", seconds=1, size_bytes=24)
    assert found("steps", task="fetch", outcome="made") == 0
    Job.objects.complete(job, [], [])
    assert found("steps", task="fetch", outcome="made") == 2
    assert found("step_seconds", task="fetch", outcome="made") == 3
    assert found("steps", task="segment", outcome="kept") == 1
    assert found("fetched_bytes", outcome="made") == 1024


@pytest.mark.django_db
def test_cleaning_a_job_away_changes_no_figure(user, figures):
    job = completed(user)
    JobAttempt.objects.filter(job=job).update(memory_peak_bytes=1)
    before = figures()
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=30))
    assert list(expired_jobs()) == [1]
    assert not JobEvent.objects.exists()
    assert figures() == before


@pytest.mark.django_db
def test_a_batch_is_no_larger_than_asked_for(user):
    completed(user)
    assert [counting.count(2), counting.count(2), counting.count(2)] == [2, 1, 0]


@pytest.mark.django_db
def test_what_has_no_event_is_counted_by_being_noted(user):
    Total.objects.note("fenced_attempts")
    Total.objects.note("fenced_attempts")
    assert found("fenced_attempts") == 2


@pytest.mark.django_db(transaction=True)
def test_what_another_process_counts_at_the_moment_is_neither_waited_for_nor_counted_twice(user, figures):
    completed(user)
    before = figures()
    counted = []

    def elsewhere():
        counted.append(counting.count(counting.BATCH))
        counted.append(figures())
        connection.close()

    with transaction.atomic():
        assert counting.count(counting.BATCH) == 3
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join(20)
    assert counted == [0, before]
    assert figures() == before
    assert Total.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_cleaning_waits_for_who_counts_what_it_deletes_and_counts_the_rest(user, figures):
    job = completed(user)
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=30))
    before = figures()

    def clean():
        list(expired_jobs())
        connection.close()

    cleaning = threading.Thread(target=clean)
    with transaction.atomic():
        assert counting.count(2) == 2
        cleaning.start()
        while not is_somebody_waiting():
            assert cleaning.is_alive()
            time.sleep(0.01)
    cleaning.join(20)
    assert not Job.objects.exists()
    assert figures() == before


def is_somebody_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def test_a_user_who_is_deleted_takes_nothing_from_the_totals(user):
    completed(user)
    before = list(counting.totals())
    user.delete()
    assert before
    assert sorted(counting.totals(), key=repr) == sorted(before, key=repr)
