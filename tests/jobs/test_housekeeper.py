"""The housekeeper: it beats, sees when jobs starve, cleans a little at a time, and trusts no break it slept through."""

import os
import time
import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from jobs import housekeeper as module
from jobs.housekeeper import ClusterFacts, Contact, Housekeeper, Hunger, Usage
from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS, WorkerLabels
from jobs.models import Cluster, EventKind, Job, JobEvent, Total
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db
CLUSTER = uuid.uuid4()


@pytest.fixture
def keeper():
    return Housekeeper(ClusterFacts(CLUSTER, "here", os.getpid(), 2))


def test_it_says_that_its_cluster_lives_and_what_that_uses(keeper):
    assert not keeper.turn()
    row = Cluster.objects.get(pk=CLUSTER)
    assert (row.host, row.pid, row.workers) == ("here", os.getpid(), 2)
    assert row.memory_bytes > 10 * 1024**2
    assert timezone.now() - row.heartbeat_at < timedelta(seconds=5)


def test_it_takes_its_cluster_off_the_list_when_it_leaves(keeper):
    keeper.turn()
    keeper.leave()
    assert not Cluster.objects.exists()


def test_it_counts_what_has_happened_and_a_backlog_in_batches(keeper, user, monkeypatch):
    monkeypatch.setattr("jobs.counting.BATCH", 2)
    for _ in range(5):
        JobEvent.objects.tell(make_job(user).pk, 0, EventKind.QUEUED)
    keeper.count()
    assert Total.objects.get(name="jobs_submitted").value == 5


def test_a_job_that_waits_beside_a_free_worker_is_noticed(user, monkeypatch):
    monkeypatch.setattr(module, "STARVED", timedelta(0))
    make_job(user)
    assert Hunger(CLUSTER, slots=1).look()


def test_a_job_that_has_not_waited_for_long_starves_nobody(user):
    make_job(user)
    hunger = Hunger(CLUSTER, slots=1)
    assert not hunger.look()
    assert not hunger.look()


@pytest.mark.parametrize(("labels", "starves"), [(NO_LABELS, False), (WorkerLabels(("gpu",)), True)])
def test_a_job_starves_only_beside_a_worker_that_may_take_it(user, monkeypatch, labels, starves):
    monkeypatch.setattr(module, "STARVED", timedelta(0))
    make_job(user, labels=["gpu"])
    assert Hunger(CLUSTER, 1, labels).look() == starves


def test_it_says_which_labels_its_workers_have():
    Housekeeper(ClusterFacts(CLUSTER, "here", os.getpid(), 2, WorkerLabels(("big", "gpu"), are_dedicated=True))).turn()
    row = Cluster.objects.get(pk=CLUSTER)
    assert (row.labels, row.is_dedicated) == (["big", "gpu"], True)


@pytest.mark.parametrize("why", ["nothing is due", "every worker is busy"])
def test_nobody_starves_when(user, monkeypatch, why):
    monkeypatch.setattr(module, "STARVED", timedelta(0))
    hour = timezone.now() + timedelta(hours=1)
    make_job(user, run_after=hour if why == "nothing is due" else timezone.now())
    if why == "every worker is busy":
        make_job(user, status="processing", cluster=CLUSTER)
    assert not Hunger(CLUSTER, slots=1).look()


def test_a_queue_that_moves_starves_nobody_however_long_it_is(user, monkeypatch):
    monkeypatch.setattr(module, "STARVED", timedelta(seconds=0.1))
    hunger = Hunger(CLUSTER, slots=100)
    for _ in range(5):
        make_job(user)
    for _ in range(4):
        assert not hunger.look()
        time.sleep(0.04)
        Job.objects.claim(WorkerIdentity("there", 1, 1))


def test_contact_grows_with_the_databases_clock():
    contact = Contact()
    assert contact.look() == 0
    time.sleep(0.05)
    assert 0.05 <= contact.look() < 2


def test_contact_begins_anew_after_a_lost_connection():
    contact = Contact()
    contact.look()
    time.sleep(0.02)
    contact.lose()
    assert contact.look() == 0


def test_contact_begins_anew_after_a_break_in_which_nobody_looked(settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_lease": timedelta(seconds=0.1)})
    contact = Contact()
    contact.look()
    time.sleep(0.06)
    assert contact.look() == 0


def test_a_database_that_is_away_is_waited_for(keeper, monkeypatch):
    keeper.turn()

    def away(*args, **options):
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(module, "rescue", away)
        patch.setattr(connection, "close", lambda: None)  # the test's transaction lives in it
        assert not keeper.turn()
    assert keeper.contact.look() == 0
    assert not keeper.turn()


def test_the_processors_use_is_that_of_the_whole_family(monkeypatch):
    monkeypatch.setattr(module, "_MEASURE_S", 0)
    usage = Usage(os.getpid())
    usage.measure()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    usage.measure()
    assert 20 < usage.cpu_percent < 150


def test_cleaning_is_done_in_steps_and_again_after_the_interval(keeper, monkeypatch):
    steps = iter(range(100))
    monkeypatch.setattr(module, "clean", lambda: (next(steps) for _ in range(2)))
    keeper.clean_a_little()
    assert keeper.is_cleaning
    keeper.clean_a_little()
    keeper.clean_a_little()
    assert not keeper.is_cleaning
    keeper.clean_a_little()
    assert next(steps) == 2
    keeper._clean_at = time.monotonic()
    keeper.clean_a_little()
    assert next(steps) == 4


def test_a_cleaning_that_breaks_off_is_done_again_at_its_time(keeper, monkeypatch):
    def broken():
        yield 1
        raise RuntimeError("a storage has its own exceptions")

    monkeypatch.setattr(module, "clean", broken)
    keeper.clean_a_little()
    keeper.clean_a_little()
    assert not keeper.is_cleaning
    assert keeper._clean_at > time.monotonic()
