"""A post that is sent again: one job for one key, and what makes it another post."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.test import Client

from jobs.models import IdempotencyKey, Job
from tests.jobs.api.answers import problems, refusal
from tests.jobs.factories import DOCUMENT, make_asset, make_token

OTHER = {"config": DOCUMENT, "priority": 1}


def post(client, body=DOCUMENT, key="order 7", path="/api/v1/jobs"):
    content = body if isinstance(body, str) else json.dumps(body)
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(path, content, content_type="application/json", headers=headers)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/videos/", "/api/v1/generate-video"])
def test_a_post_sent_again_is_answered_with_the_job_it_made(api, path):
    first, again = post(api, path=path), post(api, path=path)
    assert (first.status_code, again.status_code) == (202, 200)
    assert (again.json(), again["Location"]) == (first.json(), first["Location"])
    assert (first.get("Idempotent-Replay"), again["Idempotent-Replay"]) == (None, "true")
    assert Job.objects.count() == 1


def test_a_replay_shows_the_job_as_it_is_by_now(api):
    job_id = post(api).json()["job_id"]
    Job.objects.cancel(job_id)
    assert (post(api).json()["job_id"], post(api).json()["status"]) == (job_id, "cancelled")


@pytest.mark.parametrize("other", [OTHER, {"config": DOCUMENT, "labels": ["gpu"]}])
def test_a_key_sent_with_another_body_is_refused(api, other):
    post(api)
    assert refusal(post(api, other)) == (422, "IDEMPOTENCY_MISMATCH")
    assert post(api).status_code == 200
    assert Job.objects.count() == 1


def test_spacing_and_the_order_of_keys_make_no_other_body(api):
    post(api, {"config": DOCUMENT, "priority": 1})
    assert post(api, json.dumps({"priority": 1, "config": DOCUMENT}, indent=4)).status_code == 200


@pytest.mark.parametrize("key", ["order 8", "ORDER 7", None])
def test_another_key_or_none_makes_another_job(api, key):
    post(api)
    assert [post(api, key=key).status_code, Job.objects.count()] == [202, 2]


def test_the_keys_of_different_owners_do_not_meet(api, other_api, other_user):
    mine, other = post(api).json()["job_id"], post(other_api, OTHER).json()["job_id"]
    assert (post(api).json()["job_id"], post(other_api, OTHER).json()["job_id"]) == (mine, other)
    assert str(Job.objects.get(owner=other_user).pk) == other


def test_a_key_is_free_again_after_24_hours(api):
    first = post(api).json()["job_id"]
    IdempotencyKey.objects.update(created_at=Now() - timedelta(hours=23, minutes=59))
    assert post(api).json()["job_id"] == first
    IdempotencyKey.objects.update(created_at=Now() - timedelta(hours=24))
    second = post(api, OTHER)
    assert (second.status_code, post(api, OTHER).json()["job_id"]) == (202, second.json()["job_id"])
    assert IdempotencyKey.objects.count() == 1


def test_a_full_queue_refuses_without_keeping_the_key_and_still_answers_replays(api, configure):
    configure(job_queue_size=1)
    post(api)
    assert refusal(post(api, key="order 8")) == (503, "QUEUE_FULL")
    assert post(api).status_code == 200
    configure(job_queue_size=2)
    assert post(api, OTHER, key="order 8").status_code == 202


def test_a_wrong_document_does_not_use_up_its_key(api):
    assert refusal(post(api, [{"scenes": []}])) == (400, "INVALID_INPUT")
    assert not IdempotencyKey.objects.exists()
    assert post(api).status_code == 202


def test_a_replay_does_not_need_the_assets_that_the_job_needed(api, user):
    asset = make_asset(user)
    film = [{"scenes": [{"elements": [{"type": "audio", "src": f"asset:{asset.pk}"}]}]}]
    assert post(api, film).status_code == 202
    asset.delete()
    assert post(api, film).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb", "a\x00b", "a\x7f", "a\nb"])
def test_a_malformed_key_is_refused(api, key):
    assert problems(post(api, key=key)) == [("Idempotency-Key", "invalid-value")]
    assert not Job.objects.exists()


def test_the_longest_key_and_every_printable_character_are_accepted(api):
    printable = "".join(chr(code) for code in range(0x20, 0x7F))
    for key in ("x" * 255, printable):
        assert [post(api, key=key).status_code for _ in range(2)] == [202, 200]


def test_the_first_post_with_a_key_costs_three_queries_more_and_a_replay_few(api, django_assert_num_queries):
    with django_assert_num_queries(15):  # as without a key, and: look; look again under the lock, keep
        post(api)
    with django_assert_num_queries(4):  # token; look; job and its videos
        post(api)


@pytest.mark.django_db(transaction=True)
def test_fifty_posts_at_once_with_one_key_make_one_job(user):
    token, start = make_token(user), threading.Barrier(50)

    def send(_):
        client = Client(headers={"Authorization": f"Bearer {token}"})
        start.wait()
        try:
            answer = post(client)
            return answer.status_code, answer.json()["job_id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, range(50)))
    job_id = str(Job.objects.get().pk)
    assert sorted(answers) == [(200, job_id)] * 49 + [(202, job_id)]
