"""A service under constant fire: jobs are posted while its processes are killed, stopped and its database restarted.

    make soak                                   ten minutes, 200 jobs
    python -m tests.faults.soak --seconds 60 --jobs 200 --seed 7

In the end every job must have ended once, truthfully, and nothing may be left of any.
"""

import argparse
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.faults import encoders
from tests.faults.conftest import Fleet, Server, family, film
from tests.faults.encoders import Encoder
from tests.service import Service

CLUSTERS = 2
WORKERS = 2
_PAUSE_S = (0.2, 1.8)
_POSTING = 0.8  # of the time
_SETTLING_S = 240.0


class Soak:
    """One run: a service, its clusters, and what is done to them."""

    def __init__(self, server: Server, service: Service, encoder: Encoder, seed: int) -> None:
        self.server, self.service, self.encoder = server, service, encoder
        self.fleet = Fleet(service)
        self.chance = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.clusters: list[Any] = []

    def run(self, jobs: int, seconds: float) -> None:
        """Post, strike and cancel for so long, then let the service come to rest."""
        self.keep_clusters()
        began = time.monotonic()
        strike_at = began + 2
        while (elapsed_s := time.monotonic() - began) < seconds or len(self.fleet.jobs) < jobs:
            if len(self.fleet.jobs) < min(jobs, jobs * elapsed_s / (seconds * _POSTING)):
                self.post()
            elif time.monotonic() > strike_at and elapsed_s < seconds:
                self.strike()
                strike_at = time.monotonic() + self.chance.uniform(*_PAUSE_S)
            else:
                time.sleep(0.02)
            self.keep_clusters()
        self.settle()

    def post(self) -> None:
        """Post a job, again and again with the same key until it is answered."""
        document = film(self.chance.choice((0.2, 1, 10, 60)), client_data=len(self.fleet.jobs))
        key = {"Idempotency-Key": f"soak-{len(self.fleet.jobs)}"}
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                answer = self.service.client.post("/api/v1/jobs", json=document, headers=key)
                if answer.status_code in (200, 202):
                    self.fleet.jobs.append(answer.json())
                    return
                assert answer.status_code in (500, 503), answer.text
            time.sleep(0.1)
        raise TimeoutError("no post was answered for a minute")

    def strike(self) -> None:
        """Do one thing to the service."""
        faults = (self.kill_a_process, self.kill_the_work, self.stop_a_cluster, self.restart_the_database, self.cancel)
        (fault,) = self.chance.choices(faults, weights=(5, 4, 2, 3, 1))
        fault()
        self.faults[fault.__name__.replace("_", " ")] += 1

    def kill_a_process(self) -> None:
        """Kill any process of a cluster: main, sentinel, a worker or one of the others."""
        cluster = self.chance.choice(self.clusters)
        with contextlib.suppress(psutil.Error, IndexError):
            self.chance.choice([psutil.Process(cluster.pid), *family(cluster)]).kill()

    def kill_the_work(self) -> None:
        """Kill what works on a job: its child or its encoder."""
        found = [process for cluster in self.clusters for process in _work(cluster)]
        if found:
            with contextlib.suppress(psutil.Error):
                self.chance.choice(found).send_signal(self.chance.choice((signal.SIGKILL, signal.SIGTERM)))

    def stop_a_cluster(self) -> None:
        """Tell one to stop, alone or with its whole group."""
        cluster = self.chance.choice(self.clusters)
        with contextlib.suppress(ProcessLookupError):
            self.chance.choice((os.kill, os.killpg))(cluster.pid, signal.SIGTERM)

    def restart_the_database(self) -> None:
        """Stop the server, in order or as a power cut does, and start it after a moment."""
        self.server.kill(self.chance.choice((signal.SIGINT, signal.SIGQUIT)))
        time.sleep(self.chance.uniform(0, 2))
        self.server.start()

    def cancel(self) -> None:
        """Cancel any job."""
        if self.fleet.jobs:
            job = self.chance.choice(self.fleet.jobs[-20:])
            with contextlib.suppress(httpx.TransportError):
                self.service.client.post(f"/api/v1/jobs/{job['job_id']}/cancel")

    def keep_clusters(self) -> None:
        """Start a cluster for each that has ended, as a service manager does."""
        for cluster in self.clusters:
            if cluster.poll() is not None:
                assert cluster.returncode in (0, 1, -signal.SIGKILL, -signal.SIGTERM), cluster.returncode
        self.clusters = [cluster for cluster in self.clusters if cluster.poll() is None]
        while len(self.clusters) < CLUSTERS:
            self.clusters.append(self.service.start("manage.py", "qcluster", **self.encoder.env))
        self.fleet.clusters = self.clusters

    def settle(self) -> None:
        """Wait, keeping the clusters running, until every job has ended."""

        def is_at_rest() -> bool:
            self.keep_clusters()
            return not self.service.one("SELECT count(*) FROM jobs_job WHERE status IN ('pending', 'processing')")

        self.service.wait_for(is_at_rest, _SETTLING_S)

    def check(self) -> dict[str, Any]:
        """Check every job's story, that nothing is left, and that the figures add up; return them."""
        rows = self.service.rows("SELECT status, count(*), sum(attempt), sum(failures) FROM jobs_job GROUP BY 1")
        assert len({job["job_id"] for job in self.fleet.jobs}) == sum(row[1] for row in rows)
        self.fleet.check(15)
        outcomes = dict(self.service.rows("SELECT outcome, count(*) FROM jobs_jobattempt GROUP BY 1"))
        states = {row[0]: row[1] for row in rows}
        assert sum(outcomes.values()) == sum(row[2] for row in rows)
        assert sum(outcomes.get(name, 0) for name in ("lost", "retried", "failed")) == sum(row[3] for row in rows)
        assert outcomes["completed"] == states["completed"] == self.service.one("SELECT count(*) FROM jobs_video")
        metrics = self.service.get("/api/v1/metrics").json()
        assert (metrics["jobs_completed"], metrics["queue_size"], metrics["processing_jobs"]) == (
            states["completed"],
            0,
            0,
        )
        assert metrics["jobs_failed"] == states.get("failed", 0)
        return {"jobs": states, "attempts": outcomes, "faults": dict(self.faults)}


def _work(cluster: Any) -> list[psutil.Process]:
    """Return the children of a cluster's workers, and theirs."""
    with contextlib.suppress(psutil.Error):
        workers = [process for process in family(cluster) if process.name() == "vc-worker"]
        return [child for worker in workers for child in worker.children(recursive=True)]
    return []


def soak(folder: Path, *, jobs: int, seconds: float, seed: int) -> dict[str, Any]:
    """Run a service under fire in a folder; return what came of it, or raise for what should not be."""
    (folder / "service").mkdir(parents=True)
    server = Server(folder / "database")
    # as long as keeps the workers busy for half of the time
    encoder = encoders.unsteady(folder, seconds * CLUSTERS * WORKERS / jobs)
    limits: dict[str, Any] = {
        "job_workers": WORKERS,
        "job_retry_attempts": 50,
        "job_cleanup_interval": "5s",
        "job_queue_size": 1000,
        "drain_seconds": 0.5,
    }
    try:
        with Service(folder / "service", server.socket_dir, **limits) as service:
            service.start_web()
            run = Soak(server, service, encoder, seed)
            try:
                run.run(jobs, seconds)
                return run.check()
            finally:
                run.fleet.stop()
    finally:
        server.start()
        server.server.leave()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        for what, counts in soak(Path(folder), jobs=options.jobs, seconds=options.seconds, seed=options.seed).items():
            print(f"{what:<9} {sum(counts.values()):>5}  {', '.join(f'{name} {n}' for name, n in counts.items())}")
    print("every job ended once; nothing is left of any")


if __name__ == "__main__":
    main()
