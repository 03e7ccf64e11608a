"""Pausing the queue: nothing is claimed meanwhile, what runs goes on, nobody starves, and it is said who did it."""

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction
from django.test import Client

from jobs import housekeeper
from jobs.broker import JobBroker
from jobs.housekeeper import Hunger
from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS
from jobs.metrics import measure
from jobs.models import Job, JobStatus, QueuePause, scheduling
from tests.jobs.factories import make_cluster, make_job

ME = WorkerIdentity("here", 1, 1)
OVERVIEW = "/admin/jobs/overview/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff):
    client = Client()
    client.force_login(staff)
    return client


def test_nothing_is_claimed_while_the_queue_is_paused(user):
    job = make_job(user)
    assert QueuePause.objects.pause("ann")
    assert Job.objects.claim(ME) is None
    assert Job.objects.next_due() is None
    assert QueuePause.objects.resume()
    assert Job.objects.claim(ME).pk == job.pk


def test_a_running_job_goes_on_and_ends_while_the_queue_is_paused(user):
    make_job(user)
    job = Job.objects.claim(ME)
    QueuePause.objects.pause("ann")
    assert Job.objects.beat(job, stage="rendering", progress=50)
    assert Job.objects.complete(job, [], [])


def test_pausing_twice_and_resuming_twice_happen_once():
    assert [QueuePause.objects.pause("ann"), QueuePause.objects.pause("bob")] == [True, False]
    assert QueuePause.objects.get().paused_by == "ann"
    assert [QueuePause.objects.resume(), QueuePause.objects.resume()] == [True, False]


def test_there_is_one_pause_at_most():
    with pytest.raises(IntegrityError), transaction.atomic():
        QueuePause.objects.create(pk=2, paused_by="ann")


def test_nobody_starves_while_the_queue_is_paused(user, monkeypatch):
    monkeypatch.setattr(housekeeper, "STARVED", timedelta(0))
    make_job(user)
    hunger = Hunger(uuid.uuid4(), slots=1)
    QueuePause.objects.pause("ann")
    assert not hunger.look()
    QueuePause.objects.resume()
    assert hunger.look()


def test_no_token_is_sent_while_the_queue_is_paused_but_for_helping(user, monkeypatch):
    monkeypatch.setattr(JobBroker, "cluster_id", uuid.uuid4())
    monkeypatch.setattr(JobBroker, "slots", 1)
    broker = JobBroker()
    make_job(user)
    QueuePause.objects.pause("ann")
    assert not broker._has_work()
    make_job(user, status="processing", open_pieces=5)
    assert broker._has_work()


def test_a_claim_looks_once_whether_the_queue_is_paused(user):
    make_job(user)
    QueuePause.objects.pause("ann")
    statement, known = scheduling.next_due(NO_LABELS)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS off, TIMING off) {statement}", known)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert len(re.findall("jobs_queuepause", plan)) == 1
    assert "One-Time Filter" in plan


def test_a_changed_priority_moves_a_pending_job_and_is_told(user):
    first, second = make_job(user), make_job(user)
    before = second.updated_at
    assert Job.objects.change_priority(second.pk, 3)
    second.refresh_from_db()
    assert (second.priority, second.updated_at) == (3, before)
    assert [(event.kind, event.data) for event in second.events.all()] == [("priority_changed", {"priority": 3})]
    assert [Job.objects.claim(ME).pk for _ in range(2)] == [second.pk, first.pk]


def test_the_same_priority_again_is_no_event(user):
    job = make_job(user, priority=3)
    assert Job.objects.change_priority(job.pk, 3)
    assert not job.events.exists()


@pytest.mark.parametrize("status", [status for status in JobStatus if status != "pending"])
def test_only_a_pending_job_gets_another_priority(user, status):
    job = make_job(user, status=status)
    assert not Job.objects.change_priority(job.pk, 3)
    assert not job.events.exists()


def test_the_figures_and_the_readiness_say_that_it_is_paused(client):
    make_cluster()
    assert measure()["queue_paused"] is False
    QueuePause.objects.pause("ann")
    assert measure()["queue_paused"] is True
    answer = client.get("/ready")
    assert "paused since" in answer.json()["checks"]["queue"]["message"]
    assert answer.json()["checks"]["queue"]["ok"]
    assert "ann" not in answer.content.decode()


def test_a_person_pauses_and_resumes_and_it_is_shown_who_did(browser, user, caplog):
    job = make_job(user)
    page = browser.post(f"{OVERVIEW}pause/", follow=True).content.decode()
    assert "Paused by root" in page
    assert "Resume the queue" in page
    assert "the queue was paused by root" in caplog.text
    for url in ("/admin/jobs/job/", f"/admin/jobs/job/{job.pk}/change/"):
        assert "is paused by root" in browser.get(url).content.decode()
    assert "Pause the queue" in browser.post(f"{OVERVIEW}resume/", follow=True).content.decode()
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Paused.", "Resumed."]


def test_pausing_what_is_paused_is_said_and_changes_nothing(browser):
    QueuePause.objects.pause("ann")
    response = browser.post(f"{OVERVIEW}pause/", follow=True)
    assert [str(message) for message in response.context["messages"]] == ["The queue was paused already."]
    assert QueuePause.objects.get().paused_by == "ann"
    assert not LogEntry.objects.exists()


def test_the_queue_is_paused_by_post_and_by_who_may(browser, django_user_model, user):
    assert browser.get(f"{OVERVIEW}pause/").status_code == 405
    clerk = Client()
    django_user_model.objects.filter(pk=user.pk).update(is_staff=True)
    clerk.force_login(user)
    assert clerk.post(f"{OVERVIEW}pause/").status_code == 403
    assert not QueuePause.objects.exists()
