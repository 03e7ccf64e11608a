"""Subtitles of a film: sent as the files they are, to nobody else, and said to be there only where they are."""

import hashlib

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from tests.jobs.api.answers import NOBODY, refusal
from tests.jobs.factories import SUBTITLES, make_captioned_video, make_job, make_token, make_video

NAMES = {"srt": "subtitles.srt", "vtt": "subtitles.vtt", "ass": "subtitles.ass", "words": "words.json"}
TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt", "ass": "text/x-ssa", "words": "application/json"}
each_kind = pytest.mark.parametrize("kind", list(NAMES))


@pytest.fixture
def video(user):
    return make_captioned_video(make_job(user, status="completed"))


def url(video, kind):
    return f"/api/v1/videos/{getattr(video, 'pk', video)}/{NAMES[kind]}"


def content(response):
    return b"".join(response.streaming_content)


@each_kind
def test_a_file_is_sent_whole_with_its_type_and_name(api, video, kind):
    answer = api.get(url(video, kind))
    assert (answer.status_code, content(answer)) == (200, SUBTITLES[kind])
    expected = {
        "Content-Type": f"{TYPES[kind]}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="video-{video.pk}.{"json" if kind == "words" else kind}"',
        "ETag": f'"{hashlib.sha256(SUBTITLES[kind]).hexdigest()}"',
        "Content-Length": str(len(SUBTITLES[kind])),
        "X-Content-Type-Options": "nosniff",
    }
    assert {name: answer[name] for name in expected} == expected


@each_kind
def test_a_file_that_the_client_has_is_not_sent_again(api, video, kind):
    tag = api.get(url(video, kind))["ETag"]
    assert api.get(url(video, kind), headers={"If-None-Match": tag}).status_code == 304
    assert api.get(url(video, kind), headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_range_and_a_head_are_answered_as_they_are_for_the_film(api, video):
    part, head = api.get(url(video, "srt"), headers={"Range": "bytes=0-0"}), api.head(url(video, "srt") + "/")
    assert (part.status_code, content(part)) == (206, b"1")
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", "2")


def test_a_video_says_where_its_subtitles_are(api, video):
    expected = {kind: f"http://testserver{url(video, kind)}" for kind in NAMES}
    assert api.get(f"/api/v1/videos/{video.pk}").json()["subtitles"] == expected
    assert api.get(f"/api/v1/jobs/{video.job_id}").json()["videos"][0]["subtitles"] == expected


@each_kind
def test_a_film_without_subtitles_says_so(api, user, kind):
    video = make_video(make_job(user))
    answer = api.get(url(video, kind))
    assert refusal(answer) == (404, "VIDEO_NOT_FOUND")
    assert answer.json()["error"] == "the film has no subtitles"
    assert api.get(f"/api/v1/videos/{video.pk}").json()["subtitles"][kind] is None


@each_kind
def test_a_file_that_is_missing_or_malformed_or_anothers_is_not_found(other_api, staff_api, video, kind):
    for pk in (NOBODY, "malformed", video):
        assert refusal(other_api.get(url(pk, kind))) == (404, "VIDEO_NOT_FOUND")
    assert staff_api.get(url(video, kind)).status_code == 200


@each_kind
def test_a_file_that_the_storage_has_lost_is_not_found(api, video, kind):
    default_storage.delete(getattr(video, kind).name)
    assert refusal(api.get(url(video, kind))) == (404, "VIDEO_NOT_FOUND")


@each_kind
@pytest.mark.parametrize("method", ["post", "delete"])
def test_another_method_is_not_allowed(api, video, kind, method):
    assert refusal(getattr(api, method)(url(video, kind))) == (405, "METHOD_NOT_ALLOWED")


@each_kind
def test_a_storage_with_urls_of_its_own_sends_the_file_itself(user, settings, kind):
    backend = "tests.jobs.api.test_download.SigningStorage"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}
    video = make_captioned_video(make_job(user))
    answer = Client(headers={"Authorization": f"Bearer {make_token(user)}"}).get(url(video, kind))
    assert answer.status_code == 302
    assert answer["Location"] == f"https://storage.example.com/{getattr(video, kind).name}?signature=abc"
