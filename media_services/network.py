"""Owns outgoing connections: HTTP requests that reach only checked addresses and can be stopped while they wait."""

import errno
import functools
import os
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from media_services.addresses import AllowList, resolve

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
BEAT_S = 0.2  # the longest silence between two calls of the caller's hook

Beat = Callable[[], None]


@contextmanager
def answered(
    request: httpx.Request, allow: AllowList, beat: Beat, *, ssl_context: ssl.SSLContext | None = None
) -> Iterator[httpx.Response]:
    """Send one request over a connection of its own to a host that was resolved and checked; give the open answer.

    `beat` is called at every read and at least every `BEAT_S` while waiting; what it raises ends the request. Nothing
    is read from the environment, no redirect is followed, no cookie kept. Raises httpx.TransportError and what
    `addresses.resolve` raises. httpx's client is left out: it parses the target of a redirect before we can refuse it.
    """
    request.extensions = {"timeout": httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S).as_dict()}
    with _Transport(_Backend(allow, beat), ssl_context or _trusted_authorities()) as transport:
        response = transport.handle_request(request)
        try:
            yield response
        finally:
            response.close()


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

    def __init__(self, allow: AllowList, beat: Beat) -> None:
        self._allow = allow
        self._beat = beat

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
        for address in resolve(host, port, self._allow):
            try:
                return _Stream(_connect(address, port, deadline, self._beat), self._beat)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


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

    def __init__(self, connection: socket.socket, beat: Beat) -> None:
        self._socket = connection
        self._beat = beat

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline = time.monotonic() + (READ_TIMEOUT_S if timeout is None else timeout)
        self._socket.settimeout(BEAT_S)
        while True:
            self._beat()
            try:
                return self._socket.recv(max_bytes)
            except TimeoutError as error:
                if time.monotonic() >= deadline:
                    raise httpcore.ReadTimeout("timed out while reading") from error
            except OSError as error:
                raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(buffer)
        except TimeoutError as error:
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
            self._beat()
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
