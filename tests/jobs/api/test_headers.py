"""The headers of every answer: what a browser may do with it, and which other origins may read it."""

import re

import pytest

from tests.jobs.api.answers import NOBODY
from tests.jobs.factories import make_job, make_video

APP = "https://app.example.com"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
ADDRESSES = [
    "/",
    "/admin/login/",
    "/api/docs",
    "/api/docs?script=",
    "/api/schema",
    "/api/v1/jobs",
    "/api/v1/nothing",
    f"/api/v1/videos/{NOBODY}/download",
    "/health",
    "/nothing",
    "/shared/nothing",
    "/static/jobs/live.js",
]
pytestmark = pytest.mark.django_db


def policy(answer):
    """Read the Content-Security-Policy as what each directive allows."""
    directives = (directive.split() for directive in answer["Content-Security-Policy"].split(";"))
    return {name: allowed for name, *allowed in directives}


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_is_protected(api, address):
    answer = api.get(address)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert policy(answer)["default-src"] == policy(answer)["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in answer["Content-Security-Policy"]


@pytest.mark.parametrize("address", ["/admin/login/", "/api/docs"])
def test_a_page_runs_scripts_of_this_service_and_none_from_its_own_text(client, address):
    answer = client.get(address)
    assert policy(answer)["script-src"] == policy(answer)["style-src"] == ["'self'"]
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", answer.content.decode()) == []


@pytest.mark.parametrize("address", ["/api/v1/jobs", "/health", "/api/documents", "/administration"])
def test_what_is_no_page_may_do_nothing(api, address):
    assert not {"script-src", "style-src", "img-src"} & set(policy(api.get(address)))


def test_a_browser_may_play_a_shared_film_and_run_nothing(api):
    """In a sandbox, or without its own address among the sources, Chromium shows a black page."""
    allowed = policy(api.get("/shared/x"))
    assert allowed["media-src"] == allowed["img-src"] == ["'self'"]
    assert allowed["default-src"] == ["'none'"]
    assert not {"sandbox", "script-src", "style-src"} & set(allowed)


def test_what_tells_of_jobs_is_kept_by_nobody_and_a_film_may_be_kept_by_its_owner(api, user):
    video = make_video(make_job(user, status="completed"))
    assert api.get("/api/v1/jobs")["Cache-Control"] == "no-store"
    assert api.get(f"/api/v1/videos/{video.pk}/download")["Cache-Control"] == "private, no-cache"


def test_only_a_shared_film_may_be_embedded_elsewhere(api):
    assert api.get("/api/v1/jobs")["Cross-Origin-Resource-Policy"] == "same-origin"
    assert api.get("/shared/x")["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_no_other_origin_may_read_anything_by_default(api):
    for answer in (api.get("/api/v1/jobs", headers={"Origin": APP}), api.options("/api/v1/jobs", headers=PREFLIGHT)):
        assert "Access-Control-Allow-Origin" not in answer


def test_a_listed_origin_may_read_answers_and_what_their_headers_say(api, settings):
    settings.CORS_ALLOWED_ORIGINS = [APP]
    answer = api.get("/api/v1/jobs", headers={"Origin": APP})
    exposed = set(answer["Access-Control-Expose-Headers"].split(", "))
    assert answer["Access-Control-Allow-Origin"] == APP
    assert "Access-Control-Allow-Credentials" not in answer
    assert {"X-Request-ID", "Location", "Retry-After", "X-RateLimit-Remaining", "Content-Range"} < exposed


def test_a_listed_origin_may_send_a_token_and_an_unlisted_one_nothing(client, settings):
    settings.CORS_ALLOWED_ORIGINS = [APP]
    answer = client.options("/api/v1/jobs", headers=PREFLIGHT)
    assert answer.status_code == 200
    assert {"authorization", "idempotency-key", "range"} < set(answer["Access-Control-Allow-Headers"].split(", "))
    other = client.options("/api/v1/jobs", headers=PREFLIGHT | {"Origin": "https://evil.example.com"})
    assert "Access-Control-Allow-Origin" not in other


def test_the_admin_is_never_read_from_another_origin(client, settings):
    settings.CORS_ALLOWED_ORIGINS = [APP]
    assert "Access-Control-Allow-Origin" not in client.get("/admin/login/", headers={"Origin": APP})
