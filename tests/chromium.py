"""A headless Chromium for tests, driven through a pair of pipes: what a page shows, runs, logs and refuses."""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_TIMEOUT_S = 30.0


class Chromium:
    """`with Chromium() as page: page.open(url); page.ask("document.title")`; `complaints` is what the console said."""

    def __init__(self, *, width: int = 1280, height: int = 900, is_dark: bool = False) -> None:
        self.size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.is_dark = is_dark
        self.complaints: list[str] = []
        self._received = b""
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        assert EXECUTABLE
        self._profile = tempfile.mkdtemp(prefix="vc-chromium-")
        their_in, self._to = os.pipe()
        self._from, their_out = os.pipe()
        their_in, their_out = _raised(their_in), _raised(their_out)
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
        quiet = ("--no-first-run", "--disable-extensions", "--disable-background-networking", "--mute-audio")
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        argv = [EXECUTABLE, "--remote-debugging-pipe", f"--user-data-dir={self._profile}", *options, *quiet]
        moved = 'exec 3<&"$0"- 4>&"$1"-; shift; exec "$@"'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", moved, str(their_in), str(their_out), *argv],
            pass_fds=(their_in, their_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in)
        os.close(their_out)
        target = self._send("Target.createTarget", {"url": "about:blank"}, session=None)["targetId"]
        attached = self._send("Target.attachToTarget", {"targetId": target, "flatten": True}, session=None)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", **self.size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self.is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self._send("Browser.close", {}, session=None)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the page's debugger and return its answer."""
        return self._send(method, parameters, session=self._session)

    def log_in(self, url: str, session_key: str) -> None:
        """Be who a session of Django is of."""
        self.call("Network.setCookie", name="sessionid", value=session_key, url=url)

    def open(self, url: str) -> None:
        """Go to an address, and wait until all of the page is there."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for_event("Page.loadEventFired")
        self.wait_until("document.readyState === 'complete'")  # the event may have been of the page before

    def ask(self, expression: str) -> Any:
        """Return what a JavaScript expression, or the promise it gives, comes to."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_until(self, expression: str, seconds: float = 10) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.05)

    def picture(self, *, whole: bool = True) -> bytes:
        """Return a PNG of the page, all of it or what is seen at once."""
        height = self.ask("document.documentElement.scrollHeight") if whole else self.size["height"]
        self.call("Emulation.setDeviceMetricsOverride", **self.size | {"height": max(height, 300)})
        shot = self.call("Page.captureScreenshot", format="png")["data"]
        self.call("Emulation.setDeviceMetricsOverride", **self.size)
        return base64.b64decode(shot)

    def save(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        path.write_bytes(self.picture())

    def wait_for_event(self, method: str) -> None:
        deadline = time.monotonic() + _TIMEOUT_S
        while all(event.get("method") != method for event in self._events):
            self._read(deadline)

    def _send(self, method: str, parameters: dict[str, Any], *, session: str | None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _TIMEOUT_S
        while (answer := self._read(deadline)).get("id") != self._number:
            pass
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _read(self, deadline: float) -> dict[str, Any]:
        """Return the next message; keep it, if it is an event."""
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._from], [], [], max(deadline - time.monotonic(), 0))
            assert ready, "Chromium does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "Chromium has ended"
            self._received += data
        line, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._events.append(message)
            self._note(message["method"], message["params"])
        return message

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        """Keep what went wrong: exceptions, and errors and warnings in the log or on the console."""
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(parameters["args"]))


def _raised(descriptor: int) -> int:
    """Move a descriptor to a number above those that the shell is told to fill."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
