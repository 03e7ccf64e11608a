"""Prints how soon many watchers of one job are told that it is completed, and what they cost the web server.

    python -m benchmarks.watching             # 500 watchers, ten jobs
    python -m benchmarks.watching --quick     # two jobs

Runs a service of its own: one web process, cluster and embedded database, thrown away afterwards. The job is complete
when its transaction is: the time is from `finished_at`, by the clock all share, until a watcher has read `completed`.
"""

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks import report
from benchmarks.load import DOCUMENT, MEBIBYTE, on_own_server
from tests.service import Service

GOAL_S = 0.5
PATIENCE_S = 60.0
_LINE_BYTES = 2**16
APPLICATION = "videocraft-watching"  # what the hub's connection is called
_OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s"


@dataclass(frozen=True)
class Held:
    """What the web server holds: memory, its hub's connections to the database, threads."""

    mib: float
    connections: int
    threads: int

    @classmethod
    def by(cls, service: Service) -> "Held":
        process = psutil.Process(service.processes[0].pid)
        connections = int(service.one(_OPEN, service.database, APPLICATION))
        return cls(process.memory_full_info().pss / MEBIBYTE, connections, process.num_threads())

    def row(self, name: str) -> list[str]:
        return [name, f"{self.mib:.0f}", str(self.connections), str(self.threads)]


@dataclass(frozen=True)
class Found:
    """What was found of one job: seconds until each watcher knew, and what was held before and while all watched."""

    told_s: list[float]
    alone: Held
    watched: Held


async def watch(service: Service, job: dict[str, Any], ready: "asyncio.Queue[None]") -> float:
    """Watch a job to its end; return when its completion was read.

    By hand: httpx looks at all connections of a client whenever one has done, which for 500 takes seconds.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=_LINE_BYTES)
    head = f"GET /api/v1/jobs/{job['job_id']}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
    writer.write(f"{head}Authorization: {service.client.headers['Authorization']}\r\n\r\n".encode())
    assert b" 200 " in await reader.readline()
    await _line(reader, b"event: progress")
    ready.put_nowait(None)
    await _line(reader, b"event: completed")
    completed_at = time.time()
    await _line(reader, b'data: {"status": "completed"}')
    writer.close()
    return completed_at


async def _line(reader: asyncio.StreamReader, wanted: bytes) -> None:
    while line := await asyncio.wait_for(reader.readline(), PATIENCE_S):
        if line.strip() == wanted:
            return
    raise ConnectionError(f"the stream ended without {wanted!r}")


async def measure_one(service: Service, watchers: int) -> Found:
    """Let watchers watch one job that begins when all are there."""
    alone = await asyncio.to_thread(Held.by, service)
    run_after = datetime.fromtimestamp(time.time() + 10 * PATIENCE_S).astimezone().isoformat()
    job = await asyncio.to_thread(service.post, {"config": DOCUMENT, "run-after": run_after})
    ready: asyncio.Queue[None] = asyncio.Queue()
    watching = [asyncio.create_task(watch(service, job, ready)) for _ in range(watchers)]
    for _ in range(watchers):
        await asyncio.wait_for(ready.get(), PATIENCE_S)
    watched = await asyncio.to_thread(Held.by, service)
    await asyncio.to_thread(_start_now, service, job)
    told_at = await asyncio.gather(*watching)
    ended: datetime = service.one("SELECT finished_at FROM jobs_job WHERE id = %s", job["job_id"])
    return Found([at - ended.timestamp() for at in told_at], alone, watched)


def _start_now(service: Service, job: dict[str, Any]) -> None:
    service.rows(
        "WITH now AS (UPDATE jobs_job SET run_after = now() WHERE id = %s) SELECT pg_notify('videocraft_due', '')",
        job["job_id"],
    )


def measure(folder: Path, socket_dir: str, *, watchers: int, jobs: int) -> list[Found]:
    """Measure so many jobs, one after another, each with all watchers."""
    with Service(folder, socket_dir, debug=0, secret_key="x" * 50) as service:
        service.start_web()
        service.start_cluster()
        service.finish(service.post(DOCUMENT))
        return [asyncio.run(measure_one(service, watchers)) for _ in range(jobs)]


def show(found: list[Found], watchers: int) -> None:
    """Print all figures."""
    told_s = [seconds for each in found for seconds in each.told_s]
    p95_s = report.percentile(told_s, 0.95)
    figures = [f"{part * 1000:.0f}" for part in (statistics.median(told_s), p95_s, max(told_s))]
    report.table("From a job's completion until it is told", ("n", "p50 ms", "p95 ms", "max ms"), [
        [f"{watchers} watchers", str(len(told_s)), *figures]
    ])  # fmt: skip
    rows = [found[0].alone.row("without watchers"), found[-1].watched.row(f"with {watchers}")]
    report.table("The web server", ("MiB", "hub connections", "threads"), rows)
    report.goal(f"p95 within {GOAL_S} s", f"{p95_s:.3f} s", is_met=p95_s <= GOAL_S)
    connections = max(each.watched.connections for each in found)
    report.goal("one connection for all watchers", str(connections), is_met=connections == 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="two jobs instead of ten")
    options = parser.parse_args()
    report.load()
    jobs = 2 if options.quick else 10
    found = on_own_server(lambda at, socket: measure(at, socket, watchers=options.watchers, jobs=jobs))
    show(found, options.watchers)


if __name__ == "__main__":
    main()
