"""Links to films that need no login: made by who may see the film, good for it alone, and for no longer than stated."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from jobs.api.sharing import sign
from tests.jobs.api.answers import NOBODY, problems, refusal
from tests.jobs.factories import make_job, make_video

FILM = bytes(range(256)) * 4


@pytest.fixture
def video(user):
    return make_video(make_job(user, status="completed"), content=FILM)


@pytest.fixture
def ask(api, video):
    """Ask for a link, with a body or none."""

    def post(body=None, client=api, pk=None):
        address = f"/api/v1/videos/{pk or video.pk}/link"
        if body is None:
            return client.generic("POST", address)
        return client.post(address, body, content_type="application/json")

    return post


def shared(video, **ago):
    """Return the address of a film, good for a minute or over since a while ago."""
    return f"/shared/{sign(video, timezone.now() + (-timedelta(**ago) if ago else timedelta(minutes=1)))}"


def test_a_link_gives_the_film_to_anyone(ask, client, video):
    answer = ask()
    assert (answer.status_code, set(answer.json())) == (201, {"url", "expires_at"})
    film = client.get(answer.json()["url"])
    assert (film.status_code, b"".join(film.streaming_content)) == (200, FILM)
    assert film["Content-Type"] == "video/mp4"
    assert film["Content-Disposition"] == f'inline; filename="video-{video.pk}.mp4"'


@pytest.mark.parametrize(("body", "seconds"), [(None, 86400), ({}, 86400), ({"expires_in": 60}, 60)])
def test_a_link_is_good_for_as_long_as_was_asked_for(ask, body, seconds):
    before = timezone.now()
    expires_at = datetime.fromisoformat(ask(body).json()["expires_at"])
    assert abs((expires_at - before).total_seconds() - seconds) < 5


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"expires_in": 59}, ("/expires_in", "out-of-range")),
        ({"expires_in": 604801}, ("/expires_in", "out-of-range")),
        ({"expires_in": "60"}, ("/expires_in", "wrong-type")),
        ({"expires_in": None}, ("/expires_in", "wrong-type")),
        ({"expires-in": 60}, ("/expires-in", "unknown-key")),
        ([60], ("", "wrong-type")),
    ],
)
def test_a_wrong_time_is_refused_with_its_place(ask, body, found):
    assert problems(ask(body)) == [found]


def test_only_who_may_see_a_film_makes_a_link_to_it(ask, other_api, staff_api, anonymous):
    assert refusal(ask(client=other_api)) == (404, "VIDEO_NOT_FOUND")
    assert refusal(ask(client=anonymous)) == (401, "MISSING_API_KEY")
    assert refusal(ask(pk=NOBODY)) == (404, "VIDEO_NOT_FOUND")
    assert ask(client=staff_api).status_code == 201


def test_links_are_made_by_post_alone(api, video):
    assert refusal(api.get(f"/api/v1/videos/{video.pk}/link")) == (405, "METHOD_NOT_ALLOWED")
    assert refusal(api.post(shared(video))) == (405, "METHOD_NOT_ALLOWED")


def test_a_range_of_a_shared_film_is_sent(client, video):
    answer = client.get(shared(video), headers={"Range": "bytes=2-5"})
    assert (answer.status_code, b"".join(answer.streaming_content)) == (206, FILM[2:6])
    assert refusal(client.get(shared(video), headers={"Range": "bytes=5000-"})) == (416, "INVALID_INPUT")


def test_a_shared_film_tells_of_itself_without_its_content(client, video):
    answer = client.head(shared(video))
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", str(len(FILM)))
    assert client.get(shared(video), headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_a_link_asks_nobody_who_he_is(client, video):
    assert client.get(shared(video), headers={"Authorization": "Bearer nonsense"}).status_code == 200


def test_a_link_ends_when_its_time_is_over(client, video):
    assert refusal(client.get(shared(video, seconds=1))) == (410, "LINK_EXPIRED")


def test_a_link_dies_with_the_video(api, client, video):
    address = shared(video)
    assert api.delete(f"/api/v1/videos/{video.pk}").status_code == 204
    assert refusal(client.get(address)) == (404, "VIDEO_NOT_FOUND")


def test_a_link_whose_file_is_lost_says_so(client, video):
    video.file.storage.delete(video.file.name)
    assert refusal(client.get(shared(video))) == (404, "VIDEO_NOT_FOUND")


def test_a_link_cannot_be_stretched_to_another_film_or_a_later_time(client, user, video):
    other = make_video(make_job(user, status="completed"))
    content, _, signature = sign(video, timezone.now() + timedelta(minutes=1)).rpartition(".")
    for forged in ([other.pk.hex, 2**33], [video.pk.hex, 2**33], [video.pk.hex, "never"], {}):
        encoded = base64.urlsafe_b64encode(json.dumps(forged, separators=(",", ":")).encode()).decode().strip("=")
        assert refusal(client.get(f"/shared/{encoded}.{signature}")) == (404, "VIDEO_NOT_FOUND")
    assert client.get(f"/shared/{content}.{signature}").status_code == 200


@pytest.mark.parametrize("text", ["x", ".", "a.b", "%00", "e30.x", "ü", "." * 5000])
def test_what_was_never_signed_leads_nowhere(client, db, text):
    assert refusal(client.get(f"/shared/{text}")) == (404, "VIDEO_NOT_FOUND")


def test_a_link_outlives_a_new_secret_key_only_while_the_old_one_is_a_fallback(client, video, settings):
    address, old = shared(video), settings.SECRET_KEY
    settings.SECRET_KEY = "another key"
    assert refusal(client.get(address)) == (404, "VIDEO_NOT_FOUND")
    settings.SECRET_KEY_FALLBACKS = [old]
    assert client.get(address).status_code == 200
