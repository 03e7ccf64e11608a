"""The whole service over a bucket: its disk has nothing but work in progress, and of what is deleted nothing stays."""

import json
import os
import subprocess
import sys

import httpx
import pytest
from django.conf import settings

from tests import film, media
from tests.s3 import S3Server
from tests.service import ROOT, Service
from videocraft.embedded.server import EmbeddedServer

CAPTIONS = "1\n00:00:00,000 --> 00:00:01,000\nIn a bucket\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    with S3Server() as s3, Service(tmp_path_factory.mktemp("bucket"), socket_dir) as service:
        service.keep_in(s3, s3_prefix="craft")
        service.start_web()
        service.start_cluster()
        yield service


@pytest.fixture(scope="module")
def document(service):
    picture = {"type": "image", "src": service.upload(media.picture())}
    captions = {"type": "subtitles", "captions": CAPTIONS}
    scene = {"duration": 2, "elements": [picture]}
    return {"resolution": "320x180", "fps": 10, "scenes": [scene], "elements": [captions]}


@pytest.fixture(scope="module")
def done(service, document):
    job = service.finish(service.post(document))
    assert job["status"] == "completed", job["error"]
    return job


def test_the_film_is_downloaded_from_the_bucket(service, done, tmp_path):
    address = service.get(done["videos"][0]["download_url"])
    assert address.status_code == 302
    assert address.headers["Location"].startswith(f"{service.s3.url}/films/craft/videos/{done['job_id']}/1-0.mp4?")
    facts = film.facts(service.download(done["videos"][0], tmp_path / "film.mp4"))
    assert (facts["frames"], facts["size"]) == (20, (320, 180))


def test_pictures_and_subtitles_are_downloaded_from_it(service, done):
    (video,) = done["videos"]
    root = f"/api/v1/videos/{video['video_id']}"
    subtitles = service.get(f"{root}/subtitles.srt", follow_redirects=True)
    assert "In a bucket" in subtitles.text
    assert subtitles.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    for name in ("thumbnail", "contact-sheet"):
        answer = service.get(f"{root}/{name}", follow_redirects=True)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    link = service.client.post(f"{root}/link").json()["url"]
    assert httpx.get(link, follow_redirects=True).headers["Content-Length"] == str(video["size_bytes"])


def test_edited_words_make_the_film_again(service, done):
    root = f"/api/v1/videos/{done['video_id']}"
    words = service.get(f"{root}/words.json", follow_redirects=True).json()
    words["subtitles"][0]["words"][0]["text"] = "Out"
    answer = service.client.put(f"{root}/words.json", json=words)
    again = service.finish(answer.json())
    subtitles = service.get(f"/api/v1/videos/{again['video_id']}/subtitles.srt", follow_redirects=True)
    assert "Out a bucket" in subtitles.text
    assert service.client.delete(f"/api/v1/videos/{again['video_id']}").status_code == 204


def test_the_same_film_again_is_a_copy(service, document, done):
    again = service.finish(service.post(document))
    (plan,) = service.get(f"/api/v1/jobs/{again['job_id']}/plan").json()["projects"]
    assert [(step["task"], step["outcome"]) for step in plan["steps"]] == [("film", "kept")]
    videos = [service.get(f"/api/v1/videos/{job['video_id']}").json() for job in (done, again)]
    assert videos[0]["sha256"] == videos[1]["sha256"]
    assert service.client.delete(f"/api/v1/videos/{again['video_id']}").status_code == 204


def test_nothing_of_it_is_on_the_disk(service, done):
    assert not (service.data_dir / "media").exists()
    assert not (service.data_dir / "results").exists()
    service.wait_for(lambda: not list((service.data_dir / "work").glob("*")))


def test_the_client_in_python_follows_to_the_bucket(service, document, tmp_path):
    (tmp_path / "film.json").write_text(json.dumps(document))
    environment = os.environ | {"TOKEN": service.client.headers["Authorization"].removeprefix("Bearer ")}
    command = [sys.executable, str(ROOT / "examples/client.py"), "film.json", "film.mp4", str(service.client.base_url)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert film.facts(tmp_path / "film.mp4")["frames"] == 20


def test_the_service_is_ready(service):
    assert service.get("/ready").json()["checks"]["storage"] == {"ok": True, "message": "can be written to"}


def test_nothing_stays_of_what_is_deleted(service, document, done):
    for video in service.get("/api/v1/videos").json()["videos"]:
        assert service.client.delete(f"/api/v1/videos/{video['video_id']}").status_code == 204
    asset = document["scenes"][0]["elements"][0]["src"].removeprefix("asset:")
    assert service.client.delete(f"/api/v1/assets/{asset}").status_code == 204
    assert [name for name in service.s3.objects() if not name.startswith("craft/results/")] == []
    assert service.s3.uploads() == []
