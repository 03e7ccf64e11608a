"""A small local HTTP server for tests: what each path answers is said by the test, and every hit is counted."""

import contextlib
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One connection; answers close it, so that each request is a connection of its own."""

    server: "_Server"

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.owner.record(Request(self.command, target.path, target.query, headers, body))
        with contextlib.suppress(ConnectionError):
            answer(self)

    do_POST = do_PUT = do_DELETE = do_GET

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer; `content_type=...` becomes `Content-Type`, a stated length wins over the true one."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        self.server.owner.answered[urlsplit(self.path).path, status] += 1
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | named).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def start(self, status: int = 200, content_type: str = "application/octet-stream") -> None:
        """Send only the head, without a length: the body follows until the connection closes."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.end_headers()

    def pause(self, seconds: float) -> bool:
        """Wait; return whether the server still runs."""
        return not self.server.owner.stopping.wait(seconds)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: "LocalServer"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that hang up are what some tests are about


class LocalServer:
    """`with LocalServer() as server: server.serve("/a.png", data); fetch(server.url("/a.png")); server.hits["/a.png"]`.

    Paths nobody spoke of answer 404. `hits` counts by path, `answered` by path and status what `answer` sent, and
    `requests` keeps what came, in order.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.hits: Counter[str] = Counter()
        self.answered: Counter[tuple[str, int]] = Counter()
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self._tls = tls
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.owner = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Return the address of a path; another host must be one that leads here."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def record(self, request: Request) -> Answer:
        with self._lock:
            self.hits[request.path] += 1
            self.requests.append(request)
        return self._answers.get(request.path, lambda handler: handler.answer(404, b"there is nothing here"))

    def handle(self, path: str, answer: Answer) -> str:
        """Let a function answer a path; return its URL, as all of the following do."""
        self._answers[path] = answer
        return self.url(path)

    def serve(
        self, path: str, body: bytes | Path, content_type: str = "application/octet-stream", **headers: str
    ) -> str:
        """Answer with bytes, or with a file's."""
        data = body.read_bytes() if isinstance(body, Path) else body
        return self.handle(path, lambda handler: handler.answer(200, data, content_type=content_type, **headers))

    def dated(self, path: str, body: bytes | Path, **headers: str) -> str:
        """Answer with bytes and their `etag` or `last_modified`, and with 304 to whom these are named."""
        data = body.read_bytes() if isinstance(body, Path) else body
        conditions = {"If-None-Match": headers.get("etag"), "If-Modified-Since": headers.get("last_modified")}

        def answer(handler: Handler) -> None:
            named = [value for name, value in conditions.items() if value and handler.headers[name] == value]
            handler.answer(304, content_length="0") if named else handler.answer(200, data, **headers)

        return self.handle(path, answer)

    def status(self, path: str, status: int, body: bytes = b"", **headers: str) -> str:
        """Answer with a status."""
        return self.handle(path, lambda handler: handler.answer(status, body, **headers))

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        """Send the client elsewhere."""
        return self.status(path, status, location=to)

    def slow(self, path: str, body: bytes, *, delay_s: float = 0, pause_s: float = 0.1, chunk_bytes: int = 1) -> str:
        """Wait, then drip the body in small pieces, its length announced."""

        def drip(handler: Handler) -> None:
            if not handler.pause(delay_s):
                return
            handler.answer(200, content_length=str(len(body)))
            for start in range(0, len(body), chunk_bytes):
                handler.wfile.write(body[start : start + chunk_bytes])
                if not handler.pause(pause_s):
                    return

        return self.handle(path, drip)

    def endless(self, path: str, chunk: bytes = bytes(65536), pause_s: float = 0.001) -> str:
        """Send the same piece until the client hangs up, no length announced."""

        def pour(handler: Handler) -> None:
            handler.start()
            while handler.pause(pause_s):
                handler.wfile.write(chunk)

        return self.handle(path, pour)

    def truncated(self, path: str, body: bytes, *, sent_bytes: int) -> str:
        """Announce the whole body and hang up after a part of it."""
        return self.handle(path, lambda handler: handler.answer(200, body[:sent_bytes], content_length=str(len(body))))

    def reset(self, path: str, *, after: bytes = b"") -> str:
        """Break the connection with a reset, after the start of a body if one is given."""

        def break_off(handler: Handler) -> None:
            if after:
                handler.answer(200, after, content_length=str(len(after) + 1000))
                handler.pause(0.05)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()

        return self.handle(path, break_off)
