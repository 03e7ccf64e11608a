"""Waking: one token while a job is due and a worker free, soon, and none otherwise."""

import threading
import time
import uuid

import pytest
from django.db import connection, connections
from django.utils import timezone
from django_q.signing import SignedPackage

from jobs.broker import JobBroker
from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS, WorkerLabels
from jobs.models import Job
from jobs.queue import Submission, submit
from tests.jobs.factories import DOCUMENT, make_job

pytestmark = pytest.mark.django_db(transaction=True)
CLUSTER = uuid.uuid4()


@pytest.fixture
def broker():
    JobBroker.start_for(CLUSTER, slots=1)
    yield JobBroker()
    JobBroker.labels = NO_LABELS


def test_a_due_job_gives_one_token_that_carries_nothing(broker, user):
    make_job(user)
    ((ack, token),) = broker.dequeue()
    task = SignedPackage.loads(token)
    assert (ack, task["func"], task["args"], task["save"]) == (None, "jobs.worker.run_due_jobs", (), False)


def test_without_a_due_job_it_waits_about_a_second(broker, user):
    make_job(user, run_after=timezone.now() + timezone.timedelta(hours=1))
    began = time.monotonic()
    assert broker.dequeue() is None
    assert 0.8 < time.monotonic() - began < 3


def test_no_token_is_sent_while_every_worker_is_busy(broker, user):
    make_job(user)
    make_job(user)
    Job.objects.claim(WorkerIdentity("here", 1, 1, CLUSTER))
    assert broker.dequeue() is None


def test_the_jobs_of_another_cluster_do_not_count(broker, user):
    make_job(user)
    make_job(user)
    Job.objects.claim(WorkerIdentity("there", 1, 1, uuid.uuid4()))
    assert broker.dequeue()


def test_a_job_that_asks_for_what_its_workers_do_not_have_gives_no_token(broker, user):
    make_job(user, labels=["gpu"])
    assert broker.dequeue() is None
    JobBroker.start_for(CLUSTER, slots=1, labels=WorkerLabels(("gpu",)))
    assert broker.dequeue()


def test_a_job_without_labels_gives_dedicated_workers_no_token(broker, user):
    JobBroker.start_for(CLUSTER, slots=1, labels=WorkerLabels(("gpu",), are_dedicated=True))
    make_job(user)
    assert broker.dequeue() is None
    make_job(user, labels=["gpu"])
    assert broker.dequeue()


def test_a_job_submitted_meanwhile_wakes_it(broker, user):
    def post():
        time.sleep(0.2)
        submit(user, Submission(DOCUMENT))
        connections.close_all()

    broker.dequeue()
    thread = threading.Thread(target=post)
    thread.start()
    began = time.monotonic()
    while not broker.dequeue():
        assert time.monotonic() - began < 5
    assert time.monotonic() - began < 0.9
    thread.join()


def test_a_planned_job_wakes_it_when_it_is_due(broker, user):
    make_job(user, run_after=timezone.now() + timezone.timedelta(seconds=0.3))
    assert broker.dequeue() is None
    assert broker.dequeue()


def test_it_outlives_a_lost_connection(broker, user):
    broker.dequeue()
    connection.connection.close()
    make_job_elsewhere(user)
    assert any(broker.dequeue() for _ in range(5))


def make_job_elsewhere(user):
    thread = threading.Thread(target=lambda: (make_job(user), connections.close_all()))
    thread.start()
    thread.join()


def test_it_goes_on_asking_however_long_no_worker_answers(broker, user):
    make_job(user)
    broker._unanswered = 5000
    assert broker.dequeue()
