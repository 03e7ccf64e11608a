"""How fast may be asked: buckets that refill continuously, for each user, and for each address of wrong tokens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import F
from django.test import Client

from jobs import limits
from jobs.limits import RateExceeded
from jobs.models import OwnerQuota, RateBucket, Rendered, Scope
from jobs.rate import Rate
from tests import media
from tests.jobs.api.answers import refusal
from tests.jobs.factories import DOCUMENT, make_asset, make_job, make_token

WRONG = {"Authorization": f"Bearer {'0' * 64}"}


def told(answer):
    return tuple(int(answer[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))


def let_pass(seconds):
    RateBucket.objects.update(full_at=F("full_at") - timedelta(seconds=seconds))


def post(api):
    return api.post("/api/v1/jobs", DOCUMENT, content_type="application/json")


def test_every_answer_says_what_is_left_until_nothing_is(api, configure):
    configure(rate_limit=Rate(3, 60))
    assert [told(api.get("/api/v1/jobs")) for _ in range(2)] == [(3, 2, 20), (3, 1, 40)]
    assert told(api.get("/api/v1/jobs/nonsense")) == (3, 0, 60)
    refused = api.get("/api/v1/jobs")
    assert refusal(refused) == (429, "RATE_LIMIT_EXCEEDED")
    assert (told(refused), refused["Retry-After"]) == ((3, 0, 60), "20")


def test_the_bucket_refills_by_and_by(api, configure):
    configure(rate_limit=Rate(3, 60))
    for _ in range(5):
        api.get("/api/v1/jobs")
    let_pass(20)
    assert [api.get("/api/v1/jobs").status_code for _ in range(2)] == [200, 429]
    let_pass(3600)
    assert told(api.get("/api/v1/jobs")) == (3, 2, 20)


def test_creating_jobs_has_a_limit_of_its_own(api, user, configure):
    configure(rate_limit=Rate(2, 60), rate_limit_jobs=Rate(1, 60))
    job = make_job(user, status="failed")
    assert told(post(api)) == (1, 0, 60)
    for path in ("jobs", "videos", "generate-video", "jobs/validate", f"jobs/{job.pk}/retry"):
        assert refusal(api.post(f"/api/v1/{path}", DOCUMENT, content_type="application/json"))[0] == 429
    assert told(api.get("/api/v1/jobs")) == (2, 1, 30)


def test_tokens_of_one_user_share_and_users_do_not(api, user, other_api, configure):
    configure(rate_limit=Rate(1, 60))
    other = Client(headers={"Authorization": f"Bearer {make_token(user)}"})
    assert [client.get("/api/v1/jobs").status_code for client in (api, other, other_api)] == [200, 429, 200]


def test_what_a_token_may_not_do_counts_as_well(user, configure):
    configure(rate_limit_jobs=Rate(1, 60))
    reader = Client(headers={"Authorization": f"Bearer {make_token(user, scope=Scope.READ)}"})
    assert [post(reader).status_code for _ in range(2)] == [403, 429]


@pytest.mark.django_db
def test_a_limit_of_another_period_begins_anew():
    for _ in range(500):
        limits.take("requests:1", Rate.parse("1000/d"))
    assert limits.take("requests:1", Rate.parse("600/m")).until_full_s == pytest.approx(0.1)


def test_without_a_limit_nothing_is_said_or_kept(api):
    assert "X-RateLimit-Limit" not in api.get("/api/v1/jobs")
    assert not RateBucket.objects.exists()


def test_the_health_of_the_service_may_be_asked_for_at_will(anonymous, configure):
    configure(rate_limit=Rate(1, 60), rate_limit_failures=Rate(1, 60))
    assert [anonymous.get("/health", headers=WRONG).status_code for _ in range(3)] == [200] * 3


def test_an_address_that_guesses_is_not_told_whether_a_token_is_right(anonymous, api, configure):
    configure(rate_limit_failures=Rate(3, 60))
    answers = [refusal(anonymous.get("/api/v1/jobs", headers=WRONG)) for _ in range(4)]
    assert answers == [(401, "INVALID_API_KEY")] * 3 + [(429, "RATE_LIMIT_EXCEEDED")]
    refused = api.get("/api/v1/jobs")
    assert (refusal(refused)[0], refused["Retry-After"]) == (429, "20")
    let_pass(20)
    assert api.get("/api/v1/jobs").status_code == 200


def test_another_address_is_not_held_up(anonymous, api, configure):
    configure(rate_limit_failures=Rate(1, 60))
    for _ in range(3):
        anonymous.get("/api/v1/jobs", headers=WRONG, REMOTE_ADDR="198.51.100.7")
    assert api.get("/api/v1/jobs").status_code == 200


def test_malformed_tokens_are_guesses_and_no_token_is_none(anonymous, configure):
    configure(rate_limit_failures=Rate(1, 60))
    statuses = [anonymous.get("/api/v1/jobs").status_code for _ in range(3)]
    statuses += [anonymous.get("/api/v1/jobs", headers={"Authorization": "Bearer ?"}).status_code for _ in range(2)]
    assert statuses == [401, 401, 401, 401, 429]


@pytest.mark.django_db(transaction=True)
def test_no_more_are_let_through_when_many_come_at_once():
    def attempt(_):
        try:
            limits.take("somebody", Rate(10, 3600))
        except RateExceeded:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == 10


def test_a_queue_that_is_full_for_its_owner_says_so(api, user):
    OwnerQuota.objects.create(user=user, queued_jobs=1)
    post(api)
    refused = post(api)
    assert refusal(refused) == (429, "QUOTA_EXCEEDED")
    assert refused.json()["details"] == {"quota": "queued-jobs", "used": 1, "limit": 1, "refills_at": None}
    assert "Retry-After" not in refused


def test_minutes_that_are_used_up_come_back_at_a_stated_time(api, user):
    OwnerQuota.objects.create(user=user, minutes_per_day=2)
    Rendered.objects.create(owner=user, duration_ms=150_000)
    refused = post(api)
    details = refused.json()["details"]
    assert (details["quota"], details["used"], details["limit"]) == ("minutes-per-day", 2.5, 2)
    assert 24 * 3600 - 10 < int(refused["Retry-After"]) <= 24 * 3600


def test_an_upload_beyond_what_may_be_stored_leaves_nothing(api, user, media_root):
    OwnerQuota.objects.create(user=user, stored_bytes=100)
    make_asset(user, size_bytes=99)
    before = sorted(media_root.rglob("*"))
    answer = api.post("/api/v1/assets", media.picture().read_bytes(), content_type="application/octet-stream")
    assert refusal(answer) == (429, "QUOTA_EXCEEDED")
    assert answer.json()["details"]["quota"] == "stored-bytes"
    assert sorted(media_root.rglob("*")) == before
    assert user.assets.count() == 1
