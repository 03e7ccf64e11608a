"""A host whose clock is wrong claims, holds and gives up jobs like any other, for leases go by the database's clock."""

import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.housekeeping import rescue
from jobs.identity import WorkerIdentity
from jobs.models import Job
from tests.jobs.factories import make_job

ELSEWHERE = WorkerIdentity("elsewhere", 2, 2)
LONG_S = 10**6


@pytest.fixture(params=[-1, 1], ids=["late", "early"])
def wrong_clock(request, monkeypatch, user):
    """A job to be done, and a clock that is wrong by a day."""
    make_job(user)
    right, right_now, wrong_by = time.time, timezone.now, request.param * timedelta(days=1)
    monkeypatch.setattr(time, "time", lambda: right() + wrong_by.total_seconds())
    monkeypatch.setattr(timezone, "now", lambda: right_now() + wrong_by)


def ours_s(moment: datetime) -> float:
    """Return how far from now a time is by the database's clock, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM %s - clock_timestamp())", [moment])
        return float(cursor.fetchone()[0])


def test_a_job_is_claimed_and_held_for_a_lease(wrong_clock, settings):
    lease_s = settings.VIDEOCRAFT.job_lease.total_seconds()
    job = Job.objects.claim(ELSEWHERE)
    assert 0 < ours_s(job.lease_expires_at) <= lease_s
    assert Job.objects.beat(job, stage="rendering", progress=1)
    job.refresh_from_db()
    assert 0 < ours_s(job.lease_expires_at) <= lease_s


def test_nobody_is_given_up_whose_lease_is_not_over(wrong_clock):
    job = Job.objects.claim(ELSEWHERE)
    assert rescue(contact_s=LONG_S) == 0
    Job.objects.filter(pk=job.pk).update(lease_expires_at=job.heartbeat_at)
    assert rescue(contact_s=LONG_S) == 1


def test_a_job_that_failed_comes_back_after_its_delay(wrong_clock):
    job = Job.objects.claim(ELSEWHERE)
    assert Job.objects.fail(job, {"code": "INTERNAL_ERROR", "message": "failed", "retryable": True})
    job.refresh_from_db()
    assert 0 < ours_s(job.run_after) < 10
