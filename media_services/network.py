"""Owns outgoing connections: HTTP requests that reach only checked addresses and can be stopped while they wait."""

import errno
import functools
import math
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpcore
import httpx
from django.conf import settings

from media_services.addresses import HostList, Reach, parse_ports, resolve

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
HEAD_TIMEOUT_S = 30.0  # for a whole head, and those of 1xx before it, however little is sent how often
MOST_HEAD_BYTES = 64 * 1024  # all of these together; servers themselves take 8 to 16 KiB
# A body in chunks of one byte has 5 to 12 bytes of framing for each. Some is read ahead before the body is counted.
MOST_FRAMING_BYTES = 256 * 1024
MOST_FRAMING_PER_BYTE = 16
BEAT_S = 0.2  # the longest silence between two calls of the caller's hook

Beat = Callable[[], None]
Result = TypeVar("Result")


class Unreasonable(Exception):
    """A server sends what none does that means well; to ask it again would not help."""


def reach_by_settings() -> Reach:
    """Return what the operator lets the service connect to."""
    ours = settings.VIDEOCRAFT
    return Reach(HostList.parse(ours.fetch_allow), HostList.parse(ours.fetch_deny), parse_ports(ours.fetch_ports))


@contextmanager
def answered(
    request: httpx.Request, reach: Reach, beat: Beat, *, ssl_context: ssl.SSLContext | None = None
) -> Iterator[httpx.Response]:
    """Send one request over a connection of its own to a host that was resolved and checked; give the open answer.

    This is the one way out, for whatever is sent or fetched. `beat` is called at every read and at least every
    `BEAT_S` while waiting; what it raises ends the request. Nothing is read from the environment, no redirect is
    followed, no cookie kept. The body has no bound but the caller's: take it by `iter_raw`, which unpacks nothing, and
    stop in time. Raises httpx.TransportError, Unreasonable, and what `addresses.resolve` raises. httpx's client is
    left out: it parses the target of a redirect before we can refuse it.
    """
    request.extensions = {"timeout": httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S).as_dict()}
    intake = _Intake(beat)
    with _Transport(_Backend(reach, intake), ssl_context or _trusted_authorities()) as transport:
        response = intake.response = transport.handle_request(request)
        try:
            yield response
        finally:
            response.close()


@dataclass
class _Intake:
    """How much comes in over one connection, and of what: heads and the framing of a body are bounded here.

    httpcore bounds each head, chunk line and trailer by 100 KiB, but neither how many heads of 1xx come before the
    one that counts, nor how much framing comes for each byte of the body.
    """

    beat: Beat
    response: httpx.Response | None = None  # there once its head is
    _received_bytes: int = 0
    _head_due_at: float = math.inf

    def due_at(self, timeout_s: float) -> float:
        """Return when a read that begins now must have brought something."""
        now = time.monotonic()
        if self.response is not None:
            return now + timeout_s
        self._head_due_at = min(self._head_due_at, now + HEAD_TIMEOUT_S)
        return min(now + timeout_s, self._head_due_at)

    def allowance(self, wanted_bytes: int) -> int:
        """Return how many bytes may be read at once; raise Unreasonable when there were too many."""
        if self.response is None:
            left_bytes = MOST_HEAD_BYTES - self._received_bytes
            if left_bytes <= 0:
                raise Unreasonable(f"the head of the answer is longer than {MOST_HEAD_BYTES // 1024} KiB")
            return min(wanted_bytes, left_bytes)
        body_bytes = self.response.num_bytes_downloaded
        if self._received_bytes - body_bytes > MOST_FRAMING_BYTES + MOST_FRAMING_PER_BYTE * body_bytes:
            raise Unreasonable("the server sends much framing and hardly any body")
        return wanted_bytes

    def take(self, data: bytes) -> bytes:
        self._received_bytes += len(data)
        return data


@functools.cache
def _trusted_authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over a pool with our connections; httpx offers no public way to name the backend."""

    def __init__(self, backend: httpcore.NetworkBackend, ssl_context: ssl.SSLContext) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context, network_backend=backend, max_keepalive_connections=0
        )


class _Backend(httpcore.NetworkBackend):
    """Resolves, checks and connects in one step, so that no second answer of a name server can slip in between."""

    def __init__(self, reach: Reach, intake: _Intake) -> None:
        self._reach = reach
        self._intake = intake

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        deadline = time.monotonic() + (CONNECT_TIMEOUT_S if timeout is None else timeout)
        failure: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectTimeout("timed out")
        look_up = functools.partial(resolve, host, port, self._reach)
        for address in _awaited(look_up, deadline, self._intake.beat):
            try:
                return _Stream(_connect(address, port, deadline, self._intake.beat), self._intake)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _awaited(work: Callable[[], Result], deadline: float, beat: Beat) -> Result:
    """Do what cannot be interrupted in a thread of its own, which is left to itself when it takes too long."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="resolving", daemon=True).start()
    while not wait([future], timeout=BEAT_S).done:
        beat()
        if time.monotonic() >= deadline:
            raise httpcore.ConnectTimeout("timed out while looking up the host name")
    return future.result()


def _connect(address: str, port: int, deadline: float, beat: Beat) -> socket.socket:
    """Connect to a numeric address, waiting in short steps."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        _raise_for(connection.connect_ex((address, port)))
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        while not poll.poll(BEAT_S * 1000):
            beat()
            if time.monotonic() >= deadline:
                raise httpcore.ConnectTimeout("timed out while connecting")
        _raise_for(connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _raise_for(code: int) -> None:
    if code not in (0, errno.EINPROGRESS):
        raise httpcore.ConnectError(os.strerror(code))


class _Stream(httpcore.NetworkStream):
    """A connected socket that beats while it waits."""

    def __init__(self, connection: socket.socket, intake: _Intake) -> None:
        self._socket = connection
        self._intake = intake

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = self._intake.due_at(READ_TIMEOUT_S if timeout is None else timeout)
        allowed_bytes = self._intake.allowance(max_bytes)
        self._socket.settimeout(BEAT_S)
        while True:
            self._intake.beat()
            if time.monotonic() >= deadline:
                raise httpcore.ReadTimeout("timed out while reading")
            try:
                return self._intake.take(self._socket.recv(allowed_bytes))
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        patience_s = READ_TIMEOUT_S if timeout is None else timeout
        deadline = time.monotonic() + patience_s
        left = memoryview(buffer)
        self._socket.settimeout(BEAT_S)
        while left:
            self._intake.beat()
            try:
                left = left[self._socket.send(left) :]
                deadline = time.monotonic() + patience_s
            except TimeoutError as error:
                if time.monotonic() >= deadline:
                    raise httpcore.WriteTimeout("timed out while sending") from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        deadline = time.monotonic() + (CONNECT_TIMEOUT_S if timeout is None else timeout)
        self._socket.settimeout(0)
        try:
            secured = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            self._socket = secured
            self._shake_hands(secured, deadline)
        except BaseException:
            self.close()
            raise
        return self

    def _shake_hands(self, secured: ssl.SSLSocket, deadline: float) -> None:
        poll = select.poll()
        while True:
            self._intake.beat()
            if time.monotonic() >= deadline:
                raise httpcore.ConnectTimeout("timed out during the TLS handshake")
            try:
                return secured.do_handshake()
            except ssl.SSLWantReadError:
                poll.register(secured, select.POLLIN)
            except ssl.SSLWantWriteError:
                poll.register(secured, select.POLLOUT)
            except OSError as error:
                raise httpcore.ConnectError(str(error)) from error
            poll.poll(BEAT_S * 1000)

    def close(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Answer httpcore, which asks for the TLS object to learn the protocol version agreed upon."""
        return self._socket if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket) else None
