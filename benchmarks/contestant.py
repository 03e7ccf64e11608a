"""Owns one competitor in a run: its database on the common server, its client process and its workers."""

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, Protocol, Self, TypeVar

import django
import psycopg

from tests.service import Service

_POLL_S = 0.002
_QUERY_S = 0.01  # more often, the asking would cost the workers' time
Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Competitor(Protocol):
    """What a module in `benchmarks.competitors` has. Its functions run in a process with its settings."""

    NAME: str
    SETTINGS: str
    WORKER: tuple[str, ...]  # Python's arguments; starts two workers
    OPEN_SQL: str  # how many jobs are not durably finished
    EMPTY_SQL: str
    FILL_SQL: str  # inserts %(rows)s rows, the last %(due)s of them due
    VACUUM_SQL: str

    def install(self) -> None: ...
    def enqueue(self, starts: str, /) -> None: ...
    def claim(self, seconds: float, /) -> tuple[int, float]: ...


def production(**more: Any) -> dict[str, Any]:
    """Return the settings of a service that is measured: not in debug mode, where Django keeps every query."""
    return {"debug": False, "secret_key": "benchmark", "log_level": "WARNING", "job_workers": 2, **more}


@dataclass(frozen=True)
class Start:
    """When a job was queued, just before it was, and when its function was started, by `time.time()`."""

    enqueued_at: float
    started_at: float

    @property
    def seconds(self) -> float:
        return self.started_at - self.enqueued_at


class Contestant(Service):
    """A competitor that is installed and can be worked with."""

    def __init__(self, competitor: Competitor, folder: Path, socket_dir: str) -> None:
        folder.mkdir()
        super().__init__(folder, socket_dir, **production(job_queue_size=10_000_000))
        self.competitor = competitor
        self.starts_file = folder / "starts"
        self.environment |= {"DJANGO_SETTINGS_MODULE": competitor.SETTINGS, "PGDATABASE": self.database}
        self.environment |= {"PGHOST": socket_dir, "PGUSER": "postgres"}
        self.resources = ExitStack()

    @property
    def name(self) -> str:
        return self.competitor.NAME

    def __enter__(self) -> Self:
        super().__enter__()
        self.tables = self.resources.enter_context(
            psycopg.connect(host=self.socket_dir, user="postgres", dbname=self.database, autocommit=True)
        )
        start = multiprocessing.get_context("spawn")
        self.caller = self.resources.enter_context(
            ProcessPoolExecutor(1, start, initializer=_become_client, initargs=(self.environment,))
        )
        self.call(self.competitor.install)
        return self

    def __exit__(self, *about: object) -> None:
        self.resources.close()
        super().__exit__(*about)

    def call(self, function: Callable[Asked, Answer], *arguments: Asked.args, **named: Asked.kwargs) -> Answer:
        """Run a function in the client process."""
        return self.caller.submit(function, *arguments, **named).result()

    def query(self, statement: str) -> float:
        """Return the number that a query on the competitor's tables gives."""
        row = self.tables.execute(statement.encode()).fetchone()
        assert row is not None
        return float(row[0])

    def start_worker(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start the workers; `command` if not the competitor's own."""
        return self.start(*(command or self.competitor.WORKER))

    def stop_worker(self, process: "subprocess.Popen[bytes]") -> None:
        """Stop the workers as their documentation says, by SIGTERM to the one that was started."""
        self.stop(process, signal.SIGTERM)
        self.processes.remove(process)

    def enqueue(self, jobs: int = 1) -> None:
        """Queue jobs that do nothing, in the client process."""
        self.call(_enqueue_many, self.competitor.enqueue, str(self.starts_file), jobs)

    def starts(self) -> list[float]:
        """Return when the jobs were started since `forget_starts`, by `time.time()`."""
        return [float(line) for line in self.starts_file.read_text().splitlines()] if self.starts_file.exists() else []

    def forget_starts(self) -> None:
        self.starts_file.unlink(missing_ok=True)

    def time_to_start(self) -> Start:
        """Queue one job on an idle system and wait for its end; return when it was started."""
        self.forget_starts()
        enqueued_at = self.call(_enqueue_timed, self.competitor.enqueue, str(self.starts_file))
        self.wait_quickly(lambda: bool(self.starts()))
        self.finish_all()
        return Start(enqueued_at, self.starts()[0])

    def finish_all(self, seconds: float = 120) -> float:
        """Wait until every job is durably finished, and return when that was."""
        self.wait_quickly(lambda: self.query(self.competitor.OPEN_SQL) == 0, seconds, every_s=_QUERY_S)
        return time.time()

    def fill(self, rows: int, due: int) -> None:
        """Put so many rows into the queue's tables, the last of them due, as if they had long been there."""
        self.tables.execute(self.competitor.EMPTY_SQL.encode())
        # no triggers: a notification for each row and checks of foreign keys that are right would take minutes
        self.tables.execute("SET session_replication_role = replica")
        self.tables.execute(self.competitor.FILL_SQL.encode(), {"rows": rows, "due": due})
        self.tables.execute("RESET session_replication_role")
        self.tables.execute(self.competitor.VACUUM_SQL.encode())

    def wait_quickly(self, condition: Callable[[], bool], seconds: float = 30, every_s: float = _POLL_S) -> None:
        """Wait with little delay for what happens soon."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                raise TimeoutError(f"{self.name}: not within {seconds} s; the log:\n{self.log.read_text()}")
            time.sleep(every_s)


def _become_client(environment: dict[str, str]) -> None:
    """Be a process that uses a competitor, with its settings."""
    os.environ.clear()
    os.environ.update(environment)
    django.setup()


def _enqueue_many(enqueue: Callable[[str], None], starts: str, jobs: int) -> None:
    for _ in range(jobs):
        enqueue(starts)


def _enqueue_timed(enqueue: Callable[[str], None], starts: str) -> float:
    """Queue a job and return when that was begun."""
    began_at = time.time()
    enqueue(starts)
    return began_at
