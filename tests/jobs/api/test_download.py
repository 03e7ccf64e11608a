"""Sending files: whole, in ranges, or not at all when the client has them."""

import pytest
from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.test import Client

from tests.jobs.api.answers import NOBODY, refusal
from tests.jobs.factories import make_job, make_token, make_video

FILM = bytes(range(256)) * 4
SIZE = len(FILM)


@pytest.fixture
def video(user):
    return make_video(make_job(user, status="completed"), content=FILM)


@pytest.fixture
def fetch(api, video):
    """Download the video with some headers; `method` and `path` may be others."""

    def get(method="GET", path="/api/v1/videos/{}/download", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.generic(method, path.format(video.pk), headers=named)

    return get


def content(response):
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("path", ["/api/v1/videos/{}/download", "/api/v1/videos/{}/download/", "/api/v1/download/{}"])
def test_a_video_is_sent_whole_with_what_a_player_needs_to_know(fetch, video, path):
    answer = fetch(path=path)
    assert (answer.status_code, content(answer)) == (200, FILM)
    expected = {
        "Content-Type": "video/mp4",
        "Content-Length": str(SIZE),
        "Content-Disposition": f'attachment; filename="video-{video.pk}.mp4"',
        "Accept-Ranges": "bytes",
        "ETag": f'"{video.sha256}"',
        "X-Content-Type-Options": "nosniff",
    }
    assert {name: answer[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, SIZE - 1),
        ("bytes=-24", SIZE - 24, SIZE - 1),
        ("bytes=-5000", 0, SIZE - 1),
        ("bytes=1000-99999999999999999", 1000, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("Bytes= 5-6 ", 5, 6),
    ],
)
def test_a_range_is_sent_by_itself(fetch, asked, start, end):
    answer = fetch(Range=asked)
    assert (answer.status_code, content(answer)) == (206, FILM[start : end + 1])
    assert answer["Content-Range"] == f"bytes {start}-{end}/{SIZE}"
    assert answer["Content-Length"] == str(end + 1 - start)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
def test_a_range_outside_the_file_cannot_be_satisfied(fetch, asked):
    answer = fetch(Range=asked)
    assert refusal(answer) == (416, "INVALID_INPUT")
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked", ["bytes=9-1", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "pages=1-2", "bytes", "bytes=" + "9" * 5000 + "-"]
)
def test_a_range_that_makes_no_sense_or_is_several_gets_the_whole_file(fetch, asked):
    answer = fetch(Range=asked)
    assert (answer.status_code, content(answer)) == (200, FILM)


def test_a_range_of_this_content_is_sent_and_of_another_content_the_whole_file(fetch, video):
    assert fetch(Range="bytes=0-1", If_Range=f'"{video.sha256}"').status_code == 206
    assert fetch(Range="bytes=0-1", If_Range='"other"').status_code == 200
    assert fetch(Range="bytes=0-1", If_Range=f'W/"{video.sha256}"').status_code == 200
    assert fetch(Range="bytes=0-1", If_Range="Wed, 21 Oct 2026 07:28:00 GMT").status_code == 200


def test_what_the_client_has_is_not_sent_again(fetch, video):
    for tags in (f'"{video.sha256}"', f'"other", W/"{video.sha256}"', "*"):
        answer = fetch(If_None_Match=tags, Range="bytes=0-1")
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", f'"{video.sha256}"')
    assert fetch(If_None_Match='"other"').status_code == 200


def test_head_says_what_get_would_without_a_body_or_a_range(fetch, video):
    answer = fetch("HEAD", Range="bytes=0-1")
    assert (answer.status_code, answer["Content-Length"], answer.content) == (200, str(SIZE), b"")
    assert (answer["ETag"], answer["Accept-Ranges"]) == (f'"{video.sha256}"', "bytes")


def test_a_video_player_that_accepts_only_video_is_served(fetch):
    assert fetch(Accept="video/mp4").status_code == 200
    assert refusal(fetch("POST", Accept="video/mp4")) == (405, "METHOD_NOT_ALLOWED")


def test_an_empty_file_has_no_ranges(api, user):
    video = make_video(make_job(user), content=b"")
    url = f"/api/v1/videos/{video.pk}/download"
    assert content(api.get(url)) == b""
    assert refusal(api.get(url, headers={"Range": "bytes=0-"})) == (416, "INVALID_INPUT")
    assert refusal(api.get(url, headers={"Range": "bytes=-1"})) == (416, "INVALID_INPUT")


def test_the_thumbnail_is_sent_as_the_picture_it_is(fetch, video):
    answer = fetch(path="/api/v1/videos/{}/thumbnail")
    assert (answer.status_code, content(answer), answer["Content-Type"]) == (200, b"a picture", "image/jpeg")
    assert answer["Content-Disposition"] == f'attachment; filename="video-{video.pk}.jpg"'


@pytest.mark.parametrize("path", ["/api/v1/videos/{}/download", "/api/v1/download/{}", "/api/v1/videos/{}/thumbnail"])
def test_a_file_that_is_missing_or_malformed_or_anothers_is_not_found(other_api, video, path):
    for pk in (NOBODY, "malformed", video.pk):
        assert refusal(other_api.get(path.format(pk))) == (404, "VIDEO_NOT_FOUND")


@pytest.mark.parametrize("path", ["/api/v1/videos/{}/download", "/api/v1/videos/{}/thumbnail"])
def test_a_file_that_the_storage_has_lost_is_not_found(fetch, video, path):
    default_storage.delete(video.file.name)
    default_storage.delete(video.thumbnail.name)
    assert refusal(fetch(path=path)) == (404, "VIDEO_NOT_FOUND")


class PathlessStorage(Storage):
    """A storage that admits to no local paths or URLs."""

    def __init__(self):
        hidden = FileSystemStorage()
        self._open, self._save, self.exists = hidden._open, hidden._save, hidden.exists


class SigningStorage(PathlessStorage):
    """A storage without local paths that has URLs of its own, as S3 has."""

    def url(self, name):
        return f"https://storage.example.com/{name}?signature=abc"


@pytest.mark.parametrize("path", ["/api/v1/videos/{}/download", "/api/v1/videos/{}/thumbnail"])
def test_a_storage_with_urls_of_its_own_sends_the_file_itself(user, settings, path):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.SigningStorage"}}
    video = make_video(make_job(user))
    client = Client(headers={"Authorization": f"Bearer {make_token(user)}"})
    answer = client.get(path.format(video.pk))
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://storage.example.com/videos/")
    assert answer["Location"].endswith("?signature=abc")


def test_a_storage_without_paths_or_urls_is_streamed_from(user, api, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.PathlessStorage"}}
    video = make_video(make_job(user), content=FILM)
    answer = api.get(f"/api/v1/videos/{video.pk}/download", headers={"Range": "bytes=-4"})
    assert (answer.status_code, content(answer)) == (206, FILM[-4:])
