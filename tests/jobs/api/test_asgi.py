"""The API under true ASGI: large downloads stream, large bodies are stopped as they come in."""

import asyncio
import json
import tracemalloc

import pytest
from django.core.files.storage import default_storage
from django.db import connections

from jobs.api.body_limit import BodyLimit
from jobs.api.bounded import BoundedHandler
from jobs.api.ranges import CHUNK_BYTES
from jobs.models import Job
from tests.jobs.factories import DOCUMENT, make_job, make_token, make_video

MEBIBYTE = 1024**2
pytestmark = pytest.mark.django_db(transaction=True)


class Exchange:
    """One request to the application, as an ASGI server would make it, and what came back."""

    def __init__(self, method, path, token, chunks=(b"",), **headers):
        self.waiting = list(chunks)
        named = {"host": "localhost", "authorization": f"Bearer {token}", **headers}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        }
        self.status, self.headers, self.kept, self.sizes = None, {}, [], []

    async def receive(self):
        if not self.waiting:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self.waiting.pop(0), "more_body": bool(self.waiting)}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            body = message.get("body", b"")
            self.sizes.append(len(body))
            self.kept.append(body[:100_000] if sum(self.sizes) < MEBIBYTE else b"")

    def run(self):
        async def whole():
            await BodyLimit(BoundedHandler())(self.scope, self.receive, self.send)

        asyncio.run(whole())
        connections.close_all()
        return self

    def json(self):
        return json.loads(b"".join(self.kept))


@pytest.fixture
def large_video(user):
    """Make a video of 96 MiB that takes no room on disk."""
    video = make_video(make_job(user, status="completed"), size_bytes=96 * MEBIBYTE)
    with open(default_storage.path(video.file.name), "r+b") as file:
        file.truncate(96 * MEBIBYTE)
    return video


def test_a_large_download_is_streamed_in_bounded_memory(user, large_video):
    exchange = Exchange("GET", f"/api/v1/videos/{large_video.pk}/download", make_token(user))
    Exchange("GET", "/health", "").run()  # what the first request imports is not the download's
    tracemalloc.start()
    try:
        exchange.run()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (exchange.status, sum(exchange.sizes)) == (200, 96 * MEBIBYTE)
    assert max(exchange.sizes) <= CHUNK_BYTES
    assert peak_bytes < 16 * MEBIBYTE


def test_a_range_is_sent_exactly(user, large_video):
    exchange = Exchange("GET", f"/api/v1/download/{large_video.pk}", make_token(user), range="bytes=2-5").run()
    assert (exchange.status, b"".join(exchange.kept)) == (206, b"film")
    assert exchange.headers["content-range"] == f"bytes 2-5/{96 * MEBIBYTE}"


def test_a_client_that_leaves_ends_the_download(user, large_video):
    exchange = Exchange("GET", f"/api/v1/videos/{large_video.pk}/download", make_token(user))
    receive = exchange.receive

    async def leave():
        if exchange.waiting:
            return await receive()
        while len(exchange.sizes) < 3:
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    exchange.receive = leave
    exchange.run()
    assert sum(exchange.sizes) < 96 * MEBIBYTE


def test_a_document_is_accepted_with_or_without_a_stated_length(user):
    body = json.dumps(DOCUMENT).encode()
    for headers in ({"content_length": str(len(body))}, {"transfer_encoding": "chunked"}):
        chunks = (body[:10], body[10:])
        exchange = Exchange(
            "POST", "/api/v1/jobs", make_token(user), chunks, content_type="application/json", **headers
        )
        assert exchange.run().status == 202
    assert Job.objects.count() == 2


def test_a_body_that_says_it_is_too_large_is_refused_unread(user):
    exchange = Exchange("POST", "/api/v1/jobs", make_token(user), (b"x", b"y"), content_length=str(5 * MEBIBYTE)).run()
    assert (exchange.status, exchange.json()["code"]) == (413, "REQUEST_TOO_LARGE")
    assert exchange.json()["request_id"] == exchange.headers["x-request-id"]
    assert len(exchange.waiting) == 2


@pytest.mark.parametrize("headers", [{"transfer_encoding": "chunked"}, {"content_length": "10"}])
def test_a_body_that_becomes_too_large_is_stopped_on_its_way(user, headers):
    chunks = [b"x" * MEBIBYTE] * 50
    exchange = Exchange("POST", "/api/v1/jobs", make_token(user), chunks, x_request_id="mine", **headers).run()
    assert (exchange.status, exchange.json()["code"]) == (413, "REQUEST_TOO_LARGE")
    assert exchange.json()["request_id"] == "mine"
    assert len(exchange.waiting) == 48


def test_a_document_that_is_nested_too_deeply_is_refused(user):
    exchange = Exchange("POST", "/api/v1/jobs", make_token(user), (b"[" * 100_000,), content_type="application/json")
    exchange.scope["headers"].append((b"content-length", b"100000"))
    assert exchange.run().status == 400
    assert exchange.json()["code"] == "INVALID_JSON"


def test_a_body_that_is_refused_before_anyone_else_sees_it_is_protected_and_read_by_listed_origins(user, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    headers = {"content_length": str(5 * MEBIBYTE), "origin": "https://app.example.com"}
    exchange = Exchange("POST", "/api/v1/jobs", make_token(user), (b"x",), **headers).run()
    assert exchange.status == 413
    assert exchange.headers["access-control-allow-origin"] == "https://app.example.com"
    assert exchange.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_asset_may_be_larger_than_a_document(user):
    chunks = [b"x" * MEBIBYTE] * 3
    exchange = Exchange("POST", "/api/v1/assets/", make_token(user), chunks, transfer_encoding="chunked").run()
    assert (exchange.status, exchange.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
