"""Owns a service whose jobs' processor time is counted: of all its cluster's processes, and of those they had."""

import contextlib
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.latency import moment
from benchmarks.reuse_film import Served, Sources
from media_services.journal import Outcome, Task
from tests.service import Service

_LOOK_S = 0.2  # seldom, so that asking takes nothing from the work
_SETTLE_S = 1.0
_MOST_S = 1800.0
_OPEN_SQL = "SELECT count(*) FROM jobs_job WHERE id = %s AND status IN ('pending', 'processing')"
_WALL_SQL = "SELECT extract(epoch FROM started_at), extract(epoch FROM finished_at) FROM jobs_job WHERE id = %s"


@dataclass(frozen=True)
class Step:
    """A step that the job told of; its times are seconds since the job was claimed."""

    task: Task
    outcome: Outcome
    began_s: float
    ended_s: float
    worker: str


@dataclass(frozen=True)
class Cost:
    """What a job took: processor time, time from its claim to its end, what it fetched, and its steps.

    `busiest_s` is the processor time of the worker that had most to do, with all that it started.
    """

    cpu_s: float
    busiest_s: float
    wall_s: float
    served: Served
    steps: list[Step]

    def made(self, task: Task) -> int:
        """Return how many steps of a task were neither kept from before nor another's."""
        return sum(step.task is task and step.outcome is Outcome.MADE for step in self.steps)

    def of(self, task: Task) -> list[Step]:
        return [step for step in self.steps if step.task is task]

    def makers(self) -> list[int]:
        """Return how many segments each worker made."""
        made = (step.worker for step in self.of(Task.SEGMENT) if step.outcome is Outcome.MADE)
        return sorted(Counter(made).values(), reverse=True)


class Shop:
    """A service with one cluster at work, and the sources that it fetches."""

    def __init__(self, service: Service, sources: Sources) -> None:
        self.service, self.sources = service, sources
        self._cluster: subprocess.Popen[bytes] | None = None

    def open(self, workers: int, first: dict[str, Any]) -> None:
        """Start a cluster and let it do a first job, with which connections are made and a recogniser is started."""
        self._cluster = self.service.start_cluster(VIDEOCRAFT_JOB_WORKERS=str(workers))
        job = self.service.post(first)
        self.service.wait_for(lambda: not self.service.one(_OPEN_SQL, job["job_id"]), 120)
        time.sleep(_SETTLE_S)
        self.sources.account()

    def close(self) -> None:
        assert self._cluster is not None
        self.service.stop(self._cluster, signal.SIGTERM)
        self.service.processes.remove(self._cluster)

    def forget_results(self) -> None:
        """Remove all that was kept."""
        shutil.rmtree(self.service.data_dir / "results", ignore_errors=True)

    def run(self, document: dict[str, Any]) -> Cost:
        """Run a job to its end, and to that of all processes that it had; return what that took."""
        before_s = self._cpu_s()
        job_id = self.service.post(document)["job_id"]
        deadline = time.monotonic() + _MOST_S
        while self.service.one(_OPEN_SQL, job_id) or self._pids() != set(before_s):
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} did not end in {_MOST_S:g} s")
            time.sleep(_LOOK_S)
        used_s = [seconds - before_s.get(pid, 0) for pid, seconds in self._cpu_s().items()]
        job = self.service.job({"job_id": job_id})
        if job["status"] != "completed":
            raise RuntimeError(f"job {job_id}: {job['status']}: {job.get('error')}")
        ((started_at, finished_at),) = self.service.rows(_WALL_SQL, job_id)
        steps = self._steps(job_id, float(started_at))
        return Cost(sum(used_s), max(used_s), float(finished_at - started_at), self.sources.account(), steps)

    def _steps(self, job_id: str, started_at: float) -> list[Step]:
        steps: list[Step] = []
        after: int | None = 0
        while after is not None:
            page = self.service.get(f"/api/v1/jobs/{job_id}/events", params={"limit": 500, "after": after}).json()
            steps += [_step(event, started_at) for event in page["events"] if event["kind"] == "step"]
            after = page["next_after"]
        return steps

    def _family(self) -> list[psutil.Process]:
        assert self._cluster is not None
        main = psutil.Process(self._cluster.pid)
        return [main, *main.children(recursive=True)]

    def _pids(self) -> set[int]:
        return {process.pid for process in self._family()}

    def _cpu_s(self) -> dict[int, float]:
        """Return the processor time of each of the cluster's processes, with that of those that it has waited for."""
        found = {}
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):  # it went as this was asked; its parent has its time
                found[process.pid] = _used_s(process.cpu_times())
        return found


def _used_s(times: Any) -> float:
    return float(times.user + times.system + times.children_user + times.children_system)


def _step(event: dict[str, Any], started_at: float) -> Step:
    began_s, ended_s = moment(event["began_at"]) - started_at, moment(event["ended_at"]) - started_at
    return Step(Task(event["task"]), Outcome(event["outcome"]), began_s, ended_s, event["worker"])
