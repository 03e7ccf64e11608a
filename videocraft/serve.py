"""Runs the web server and the workers side by side in the foreground, and stops both when one ends or is told to.

python -m videocraft.serve [--port 8000]
"""

import argparse
import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection

from media_services.family import die_with_parent
from videocraft.configuration import ROOT

_POLL_S = 0.1
_WEB_GRACE_S = 5
_KEEP_ALIVE_S = 75  # longer than clients and proxies keep an idle connection, lest one be closed as they use it
_STOP_MARGIN_S = 25.0  # a cluster gives its own processes 20


class Died(Exception):
    """A service ended by itself; the message says which and how."""


@dataclass(frozen=True)
class Service:
    """A child process in a session of its own, so that Ctrl-C in the terminal reaches only its supervisor."""

    name: str
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, name: str, argv: list[str], log: IO[bytes] | None = None) -> "Service":
        """Start it; its output goes to a log file, or else to where ours goes."""
        child = subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=functools.partial(die_with_parent, os.getpid()),
        )
        return cls(name, child)

    def check(self) -> None:
        """Raise Died if it has ended."""
        code = self.process.poll()
        if code is not None:
            raise Died(f"the {self.name} process {_ending(code)}")


class Stop:
    """Whether SIGINT, SIGTERM or SIGHUP has arrived since it was installed, and how often."""

    def __init__(self) -> None:
        self.count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    @property
    def is_wanted(self) -> bool:
        return self.count > 0


def prepare() -> None:
    """Bring the database up to date, and keep using it, so that an embedded one lives as long as this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()


@contextlib.contextmanager
def running(port: int, stop: Stop, log_dir: Path | None = None) -> Iterator[list[Service]]:
    """Start the web server and the workers, and stop them at the end, whatever that is."""
    web = [
        "-m",
        "uvicorn",
        "videocraft.asgi:application",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-access-log",
        "--no-proxy-headers",  # whom to believe is said by VIDEOCRAFT_TRUSTED_PROXIES alone
    ]
    web += ["--timeout-keep-alive", str(_KEEP_ALIVE_S)]
    web += ["--log-level", "warning", "--timeout-graceful-shutdown", str(_WEB_GRACE_S)]
    services: list[Service] = []
    with contextlib.ExitStack() as logs:
        try:
            for name, argv in (("web", web), ("workers", ["manage.py", "qcluster"])):
                log = logs.enter_context(open(log_dir / f"{name}.log", "wb")) if log_dir else None
                services.append(Service.start(name, argv, log))
            yield services
        finally:
            end(services, stop)


def end(services: list[Service], stop: Stop) -> None:
    """Tell the services to stop and wait for them; kill what does not, at once if another signal says so."""
    signals_before = stop.count
    for service in services:
        if service.process.poll() is None:
            service.process.terminate()
    deadline = time.monotonic() + settings.VIDEOCRAFT.drain_seconds + _STOP_MARGIN_S
    for service in services:
        while service.process.poll() is None and time.monotonic() < deadline and stop.count == signals_before:
            time.sleep(_POLL_S)
        if service.process.poll() is None:
            os.killpg(service.process.pid, signal.SIGKILL)
            service.process.wait()


def serve(port: int) -> int:
    """Run until told to stop; return the exit status: 0, or 1 when a service ended by itself."""
    stop = Stop()
    try:
        prepare()
        if stop.is_wanted:
            return 0
        with running(port, stop) as services:
            print(f"VideoCraft is at http://127.0.0.1:{port} (/admin, /api/docs). Ctrl-C stops it.", flush=True)
            while not stop.is_wanted:
                for service in services:
                    service.check()
                time.sleep(_POLL_S)
            print("stopping", flush=True)
    except (Died, OperationalError, ImproperlyConfigured) as problem:
        print(f"stopped, because {problem}", file=sys.stderr)
        return 1
    return 0


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8000)
    sys.exit(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
