"""A server that sends whatever bytes a test says, well formed or not, over real sockets."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_MOST_S = 20.0  # what no client hangs up on ends then


@dataclass
class Peer:
    """The server's end of one connection, once the request has come."""

    connection: socket.socket
    request: bytes
    server: "RawServer"

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)
        self.server.sent_bytes += len(data)

    def pour(self, chunk: bytes, pause_s: float = 0) -> None:
        """Send the same again and again until the client hangs up."""
        deadline = time.monotonic() + _MOST_S
        while not self.server.stopping.wait(pause_s) and time.monotonic() < deadline:
            self.send(chunk)

    def hold(self) -> None:
        """Send nothing until the client hangs up."""
        self.connection.settimeout(_MOST_S)
        while self.connection.recv(4096):
            pass

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Script = Callable[[Peer], None]


class RawServer:
    """Answers the first connection by the first script and so on, and every further one by the last.

    Where `reads_request` is false a script has the connection before anything was read, as for TLS gone wrong.
    """

    def __init__(self, *scripts: Script, reads_request: bool = True) -> None:
        self.requests: list[bytes] = []
        self.sent_bytes = 0
        self.stopping = threading.Event()
        self._scripts, self._reads_request = scripts, reads_request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def url(self, path: str = "/a", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_MOST_S)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            request = self._read(connection) if self._reads_request else b""
            self.requests.append(request)
            self._scripts[min(len(self.requests), len(self._scripts)) - 1](Peer(connection, request, self))

    def _read(self, connection: socket.socket) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request and (data := connection.recv(4096)):
            request += data
        return request
