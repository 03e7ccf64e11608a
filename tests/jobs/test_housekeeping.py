"""Rescue: a job whose worker is gone is found and moved on; one whose worker lives is left alone."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from jobs.housekeeping import rescue, stored_prefix, work_dir
from jobs.identity import WorkerIdentity, realm, started_ticks
from jobs.models import Job
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db


def dead_worker():
    """Return the identity of a process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = WorkerIdentity("here", child.pid, started_ticks(child.pid), None, realm())
    child.communicate()
    return identity


def claimed(user, worker, **fields):
    make_job(user, **fields)
    return Job.objects.claim(worker)


def overdue(job):
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_a_job_of_a_dead_process_of_this_host_is_rescued_at_once_and_charged(user):
    job = claimed(user, dead_worker())
    assert rescue(contact_s=0) == 1
    job.refresh_from_db()
    assert (job.status, job.failures, job.error["code"]) == ("pending", 1, "WORKER_LOST")
    assert job.attempts.get().outcome == "lost"
    assert Job.objects.claim(WorkerIdentity.current()).attempt == 2


def test_a_job_of_a_living_process_is_left_alone(user):
    job = claimed(user, WorkerIdentity.current())
    assert rescue(contact_s=3600) == 0
    job.refresh_from_db()
    assert job.status == "processing"


def test_a_later_process_with_the_same_pid_is_another(user):
    claimed(user, WorkerIdentity("here", os.getpid(), started_ticks(os.getpid()) - 1, None, realm()))
    assert rescue(contact_s=0) == 1


def test_a_pid_of_another_host_means_nothing_here(user):
    worker = dead_worker()
    claimed(user, WorkerIdentity("here", worker.pid, worker.started_ticks, None, "another boot"))
    assert rescue(contact_s=3600) == 0


def test_a_job_of_another_host_is_rescued_when_its_lease_is_over(user):
    job = claimed(user, WorkerIdentity("there", 1, 1, None, "another boot"))
    overdue(job)
    assert rescue(contact_s=31) == 1
    job.refresh_from_db()
    assert job.status == "pending"


def test_after_an_outage_nobody_is_given_up_before_he_could_have_beaten(user):
    overdue(claimed(user, WorkerIdentity("there", 1, 1, None, "another boot")))
    assert rescue(contact_s=29) == 0


def test_a_job_that_kills_its_workers_fails_when_its_budget_is_spent(user):
    job = make_job(user, max_attempts=3)
    for _ in range(3):
        assert Job.objects.claim(dead_worker()) is not None
        assert rescue(contact_s=0) == 1
    job.refresh_from_db()
    assert (job.status, job.attempt, job.error["code"]) == ("failed", 3, "WORKER_LOST")
    assert Job.objects.claim(dead_worker()) is None


def test_a_cancelled_job_of_a_dead_worker_is_cancelled(user):
    job = claimed(user, dead_worker())
    Job.objects.cancel(job.pk)
    assert rescue(contact_s=0) == 1
    job.refresh_from_db()
    assert job.status == "cancelled"


def test_what_the_lost_attempt_left_behind_is_removed(user):
    job = claimed(user, dead_worker())
    left = work_dir() / f"{job.pk}-{job.attempt}-abc" / "film.mp4"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a film")
    suffixes = ("mp4", "jpg", "srt", "vtt", "ass", "json")
    stored = [default_storage.save(f"{stored_prefix(job)}-0.{each}", ContentFile(b"a file")) for each in suffixes]
    rescue(contact_s=0)
    assert not left.parent.exists()
    assert not any(default_storage.exists(name) for name in stored)
