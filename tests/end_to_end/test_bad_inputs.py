"""Bad documents and bad media: each is answered with its documented error, and leaves nothing behind."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests import media
from tests.hostile import files

SECRET = Path("/etc/passwd")
PROJECT = {"resolution": "160x90", "fps": 10}


def film(element):
    return {**PROJECT, "scenes": [{"duration": 0.5, "elements": [element]}]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{not json", 400, "INVALID_JSON"),
        (b'{"scenes": [{"duration": NaN}]}', 400, "INVALID_JSON"),
        (b'{"scenes": "' + b"x" * 2 * 1024**2 + b'"}', 413, "REQUEST_TOO_LARGE"),
    ],
)
def test_a_body_that_is_no_document_is_refused(service, body, status, code):
    answer = service.client.post("/api/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("element", "path", "code"),
    [
        ({"type": "vidio", "src": "https://example.com/a"}, "/scenes/0/elements/0/type", "unknown-type"),
        ({"type": "image"}, "/scenes/0/elements/0/src", "missing"),
        (
            {"type": "audio", "src": "https://example.com/a", "duration": -5},
            "/scenes/0/elements/0/duration",
            "invalid-value",
        ),
        ({"type": "image", "src": "/etc/passwd"}, "/scenes/0/elements/0/src", "invalid-value"),
    ],
)
def test_a_document_that_is_wrong_is_refused_at_its_place(service, element, path, code):
    answer = service.client.post("/api/v1/jobs", json=film(element))
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert [(problem["path"], problem["code"]) for problem in answer.json()["details"]] == [(path, code)]


@pytest.mark.parametrize(
    ("kind", "content", "code", "reason"),
    [
        ("video", b"<!DOCTYPE html><html><body>Sign in</body></html>", "UNSUPPORTED_MEDIA", "HTML"),
        ("video", lambda: media.cut(media.video()).read_bytes(), "UNSUPPORTED_MEDIA", "cut off"),
        ("image", b"", "UNSUPPORTED_MEDIA", "empty"),
        ("image", lambda: media.corrupt_png().read_bytes(), "UNSUPPORTED_MEDIA", ""),
        ("image", lambda: media.bomb_png().read_bytes(), "UNSUPPORTED_MEDIA", "pixels"),
        ("image", lambda: files.gif(1, 1, 20_001), "UNSUPPORTED_MEDIA", "frames"),
        ("image", lambda: files.gif(1, 1, comment_bytes=20_000_000), "UNSUPPORTED_MEDIA", "comments"),
        ("image", files.shared_tags, "UNSUPPORTED_MEDIA", "share their bytes"),
        ("image", lambda: files.svg(SECRET, "http://127.0.0.1/"), "UNSUPPORTED_MEDIA", "SVG"),
        ("video", lambda: files.playlist(SECRET, "http://127.0.0.1/"), "UNSUPPORTED_MEDIA", "HLS"),
        ("video", lambda: files.elsewhere(b"alis")(SECRET, ""), "UNSUPPORTED_MEDIA", "cannot be decoded"),
        ("video", lambda: files.tracks(20_000), "UNSUPPORTED_MEDIA", "streams"),
        ("audio", lambda: files.wav(channels=255), "UNSUPPORTED_MEDIA", "channels"),
    ],
    ids=["html-as-mp4", "truncated-mp4", "0-bytes", "corrupt-png", "bomb", "gif-frames", "gif-comment", "tiff-tags",
         "svg", "hls", "alias", "streams", "channels"],
)  # fmt: skip
def test_media_that_cannot_be_read_fail_the_job_at_their_place(service, server, kind, content, code, reason):
    server.serve("/media", content() if callable(content) else content)
    ended = service.finish(service.post(film({"type": kind, "src": server.url("/media")})))
    assert (ended["status"], ended["error"]["code"], ended["error"]["retryable"]) == ("failed", code, False)
    assert ended["error"]["path"] == "/scenes/0/elements/0/src"
    assert reason in ended["error"]["message"]
    assert ended["attempt"] == 1
    service.wait_for(lambda: not service.stray_files())  # which go just after the job has ended


def test_the_worker_that_met_hostile_media_does_the_next_job(service, server):
    server.serve("/media", files.tracks(20_000))
    ended = service.finish(service.post(film({"type": "video", "src": server.url("/media")})))
    good = service.finish(service.post(film({"type": "image", "src": service.upload(media.picture())})))
    assert (ended["status"], good["status"]) == ("failed", "completed")
    worker = service.one("SELECT worker FROM jobs_jobattempt WHERE job_id = %s", ended["job_id"])
    assert psutil.pid_exists(int(worker.rpartition(":")[2]))


def test_a_source_that_is_not_there_fails_the_job_at_once(service, server):
    ended = service.finish(service.post(film({"type": "image", "src": server.url("/missing.png")})))
    assert (ended["error"]["code"], ended["error"]["path"]) == ("DOWNLOAD_FAILED", "/scenes/0/elements/0/src")
    assert "404" in ended["error"]["message"]
    assert server.url("/missing.png") in ended["error"]["message"]
    assert ended["attempt"] == 1
    service.wait_for(lambda: not service.stray_files())  # which go just after the job has ended


def test_a_server_that_fails_is_asked_again_as_often_as_attempts_are_allowed(service, server):
    server.status("/broken.png", 500)
    ended = service.finish(service.post(film({"type": "image", "src": server.url("/broken.png")})))
    assert (ended["error"]["code"], ended["error"]["retryable"]) == ("DOWNLOAD_FAILED", True)
    assert ended["attempt"] == ended["max_attempts"] == 3


def test_a_private_address_that_was_not_opened_is_refused(service):
    ended = service.finish(service.post(film({"type": "image", "src": "http://169.254.169.254/latest/meta-data/"})))
    assert ended["error"]["code"] == "UNSAFE_URL"


def test_an_asset_of_another_user_is_no_asset(service):
    src = service.upload(media.picture())
    token = service.manage("create_token", "bob", "--create").strip()
    answer = service.client.post(
        "/api/v1/jobs", json=film({"type": "image", "src": src}), headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json()["details"][0]["code"] == "unknown-asset"


def test_an_asset_deleted_while_its_job_waits_fails_the_job(service):
    src = service.upload(media.picture())
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    job = service.post({"config": film({"type": "image", "src": src}), "run-after": in_an_hour})
    service.client.delete(f"/api/v1/assets/{src.removeprefix('asset:')}")
    service.one("UPDATE jobs_job SET run_after = now() WHERE id = %s RETURNING 1", job["job_id"])
    ended = service.finish(job)
    assert (ended["status"], ended["error"]["path"]) == ("failed", "/scenes/0/elements/0/src")


def test_a_bad_upload_is_refused_with_its_reason_and_not_kept(service):
    before = set((service.data_dir / "media").rglob("*"))
    answer = service.client.post("/api/v1/assets", files={"file": ("a.mp4", b"<html></html>")})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert set((service.data_dir / "media").rglob("*")) == before


def test_json_in_the_answer_is_always_the_error_form(service):
    for answer in (
        service.get("/api/v1/nothing"),
        service.client.put("/api/v1/jobs"),
        service.get("/api/v1/jobs?limit=0"),
    ):
        assert set(answer.json()) >= {"error", "code", "request_id"}
        assert json.dumps(answer.json()).find("Traceback") == -1
