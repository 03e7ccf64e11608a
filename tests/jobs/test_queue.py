"""Submitting: bounded exactly, refused as a whole, announced with the commit."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, connections, transaction

from jobs.models import DUE_CHANNEL, Job
from jobs.queue import QueueFull, Submission, submit
from media_services.errors import DocumentError
from tests.jobs.factories import DOCUMENT, make_asset, make_job


@pytest.fixture
def bound(settings):
    def set_bound(size):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_queue_size": size})

    return set_bound


@pytest.mark.django_db
def test_a_submitted_job_waits_with_its_document_as_it_was_posted(user):
    job = submit(user, Submission(DOCUMENT, priority=3, client_data={"a": 1})).job
    job.refresh_from_db()
    assert (job.status, job.config, job.priority, job.client_data) == ("pending", DOCUMENT, 3, {"a": 1})


@pytest.mark.django_db
def test_a_full_queue_refuses_and_processing_jobs_do_not_count(user, bound):
    bound(2)
    make_job(user, status="processing")
    submit(user, Submission(DOCUMENT))
    submit(user, Submission(DOCUMENT))
    with pytest.raises(QueueFull):
        submit(user, Submission(DOCUMENT))
    assert Job.objects.filter(status="pending").count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_bound_is_exact_when_many_submit_at_once(user, bound):
    bound(10)

    def attempt(_):
        try:
            submit(user, Submission(DOCUMENT))
        except QueueFull:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(attempt, range(40)))
    assert accepted == Job.objects.count() == 10


@pytest.mark.django_db
def test_a_wrong_document_leaves_no_job(user):
    with pytest.raises(DocumentError):
        submit(user, Submission([{"scenes": [{"elements": [{"type": "image"}]}]}]))
    assert not Job.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("whose", ["mine", "another's", "nobody's", "nonsense"])
def test_only_my_own_assets_are_sources(user, other_user, whose):
    owned = {"mine": user, "another's": other_user}.get(whose)
    asset = make_asset(owned).pk if owned else {"nobody's": "0" * 32, "nonsense": "../x"}[whose]
    document = [{"scenes": [{"elements": [{"type": "audio", "src": f"asset:{asset}"}]}]}]
    if whose == "mine":
        assert submit(user, Submission(document))
        return
    with pytest.raises(DocumentError) as caught:
        submit(user, Submission(document))
    assert [problem.path for problem in caught.value.problems] == ["/0/scenes/0/elements/0/src"]


@pytest.mark.django_db(transaction=True)
def test_a_job_is_announced_when_it_is_committed_and_not_when_it_is_rolled_back(user):
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {DUE_CHANNEL}")

        def announced():
            return len(list(listener.notifies(timeout=0.2)))

        with transaction.atomic():
            submit(user, Submission(DOCUMENT))
            transaction.set_rollback(True)
        assert announced() == 0
        submit(user, Submission(DOCUMENT))
        assert announced() == 1
