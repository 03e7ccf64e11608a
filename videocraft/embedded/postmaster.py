"""Owns what is known of a PostgreSQL server from the pid file in its data directory, which may be a lie."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_FAST_STOP_S = 20.0
_IMMEDIATE_STOP_S = 10.0


@dataclass(frozen=True)
class Postmaster:
    """The server a pid file names; `socket_dir` is None while it has not opened its socket."""

    pgdata: Path
    pid: int
    socket_dir: Path | None

    def is_alive(self) -> bool:
        """Say whether the pid is a live PostgreSQL working in this data directory, and not some other process."""
        try:
            process = psutil.Process(self.pid)
            return process.name().startswith("postgres") and Path(process.cwd()) == self.pgdata
        except (OSError, psutil.Error):
            return False

    def stop(self) -> None:
        """Stop it and wait: disconnecting its clients first, then at once, as after a power cut."""
        for number, patience_s in ((signal.SIGINT, _FAST_STOP_S), (signal.SIGQUIT, _IMMEDIATE_STOP_S)):
            deadline = time.monotonic() + patience_s
            if self.is_alive():
                os.kill(self.pid, number)
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(0.02)
        if self.socket_dir and self.socket_dir != self.pgdata:
            with contextlib.suppress(OSError):
                self.socket_dir.rmdir()


def read(pgdata: Path) -> Postmaster | None:
    """Return what the pid file says; None when it is not there, or is empty or garbled."""
    try:
        lines = (pgdata / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    has_socket = len(lines) >= 8 and lines[4].strip()
    return Postmaster(pgdata, pid, Path(lines[4].strip()) if has_socket else None)
