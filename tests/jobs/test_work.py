"""What a job's child process asks for."""

from datetime import UTC, datetime

import pytest

from jobs.models import Job
from jobs.work import asking
from media_services.kept import Asking

POSTED_AT = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)


@pytest.mark.parametrize(("attempt", "failures"), [(1, 0), (2, 1), (7, 2)])
def test_what_was_fetched_since_the_job_was_posted_is_new_enough(attempt, failures):
    job = Job(owner_id=7, created_at=POSTED_AT, attempt=attempt, failures=failures)
    assert asking(job) == Asking("7", POSTED_AT.timestamp())


def test_a_job_that_a_person_retries_asks_the_servers_again():
    assert asking(Job(owner_id=7, created_at=POSTED_AT, attempt=2, failures=0)) == Asking("7", None)
