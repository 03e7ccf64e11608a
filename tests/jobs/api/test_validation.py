"""POST of a document that is only looked at."""

import json

import pytest

from jobs.api import validation
from jobs.models import Job
from tests import media
from tests.web import LocalServer


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def look(api, configure, server):
    configure(fetch_allow=["127.0.0.1"])

    def look(body, client=api):
        return client.post("/api/v1/jobs/validate", json.dumps(body), content_type="application/json")

    return look


def film(src, **keys):
    scene = {"id": "one", "elements": [{"type": "video", "src": src}]}
    return {"width": 320, "height": 180, "fps": 29.97, "scenes": [scene, {"id": 2, "duration": 1.5}], **keys}


def test_a_document_is_answered_with_its_films_and_makes_no_job(look, server):
    src = server.serve("/a.mp4", media.video(duration_s=1.0).read_bytes())
    answer = look({"config": [film(src, colour="red")]})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["valid"], body["errors"]) == (True, [])
    assert [warning["path"] for warning in body["warnings"]] == ["/0/colour"]
    assert body["projects"] == [
        {
            "duration_s": 2.5,
            "width": 320,
            "height": 180,
            "fps": "30000/1001",
            "frames": 75,
            "scenes": [
                {"id": "one", "start_s": 0, "duration_s": 1},
                {"id": 2, "start_s": 1, "duration_s": 1.5},
            ],
            "estimated_render_s": None,
        }
    ]
    assert not Job.objects.exists()


def test_what_is_wrong_with_the_document_or_its_media_is_said_at_its_place(look, server):
    assert (
        look({"scenes": [{"elements": [{"type": "image"}]}]}).json()["errors"][0]["path"] == "/scenes/0/elements/0/src"
    )
    enveloped = look({"config": {"scenes": [{"elements": [{"type": "image"}]}]}}).json()
    assert enveloped["errors"][0]["path"] == "/config/scenes/0/elements/0/src"
    broken = server.serve("/b.mp4", b"no video")
    body = look(film(broken)).json()
    assert (body["valid"], body["projects"]) == (False, [])
    assert (body["errors"][0]["path"], body["errors"][0]["code"]) == ("/scenes/0/elements/0/src", "unsupported-media")


def test_media_are_sent_once_to_each_owner_while_they_do_not_change(look, other_api, server):
    document = film(server.dated("/a.mp4", media.video(duration_s=1.0), etag='"one"'))
    answers = [look(document), look(document), look(document, other_api)]
    assert [answer.json()["valid"] for answer in answers] == [True, True, True]
    assert server.answered == {("/a.mp4", 200): 2, ("/a.mp4", 304): 1}


def test_media_that_come_too_slowly_are_given_up(look, server, monkeypatch):
    monkeypatch.setattr(validation, "_MOST_S", 0.0)
    body = look(film(server.serve("/a.mp4", media.video(duration_s=1.0).read_bytes()))).json()
    assert body["errors"][0]["code"] == "timeout"


def test_no_more_than_two_are_looked_at_at_once(look):
    for _ in range(2):
        validation._looking.acquire()
    try:
        assert look(film("https://example.com/a.mp4")).status_code == 503
    finally:
        for _ in range(2):
            validation._looking.release()


def test_strangers_are_turned_away(look, anonymous):
    assert look({"scenes": [{"duration": 1}]}, anonymous).status_code == 401
