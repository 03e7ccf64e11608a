"""What an owner may have: counted exactly, refused in words, and nobody else's business."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from jobs.models import Job, OwnerQuota, Rendered, Video
from jobs.queue import Submission, retry, submit
from jobs.quotas import QuotaExceeded, quotas_of, rendered_ms
from tests.jobs.factories import DOCUMENT, make_asset, make_job, make_video

pytestmark = pytest.mark.django_db


@pytest.fixture
def quota(settings):
    def set_quota(**quotas):
        named = {f"quota_{name}": value for name, value in quotas.items()}
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update=named)

    return set_quota


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def refusal_of(owner):
    with pytest.raises(QuotaExceeded) as caught:
        submit(owner, Submission(DOCUMENT))
    return caught.value


def test_without_quotas_nothing_is_refused(user):
    Rendered.objects.create(owner=user, duration_ms=10**9)
    assert submit(user, Submission(DOCUMENT))


def test_an_owners_own_quotas_count_before_those_of_the_settings(user, quota):
    quota(queued_jobs=5, stored_bytes=7)
    OwnerQuota.objects.create(user=user, queued_jobs=0, minutes_per_day=3)
    quotas = quotas_of(user)
    assert (quotas.queued_jobs, quotas.stored_bytes, quotas.minutes_per_day) == (0, 7, 3)


def test_the_queue_of_one_owner_is_bounded_and_that_of_another_is_not(user, other_user, quota):
    quota(queued_jobs=2)
    make_job(user, status="processing")
    for _ in range(2):
        submit(user, Submission(DOCUMENT))
    refused = refusal_of(user)
    assert (refused.quota, refused.used, refused.limit, refused.refills_at) == ("queued_jobs", 2, 2, None)
    assert submit(other_user, Submission(DOCUMENT))


def test_a_job_is_not_retried_into_a_queue_that_is_full(user, quota):
    quota(queued_jobs=1)
    failed = make_job(user, status="failed")
    waiting = make_job(user)
    with pytest.raises(QuotaExceeded):
        retry(failed)
    Job.objects.cancel(waiting.pk)
    assert retry(failed)
    assert not retry(failed)


def test_bytes_of_uploads_and_films_are_counted_together(user, quota):
    quota(stored_bytes=100)
    make_asset(user, size_bytes=60)
    assert submit(user, Submission(DOCUMENT))
    make_video(make_job(user, status="completed"), size_bytes=40)
    assert (refusal_of(user).quota, refusal_of(user).used) == ("stored_bytes", 100)


def test_minutes_are_those_of_the_last_24_hours_and_come_back_by_themselves(user, quota):
    quota(minutes_per_day=10)
    now = timezone.now()
    for hours, minutes in ((25, 100), (20, 3), (10, 4), (1, 5)):
        Rendered.objects.create(owner=user, at=now - timedelta(hours=hours), duration_ms=minutes * 60_000)
    refused = refusal_of(user)
    assert (refused.quota, refused.used) == ("minutes_per_day", 12)
    assert refused.refills_at == now + timedelta(hours=4)
    Rendered.objects.filter(duration_ms=180_000).delete()
    assert submit(user, Submission(DOCUMENT))


def test_a_completed_job_counts_its_films_and_deleting_them_gives_nothing_back(user):
    job = make_job(user, status="processing")
    video = Video(job=job, owner=user, project=0, width=2, height=2, frames=1, duration_ms=1500, size_bytes=1)
    Job.objects.complete(job, [video], [])
    Job.objects.all().delete()
    assert rendered_ms(user) == 1500


@pytest.mark.django_db(transaction=True)
def test_the_queue_of_an_owner_is_exact_when_he_submits_many_at_once(user, quota):
    quota(queued_jobs=5)

    def attempt(_):
        try:
            submit(user, Submission(DOCUMENT))
        except QuotaExceeded:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(attempt, range(24)))
    assert accepted == Job.objects.count() == 5
