"""A fleet of real clusters to kill, and the questions that every story must answer when it is over."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings

from media_services.family import MARK
from tests.service import Service
from videocraft.embedded.server import EmbeddedServer

HURRIED = "tests.faults.settings"


def film(seconds: float = 0.2, *, size: str = "160x90", fps: int = 5, **keys: Any) -> dict[str, Any]:
    """Return a document of one colour; 20 s of 640x360 at 30 fps keep a core busy for a second or two."""
    return {
        "resolution": size,
        "fps": fps,
        "cache": False,  # what is watched must be done
        "scenes": [{"duration": seconds, "background-color": "#204060"}],
        **keys,
    }


def long_film() -> dict[str, Any]:
    """Return a document whose film is never ready in time."""
    return film(3000, size="1920x1080", fps=60)


def busy_film() -> dict[str, Any]:
    """Return a document that is worked on long enough to be struck in the middle."""
    return film(20, size="640x360", fps=30)


def family(process: Any) -> list[psutil.Process]:
    """Return all processes below one."""
    return psutil.Process(process.pid).children(recursive=True)


def members(cluster: Any, name: str) -> list[psutil.Process]:
    """Return the processes of a cluster that call themselves so: sentinel, worker, pusher, housekeeper and so on."""
    return [process for process in family(cluster) if process.name() == f"vc-{name}"]


def gone(processes: list[psutil.Process], seconds: float = 2) -> bool:
    """Say whether all of them are dead in time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return all(is_dead(process) for process in alive)


def is_dead(process: psutil.Process) -> bool:
    """Say whether a process has ended, if it may not have been reaped by whoever started it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def freeze(processes: list[psutil.Process]) -> None:
    """Make processes stand still; those that have ended meanwhile do so anyway."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()


def thaw(processes: list[psutil.Process]) -> None:
    """Let processes that stand still go on; some of them may have been killed as they stood."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def marks() -> dict[str, list[psutil.Process]]:
    """Return the processes that work on jobs, by the job and by the job's attempt they were started for."""
    found: dict[str, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK, "")
            if mark and process.status() != psutil.STATUS_ZOMBIE:
                for name in (mark, mark.rpartition("-")[0]):
                    found.setdefault(name, []).append(process)
    return found


def work_of(job: dict[str, Any], attempt: int | None = None) -> list[psutil.Process]:
    """Return the processes that were started for a job, or for one attempt at it."""
    return marks().get(job["job_id"] if attempt is None else f"{job['job_id']}-{attempt}", [])


class Fleet:
    """Clusters of one service, and jobs for them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.clusters: list[Any] = []
        self.jobs: list[dict[str, Any]] = []

    def start(self, *wrapper: str, **environment: Any) -> Any:
        """Start a cluster; its environment is as stated, and impatient."""
        named = {name: str(value) for name, value in environment.items()}
        cluster = self.service.start_cluster(*wrapper, DJANGO_SETTINGS_MODULE=HURRIED, **named)
        self.clusters.append(cluster)
        return cluster

    def post(self, document: Any, **options: Any) -> dict[str, Any]:
        self.jobs.append(self.service.post(document, **options))
        return self.jobs[-1]

    def row(self, job: dict[str, Any], *columns: str) -> Any:
        """Return columns of a job's row, read past the web."""
        rows = self.service.rows(f"SELECT {', '.join(columns)} FROM jobs_job WHERE id = %s", job["job_id"])
        return rows[0] if len(columns) > 1 else rows[0][0]

    def wait(self, job: dict[str, Any], status: str, seconds: float = 40) -> None:
        """Wait until a job has a status."""
        self.service.wait_for(lambda: self.row(job, "status") == status, seconds)

    def wait_for_encoder(self, job: dict[str, Any], attempt: int | None = None) -> list[psutil.Process]:
        """Wait until a job is being rendered; return what works on it."""
        found: list[psutil.Process] = self.service.wait_for(lambda: work_of(job, attempt))
        return found

    def end(self, job: dict[str, Any], seconds: float = 40) -> str:
        """Wait for a job's end and return its status."""
        ended = ("completed", "failed", "cancelled")
        return str(self.service.wait_for(lambda: (s := self.row(job, "status")) in ended and s, seconds))

    def outcomes(self, job: dict[str, Any]) -> list[str]:
        """Return how the attempts at a job ended."""
        query = "SELECT outcome FROM jobs_jobattempt WHERE job_id = %s ORDER BY number"
        return [outcome for (outcome,) in self.service.rows(query, job["job_id"])]

    def check(self, patience_s: float = 5) -> None:
        """Check every job's story: its end, its history, and that nothing of it stays."""
        for job in self.jobs:
            self._check_history(job)
        known = {job["job_id"] for job in self.jobs}
        self.service.wait_for(lambda: not known & set(marks()), patience_s)
        self.service.wait_for(lambda: not self.service.stray_files(), patience_s)

    def _check_history(self, job: dict[str, Any]) -> None:
        status, attempt, failures = self.row(job, "status", "attempt", "failures")
        query = "SELECT number, outcome, ended_at, worker, error FROM jobs_jobattempt WHERE job_id = %s ORDER BY number"
        rows = self.service.rows(query, job["job_id"])
        outcomes = [row[1] for row in rows]
        assert status in ("completed", "failed", "cancelled")
        assert [row[0] for row in rows] == list(range(1, attempt + 1))
        assert all(row[1] and row[2] and ":" in row[3] for row in rows)
        assert outcomes.count("completed") == (status == "completed")
        assert "completed" not in outcomes[:-1]
        ends = [number for number, outcome in enumerate(outcomes[:-1]) if outcome in ("failed", "cancelled")]
        since_retry = outcomes[ends[-1] + 1 :] if ends else outcomes
        assert failures == sum(outcome in ("failed", "retried", "lost") for outcome in since_retry)
        assert all(row[4] for row in rows if row[1] in ("failed", "retried", "lost"))
        films = self.service.one("SELECT count(*) FROM jobs_video WHERE job_id = %s", job["job_id"])
        assert films == (status == "completed")

    def stop(self) -> None:
        """Stop the clusters, whatever state they are in."""
        for cluster in self.clusters:
            if cluster.poll() is None:
                everything = [*family(cluster), psutil.Process(cluster.pid)]
                thaw(everything)
                # `unshare` waits for the cluster it has started, and ignores signals
                main = everything[0] if everything[-1].name() == "unshare" else everything[-1]
                main.terminate()
                try:
                    assert cluster.wait(40) == 0
                finally:
                    for process in everything:
                        with suppress(psutil.NoSuchProcess):
                            process.kill()
        self.service.processes = [one for one in self.service.processes if one.poll() is None]

    def cancel_what_is_left(self) -> None:
        """Leave no work to the next test."""
        self.service.rows(
            "UPDATE jobs_job SET status = 'cancelled', finished_at = now(), lease_expires_at = NULL "
            "WHERE status IN ('pending', 'processing') RETURNING id"
        )


@pytest.fixture(scope="session")
def fault_service(tmp_path_factory):
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    with Service(tmp_path_factory.mktemp("faults"), socket_dir) as service:
        service.start_web()
        yield service


def run_fleet(service):
    fleet = Fleet(service)
    try:
        yield fleet
        fleet.check()
    finally:
        try:
            fleet.stop()
        finally:
            fleet.cancel_what_is_left()
    assert fleet.service.one("SELECT count(*) FROM jobs_cluster WHERE pid = ANY(%s)", _pids(fleet.clusters)) == 0


def _pids(clusters):
    """Return the clusters that were told to stop; one that was killed leaves its row for the cleaning."""
    return [cluster.pid for cluster in clusters if cluster.returncode == 0]


@pytest.fixture
def fleet(fault_service):
    yield from run_fleet(fault_service)


class Server:
    """A PostgreSQL server of a test's own, to be killed."""

    def __init__(self, data_dir: Path) -> None:
        self.server = EmbeddedServer(data_dir)
        self.socket_dir = self.server.join()

    def kill(self, number: int) -> None:
        """Stop it with a signal: SIGINT is a fast shutdown, SIGQUIT an immediate one; return when it is gone."""
        from videocraft.embedded import postmaster

        running = postmaster.read(self.server.pgdata)
        os.kill(running.pid, number)
        while running.is_alive():
            time.sleep(0.02)

    def start(self) -> None:
        assert self.server.start() == self.socket_dir

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop all of its processes for a while, so that it answers nobody and closes no connection."""
        from videocraft.embedded import postmaster

        main = psutil.Process(postmaster.read(self.server.pgdata).pid)
        frozen = [main, *main.children(recursive=True)]
        freeze(frozen)
        try:
            yield
        finally:
            thaw(frozen)


@pytest.fixture(scope="session")
def own_folder():
    """A folder that PostgreSQL's user reaches: pytest closes its own to others, anew whenever another pytest starts."""
    with tempfile.TemporaryDirectory(prefix="vc-faults-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def database(own_folder):
    server = Server(own_folder / "database")
    yield server
    server.start()
    server.server.leave()


@pytest.fixture
def database_fleet(database, tmp_path):
    with Service(tmp_path, database.socket_dir) as service:
        service.start_web()
        yield from run_fleet(service)
