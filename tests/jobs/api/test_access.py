"""Who may what: every address of the API, with every method it has, for everyone who may ask."""

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from jobs.api import urls
from jobs.api.sharing import sign
from jobs.models import ApiToken, Scope
from tests import media
from tests.jobs.api.answers import refusal
from tests.jobs.factories import make_asset, make_captioned_video, make_delivery, make_job, make_plan, make_token

COLOUR = {"resolution": "160x90", "scenes": [{"duration": 0.2, "background-color": "#204060"}]}
CAPTIONED = [COLOUR | {"elements": [{"type": "subtitles"}]}]
WORDS = {"words": [{"text": "Good", "start_ms": 0, "end_ms": 100}]}
UNKNOWN = ("no token", "wrong token", "expired token", "revoked token")
KNOWN = ("other owner", "read-only token", "own write token", "staff")


@dataclass(frozen=True)
class Expected:
    """What is answered to those who are known; who is not is refused, but where all is public."""

    other: int
    reader: int
    owner: int
    staff: int
    is_public: bool = False

    def status(self, caller):
        if self.is_public:
            return self.owner
        return 401 if caller in UNKNOWN else dict(zip(KNOWN, self._known(), strict=True))[caller]

    def _known(self):
        return self.other, self.reader, self.owner, self.staff


LISTING = Expected(other=200, reader=200, owner=200, staff=200)
LOOKING = Expected(other=404, reader=200, owner=200, staff=200)
POSTING = Expected(other=202, reader=403, owner=202, staff=202)
CHANGING = Expected(other=404, reader=403, owner=200, staff=200)
DELETING = Expected(other=404, reader=403, owner=204, staff=204)
PUBLIC = Expected(other=200, reader=200, owner=200, staff=200, is_public=True)
TABLE = {
    ("GET", "api/v1/jobs"): LISTING,
    ("POST", "api/v1/jobs"): POSTING,
    ("POST", "api/v1/jobs/validate"): Expected(other=200, reader=403, owner=200, staff=200),
    ("GET", "api/v1/jobs/<job_id>"): LOOKING,
    ("DELETE", "api/v1/jobs/<job_id>"): CHANGING,
    ("GET", "api/v1/jobs/<job_id>/status"): LOOKING,
    ("GET", "api/v1/jobs/<job_id>/events"): LOOKING,
    ("GET", "api/v1/jobs/<job_id>/plan"): LOOKING,
    ("GET", "api/v1/jobs/<job_id>/timeline.svg"): LOOKING,
    ("POST", "api/v1/jobs/<job_id>/cancel"): CHANGING,
    ("POST", "api/v1/jobs/<job_id>/retry"): CHANGING,
    ("POST", "api/v1/jobs/<job_id>/webhook"): CHANGING,
    ("GET", "api/v1/videos"): LISTING,
    ("POST", "api/v1/videos"): POSTING,
    ("GET", "api/v1/videos/<video_id>"): LOOKING,
    ("DELETE", "api/v1/videos/<video_id>"): DELETING,
    ("GET", "api/v1/videos/<video_id>/download"): LOOKING,
    ("POST", "api/v1/videos/<video_id>/link"): Expected(other=404, reader=403, owner=201, staff=201),
    ("GET", "api/v1/videos/<video_id>/thumbnail"): LOOKING,
    ("GET", "api/v1/videos/<video_id>/contact-sheet"): LOOKING,
    ("GET", "api/v1/videos/<video_id>/subtitles.srt"): LOOKING,
    ("GET", "api/v1/videos/<video_id>/subtitles.vtt"): LOOKING,
    ("GET", "api/v1/videos/<video_id>/subtitles.ass"): LOOKING,
    ("GET", "api/v1/videos/<video_id>/words.json"): LOOKING,
    ("PUT", "api/v1/videos/<video_id>/words.json"): Expected(other=404, reader=403, owner=202, staff=202),
    ("GET", "api/v1/assets"): LISTING,
    ("POST", "api/v1/assets"): Expected(other=201, reader=403, owner=201, staff=201),
    ("GET", "api/v1/assets/<asset_id>"): LOOKING,
    ("DELETE", "api/v1/assets/<asset_id>"): DELETING,
    ("GET", "api/v1/metrics"): LISTING,
    ("POST", "api/v1/generate-video"): POSTING,
    ("GET", "api/v1/download/<video_id>"): LOOKING,
    ("GET", "api/schema"): PUBLIC,
    ("GET", "api/docs"): PUBLIC,
    ("GET", "shared/<signed>"): PUBLIC,
    ("GET", "health"): PUBLIC,
    ("GET", "metrics"): PUBLIC,
    ("GET", "ready"): Expected(other=503, reader=503, owner=503, staff=503, is_public=True),  # no worker is about
}


def routes(patterns=urls.urlpatterns, before=""):
    """Yield the method and address of everything that can be asked for, without the forms with a slash."""
    for pattern in patterns:
        route = before + str(pattern.pattern).replace("<str:", "<")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not route.endswith("/"):
            view = pattern.callback.cls
            yield from ((name.upper(), route) for name in view.http_method_names if _answers(view, name))


def _answers(view, name):
    return name not in ("head", "options") and hasattr(view, name)


def test_the_table_has_every_address_and_no_other():
    assert sorted(routes()) == sorted(TABLE)


@pytest.fixture
def token(user, other_user, staff):
    """Return the token of a caller, None where he has none."""

    def make(caller):
        if caller == "revoked token":
            revoked = make_token(user)
            ApiToken.objects.all().delete()
            return revoked
        return {
            "no token": lambda: None,
            "wrong token": lambda: "0" * 64,
            "expired token": lambda: make_token(user, expiry=timedelta(seconds=-1)),
            "other owner": lambda: make_token(other_user, scope=Scope.WRITE),
            "read-only token": lambda: make_token(user, scope=Scope.READ),
            "own write token": lambda: make_token(user, scope=Scope.WRITE),
            "staff": lambda: make_token(staff, scope=Scope.ADMIN),
        }[caller]()

    return make


@pytest.fixture
def ask(user):
    """Ask for something of the first user's, in the state that the request calls for."""

    def asked(method, route, headers):
        is_retry = route.endswith("/retry")
        job = make_job(user, status="failed" if is_retry else "pending")
        make_plan(job)
        make_delivery(job)
        video = make_captioned_video(make_job(user, status="completed", config=CAPTIONED))
        video.contact_sheet = video.thumbnail.name
        video.save()
        signed = sign(video, timezone.now() + timedelta(hours=1))
        names = {"job_id": job.pk, "video_id": video.pk, "asset_id": make_asset(user).pk, "signed": signed}
        path = "/" + route
        for name, value in names.items():
            path = path.replace(f"<{name}>", str(value))
        body, content_type = _body(method, route)
        return Client().generic(method, path, body, content_type=content_type, headers=headers)

    return asked


def _body(method, route):
    if route.endswith("/assets"):
        return media.picture().read_bytes(), "application/octet-stream"
    if method == "GET" or method == "DELETE" or route.endswith(("/cancel", "/retry", "/webhook", "/link")):
        return b"", "application/json"
    return json.dumps(WORDS if method == "PUT" else COLOUR).encode(), "application/json"


@pytest.mark.parametrize("caller", [*UNKNOWN, *KNOWN])
@pytest.mark.parametrize(("method", "route"), list(TABLE))
def test_everyone_may_what_the_table_says(method, route, caller, token, ask):
    key = token(caller)
    answer = ask(method, route, {"Authorization": f"Bearer {key}"} if key else {})
    expected = TABLE[method, route].status(caller)
    assert answer.status_code == expected, answer
    if expected == 403:
        assert refusal(answer) == (403, "FORBIDDEN")
        assert "'write'" in answer.json()["error"]


@pytest.fixture
def client_of():
    return lambda owner, scope: Client(headers={"Authorization": f"Bearer {make_token(owner, scope=scope)}"})


@pytest.mark.parametrize(("scope", "seen"), [(Scope.READ, 0), (Scope.WRITE, 0), (Scope.ADMIN, 1)])
def test_staff_see_everybodys_jobs_with_a_token_for_that_only(staff, user, client_of, scope, seen):
    make_job(user)
    assert len(client_of(staff, scope).get("/api/v1/jobs").json()["jobs"]) == seen
    staff.refresh_from_db()
    assert staff.is_staff


def test_a_token_for_staff_shows_a_user_who_is_none_his_own_only(user, other_user, client_of):
    make_job(other_user)
    assert client_of(user, Scope.ADMIN).get("/api/v1/jobs").json()["jobs"] == []


def test_a_use_is_noted_once_a_minute(user):
    client = Client(headers={"Authorization": f"Bearer {make_token(user, last_used_at=None)}"})
    client.get("/api/v1/jobs")
    first = ApiToken.objects.get().last_used_at
    client.get("/api/v1/jobs")
    assert ApiToken.objects.get().last_used_at == first is not None
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    client.get("/api/v1/jobs")
    assert ApiToken.objects.get().last_used_at >= first
