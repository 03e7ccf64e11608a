"""Who may ask: bearers of tokens and users with sessions, and nobody else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from jobs.models import ApiToken
from tests.jobs.api.answers import NOBODY, refusal
from tests.jobs.factories import DOCUMENT, make_token

PROTECTED = [
    ("get", "/api/v1/jobs"),
    ("post", "/api/v1/jobs"),
    ("post", "/api/v1/generate-video"),
    ("get", f"/api/v1/jobs/{NOBODY}"),
    ("delete", f"/api/v1/jobs/{NOBODY}"),
    ("get", f"/api/v1/jobs/{NOBODY}/status"),
    ("post", f"/api/v1/jobs/{NOBODY}/cancel"),
    ("post", f"/api/v1/jobs/{NOBODY}/retry"),
    ("get", "/api/v1/videos"),
    ("get", f"/api/v1/videos/{NOBODY}"),
    ("delete", f"/api/v1/videos/{NOBODY}"),
    ("get", f"/api/v1/videos/{NOBODY}/download"),
    ("get", f"/api/v1/videos/{NOBODY}/thumbnail"),
    ("get", f"/api/v1/videos/{NOBODY}/contact-sheet"),
    *(("get", f"/api/v1/videos/{NOBODY}/{name}") for name in ("subtitles.srt", "subtitles.vtt", "subtitles.ass")),
    ("get", f"/api/v1/videos/{NOBODY}/words.json"),
    ("put", f"/api/v1/videos/{NOBODY}/words.json"),
    ("get", f"/api/v1/download/{NOBODY}"),
    ("get", "/api/v1/assets"),
    ("post", "/api/v1/assets"),
    ("get", f"/api/v1/assets/{NOBODY}"),
    ("delete", f"/api/v1/assets/{NOBODY}"),
    ("get", "/api/v1/metrics"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_nothing_is_answered_without_a_key(anonymous, method, path):
    answer = getattr(anonymous, method)(path)
    assert refusal(answer) == (401, "MISSING_API_KEY")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["wrong", "a" * 64, "two words", "", "ä", "a\x00b", "x" * 5000])
def test_a_key_that_is_not_valid_is_refused(anonymous, key):
    answer = anonymous.get("/api/v1/jobs", headers={"Authorization": f"Bearer {key}"})
    assert refusal(answer) == (401, "INVALID_API_KEY")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_another_scheme_counts_as_no_key(anonymous):
    assert refusal(anonymous.get("/api/v1/jobs", headers={"Authorization": "Basic YTpi"})) == (401, "MISSING_API_KEY")


def test_an_expired_key_is_refused(anonymous, user):
    token = make_token(user)
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    answer = anonymous.get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    assert refusal(answer) == (401, "INVALID_API_KEY")


def test_the_key_of_a_user_who_was_shut_out_is_refused(api, user):
    user.is_active = False
    user.save()
    assert refusal(api.get("/api/v1/jobs")) == (401, "INVALID_API_KEY")


def test_each_of_several_keys_of_a_user_works_and_none_is_stored(user):
    for token in (make_token(user), make_token(user)):
        client = Client(headers={"Authorization": f"bearer {token}"})
        assert client.get("/api/v1/jobs").status_code == 200
        assert not ApiToken.objects.filter(digest=token).exists()


@pytest.fixture
def session(staff):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    return client


def test_a_session_may_look_without_a_csrf_token(session):
    assert session.get("/api/v1/jobs").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/assets", f"/api/v1/jobs/{NOBODY}/cancel"])
def test_a_session_may_change_nothing_without_a_csrf_token(session, path):
    assert refusal(session.post(path, DOCUMENT, content_type="application/json")) == (403, "FORBIDDEN")


def test_a_session_may_create_with_its_csrf_token_in_the_header(session):
    session.get("/admin/")
    token = "a" * 32
    session.cookies["csrftoken"] = token
    answer = session.post("/api/v1/jobs", DOCUMENT, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 202


def test_a_form_of_a_session_is_still_unread_when_the_view_receives_it(session):
    session.cookies["csrftoken"] = token = "a" * 32
    answer = session.post("/api/v1/assets", {"other": "x"}, headers={"X-CSRFToken": token})
    assert refusal(answer) == (400, "INVALID_INPUT")
    assert [problem["path"] for problem in answer.json()["details"]] == ["/other", "/file"]
