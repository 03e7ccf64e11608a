"""Owns the process that recognises speech: started when it is called, warm between calls, gone after an idle time.

A call is a message on the line: the request, and a socket on which the answers come back. The line outlives the
process, so a call waits for one that starts. A worker keeps the process, for it must outlive a job; a job calls it.
"""

import json
import select
import selectors
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from media_services import family
from media_services.errors import ErrorCode, MediaError
from media_services.process import Send, start

_ROOT = Path(__file__).resolve().parent.parent
_TURN_S = 0.25
_MOST_BYTES = 1 << 17


class Line:
    """The callers' end of the line to a recogniser that another process keeps, and is told by `send` to tend."""

    def __init__(self, near: socket.socket, send: Send) -> None:
        self._near, self._send = near, send

    def call(self, request: dict[str, Any]) -> Generator[dict[str, Any] | None, None, None]:
        """Yield each answer to a request, and None at least four times a second while there is none.

        Ends with the last answer; raises MediaError when the recogniser dies before it.
        """
        near, far = socket.socketpair()
        with near:
            with far:
                socket.send_fds(self._near, [json.dumps(request).encode()], [far.fileno()])
            self._send({"recogniser": "wanted"})
            try:
                yield from self._answers(near)
            finally:
                self._send({"recogniser": "done"})

    def _answers(self, near: socket.socket) -> Iterator[dict[str, Any] | None]:
        rest, is_last = b"", False
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ)
            while not is_last:
                if not selector.select(_TURN_S):
                    self.tend()
                    yield None
                    continue
                chunk = near.recv(1 << 16)
                if not chunk:
                    self._send({"recogniser": "died"})
                    message = "the process that recognises speech died"
                    raise MediaError(ErrorCode.TRANSCRIPTION_FAILED, message, retryable=True)
                *lines, rest = (rest + chunk).split(b"\n")
                for answer in map(json.loads, lines):
                    is_last = bool(answer.get("is_last"))
                    yield answer

    def tend(self) -> None:
        """Do nothing: the process that keeps it does."""


class Recogniser(Line):
    """A recogniser that this process keeps. Call it from, and fork from, the thread that made it."""

    def __init__(self) -> None:
        near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(near, lambda message: self.told(message["recogniser"]))
        self._process: subprocess.Popen[bytes] | None = None
        self._is_called = False

    def lent(self, send: Send) -> Line:
        """Return the line for a forked child, which sends {"recogniser": "wanted"} and "done" around each call."""
        return Line(self._near, send)

    def told(self, word: str) -> None:
        """Take in what a caller says: "wanted" starts the process unless it runs; one that "died" is buried."""
        if word == "died":
            self.kill()  # its line is heard to end before it is seen to have ended
        self._is_called = word == "wanted"
        if self._is_called and not self._is_running():
            self._start()

    def tend(self) -> None:
        """While there is a call: start the process again if it left idle just then; hang up if it died."""
        if self._is_called and self._process is not None and not self._is_running():
            if self._process.returncode == 0:
                self._start()
            else:
                self._hang_up()

    def end_call(self) -> None:
        """If there is a call, end it by ending the process: a model at work cannot be stopped otherwise."""
        if self._is_called:
            self.kill()

    def kill(self) -> None:
        """End the process and whatever it was called for."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._bury()
        self._hang_up()
        self._is_called = False

    def call_memory_bytes(self) -> int:
        """Return what the process holds in memory while there is a call."""
        return family.memory_bytes(self._process.pid) if self._is_called and self._process is not None else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._near.close()
        self._far.close()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self._bury()
        idle_s = settings.VIDEOCRAFT.whisper_idle.total_seconds()
        self._process = start(
            [sys.executable, "-m", "media_services.transcriber", str(self._far.fileno()), str(idle_s)],
            cwd=_ROOT,
            pass_fds=[self._far.fileno()],
        )
        family.spare(self._process.pid)

    def _bury(self) -> None:
        if self._process is not None:
            family.spare_no_more(self._process.pid)
            self._process = None

    def _hang_up(self) -> None:
        """Close the sockets of the calls that nobody has taken, so that their callers hear of it."""
        while select.select([self._far], [], [], 0)[0]:
            _, descriptors, _, _ = socket.recv_fds(self._far, _MOST_BYTES, 1)
            for descriptor in descriptors:
                socket.close(descriptor)
