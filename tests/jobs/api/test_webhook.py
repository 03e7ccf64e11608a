"""A job's webhook over the API: how it is asked for, what the job says of it, and telling it again."""

import json
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from jobs.models import Job, WebhookDelivery
from tests.jobs.api.answers import NOBODY, refusal
from tests.jobs.factories import DOCUMENT, make_delivery, make_job

URL = "https://hooks.example.com/films?key=secret"


def post(client, **envelope):
    body = json.dumps({"config": DOCUMENT, **envelope})
    return client.post("/api/v1/jobs", body, content_type="application/json")


def replay(client, job):
    return client.post(f"/api/v1/jobs/{job.pk}/webhook")


@pytest.mark.parametrize("url", [URL, "http://93.184.216.34:8080/", "https://münchen.example/ü"])
def test_a_job_can_be_posted_with_a_webhook_and_says_so(api, url):
    answer = post(api, **{"webhook-url": url})
    assert answer.status_code == 202
    assert answer.json()["webhook"]["status"] == "waiting"
    assert Job.objects.get().public_url == "http://testserver/"


def test_what_may_be_secret_in_its_address_is_kept_and_not_shown(api):
    shown = post(api, **{"webhook-url": URL}).json()["webhook"]
    assert Job.objects.get().webhook_url == URL
    assert shown == {
        "url": "https://hooks.example.com/films?…",
        "status": "waiting",
        "attempts": 0,
        "last_status": None,
    }


@pytest.mark.parametrize("envelope", [{}, {"webhook-url": None}])
def test_a_job_without_one_says_null(api, envelope):
    assert post(api, **envelope).json()["webhook"] is None


def test_the_lists_job_says_how_far_its_latest_end_was_told(api, user):
    job = make_job(user, status="failed")
    WebhookDelivery.objects.filter(pk=make_delivery(job).pk).update(
        status="delivered", tries=3, last_status=200, created_at=Now() - timedelta(hours=1)
    )
    make_delivery(job)
    (shown,) = api.get("/api/v1/jobs").json()["jobs"]
    assert (shown["webhook"]["status"], shown["webhook"]["attempts"]) == ("pending", 0)


def test_the_latest_end_is_told_again_at_once_and_for_another_day(api, user):
    job = make_job(user, status="failed")
    earlier, latest = make_delivery(job), make_delivery(job)
    WebhookDelivery.objects.update(status="failed", tries=30, last_status=500, give_up_at=Now())
    answer = replay(api, job)
    assert (answer.status_code, answer.json()["webhook"]["status"]) == (200, "pending")
    latest.refresh_from_db()
    assert (latest.status, latest.tries, latest.tries_before) == ("pending", 30, 30)
    assert latest.give_up_at - latest.due_at == timedelta(days=1)
    earlier.refresh_from_db()
    assert earlier.status == "failed"


@pytest.mark.parametrize(
    ("fields", "why"),
    [({}, "without a webhook-url"), ({"webhook_url": URL}, "has not ended")],
)
def test_a_job_with_nothing_to_tell_is_a_conflict(api, user, fields, why):
    answer = replay(api, make_job(user, **fields))
    assert refusal(answer) == (409, "CONFLICT")
    assert why in answer.json()["error"]


def test_anothers_job_is_not_told_again(other_api, user):
    delivery = make_delivery(make_job(user, status="failed"))
    WebhookDelivery.objects.update(status="failed")
    assert refusal(replay(other_api, delivery.job)) == (404, "JOB_NOT_FOUND")
    assert WebhookDelivery.objects.get().status == "failed"


@pytest.mark.parametrize("pk", [NOBODY, "malformed"])
def test_a_job_that_there_is_not_is_not_found(api, pk):
    assert refusal(api.post(f"/api/v1/jobs/{pk}/webhook")) == (404, "JOB_NOT_FOUND")


def test_another_method_is_not_allowed(api, user):
    assert refusal(api.get(f"/api/v1/jobs/{make_job(user).pk}/webhook")) == (405, "METHOD_NOT_ALLOWED")
