"""Measures how our service takes being interrupted: a worker killed, a job cancelled, both in the midst of a render."""

import os
import random
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from benchmarks.contestant import production
from benchmarks.report import percentile, table
from jobs.identity import started_ticks
from tests.service import Service

FILM = {
    "resolution": "320x180",
    "fps": 30,
    "cache": False,
    "scenes": [{"duration": 3600, "background-color": "#204060"}],
}
_POLL_S = 0.002
_RESUMED_SQL = "SELECT extract(epoch FROM started_at) FROM jobs_jobattempt WHERE job_id = %s AND number = 2"
_RENDERING_SQL = "SELECT worker_pid FROM jobs_job WHERE id = %s AND status = 'processing' AND stage = 'rendering'"
_CANCELLED_SQL = "SELECT 1 FROM jobs_job WHERE id = %s AND status = 'cancelled'"


@dataclass(frozen=True)
class Render:
    """A job whose film is being encoded."""

    job_id: str
    worker_pid: int
    encoder_pids: list[int]


class Renders:
    """A service that can be given renders which take long."""

    def __init__(
        self, service: Service, cluster: "subprocess.Popen[bytes]", tables: "psycopg.Connection[tuple[float]]"
    ) -> None:
        self.service, self.cluster, self.tables = service, cluster, tables

    def begin(self) -> Render:
        """Post a film, and return when its encoder has run for a while."""
        job_id = self.service.post(FILM)["job_id"]
        worker_pid = int(self.wait_for_row(_RENDERING_SQL, job_id))
        self.service.wait_for(self.encoders)
        time.sleep(random.uniform(0, 1))  # at no fixed phase of what the encoder, the worker and the cluster do in turn
        return Render(job_id, worker_pid, self.encoders())

    def cancel(self, render: Render) -> None:
        """Ask for a cancel, as a client does."""
        answer = self.service.client.post(f"/api/v1/jobs/{render.job_id}/cancel")
        assert answer.is_success, answer.text

    def encoders(self) -> list[int]:
        """Return the cluster's processes of FFmpeg."""
        family = psutil.Process(self.cluster.pid).children(recursive=True)
        return [process.pid for process in family if "ffmpeg" in process.name() and started_ticks(process.pid)]

    def wait_for_row(self, statement: str, job_id: str, seconds: float = 60) -> float:
        """Return the number that a query gives, as soon as it gives one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if row := self.tables.execute(statement.encode(), [job_id]).fetchone():
                return float(row[0])
            time.sleep(_POLL_S)
        raise TimeoutError(f"not within {seconds} s: {statement}\n{self.service.log.read_text()}")

    def wait_for_end(self, render: Render) -> None:
        """Wait until a job is cancelled and nothing of the cluster encodes any more."""
        self.wait_for_row(_CANCELLED_SQL, render.job_id)
        while any(map(started_ticks, render.encoder_pids)):
            time.sleep(_POLL_S)


@contextmanager
def rendering(folder: Path, socket_dir: str) -> Iterator[Renders]:
    """Run a service for renders, and nothing else beside it."""
    folder.mkdir()
    with Service(folder, socket_dir, **production()) as service:
        service.start_web()
        cluster = service.start_cluster()
        with psycopg.connect(host=socket_dir, user="postgres", dbname=service.database, autocommit=True) as connection:
            yield Renders(service, cluster, connection)


def recovery_times(renders: Renders, kills: int) -> list[float]:
    """Kill workers, each in a render; return the seconds until the job's next attempt had begun."""
    times = []
    for _ in range(kills):
        render = renders.begin()
        killed_at = time.time()
        os.kill(render.worker_pid, signal.SIGKILL)
        times.append(renders.wait_for_row(_RESUMED_SQL, render.job_id) - killed_at)
        renders.cancel(render)
        renders.wait_for_row(_CANCELLED_SQL, render.job_id)
    return times


def cancel_times(renders: Renders, cancels: int) -> list[float]:
    """Cancel jobs, each in a render; return the seconds until they were cancelled and no encoder was alive."""
    times = []
    for _ in range(cancels):
        render = renders.begin()
        began = time.perf_counter()
        renders.cancel(render)
        renders.wait_for_end(render)
        times.append(time.perf_counter() - began)
        assert renders.encoders() == []
    return times


def show_recovery(folder: Path, socket_dir: str, kills: int) -> None:
    """Print how soon a job is taken on after its worker was killed."""
    with rendering(folder, socket_dir) as renders:
        times = recovery_times(renders, kills)
    figures = [f"{value:.2f}" for value in (statistics.median(times), max(times))]
    title = "Recovery: kill -9 of the worker in a render, to the start of the next attempt"
    table(title, ("n", "median s", "max s"), [("VideoCraft", str(kills), *figures)])


def show_cancel(folder: Path, socket_dir: str, cancels: int) -> None:
    """Print how soon a cancelled job's work is dead and its status says so."""
    with rendering(folder, socket_dir) as renders:
        times = cancel_times(renders, cancels)
    figures = [f"{value * 1000:.0f}" for value in (statistics.median(times), percentile(times, 0.95), max(times))]
    title = "Cancel: POST /cancel in a render, to status cancelled and no FFmpeg alive"
    table(title, ("n", "p50 ms", "p95 ms", "max ms"), [("VideoCraft", str(cancels), *figures)])
