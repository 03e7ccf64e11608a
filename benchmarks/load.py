"""Prints how the service answers many clients at once, each of whom makes films, asks after them and fetches them.

    python -m benchmarks.load             # 200 clients for a minute
    python -m benchmarks.load --quick     # for five seconds

Runs a service of its own: web server, cluster and embedded database, thrown away afterwards. The film is a small one
and is kept, so that workers are not what is measured. The queue takes one job of each client.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks import report
from tests.service import TERMINAL, Service
from videocraft.embedded.server import EmbeddedServer

DOCUMENT = {"resolution": "160x90", "fps": 5, "scenes": [{"duration": 0.4, "background-color": "#204060"}]}
POLL_S = 0.5
PATIENCE_S = 60.0
MEBIBYTE = 1024**2


@dataclass
class Tally:
    """What all clients got: by kind of request the seconds until each answer, and the statuses that were no success."""

    times_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return sum(map(len, self.times_s.values()))

    @property
    def server_errors(self) -> int:
        """How many requests were answered with 5xx, or not at all."""
        return sum(count for (_, status), count in self.failures.items() if status[0] not in "234")

    def add(self, kind: str, seconds: float, status: str) -> None:
        self.times_s[kind].append(seconds)
        if status[0] not in "23":
            self.failures[kind, status] += 1


@dataclass(frozen=True)
class Memory:
    """What the processes of the web server and of the cluster hold, shared pages divided among them."""

    web_mib: float
    workers_mib: float

    @classmethod
    def of(cls, service: Service) -> "Memory":
        web, cluster = (_family_mib(process.pid) for process in service.processes)
        return cls(web, cluster)


def _family_mib(pid: int) -> float:
    main = psutil.Process(pid)
    size_bytes = 0
    for process in (main, *main.children(recursive=True)):
        with suppress(psutil.Error):
            size_bytes += process.memory_full_info().pss
    return size_bytes / MEBIBYTE


class Client:
    """Makes films, asks after them and fetches them, one after another, until a time."""

    def __init__(self, http: httpx.AsyncClient, tally: Tally, until: float) -> None:
        self.http = http
        self.tally = tally
        self.until = until

    async def run(self) -> None:
        while not self.is_over():
            posted = await self.ask("create", "POST", "/api/v1/jobs", json=DOCUMENT)
            if posted is None:
                await asyncio.sleep(POLL_S)
                continue
            video = await self.film(posted["status_url"])
            if video is not None:
                await self.ask("download", "GET", video["download_url"])

    async def film(self, url: str) -> Any:
        """Ask after a job until it has ended; return its film, None when there is none in time."""
        while not self.is_over():
            job = await self.ask("poll", "GET", url)
            if job is not None and job["status"] in TERMINAL:
                return next(iter(job["videos"]), None)
            await asyncio.sleep(POLL_S)
        return None

    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    async def ask(self, kind: str, method: str, url: str, **options: Any) -> Any:
        """Send a request and tally its answer; return what it says, None when it is no success."""
        began = time.perf_counter()
        try:
            answer = await self.http.request(method, url, **options)
        except httpx.TransportError as problem:
            self.tally.add(kind, time.perf_counter() - began, type(problem).__name__)
            return None
        self.tally.add(kind, time.perf_counter() - began, str(answer.status_code))
        is_json = answer.headers.get("content-type") == "application/json"
        return answer.json() if answer.is_success and is_json else None


async def load(service: Service, clients: int, seconds: float) -> tuple[Tally, list[Memory]]:
    """Let clients at a service for a time; return what they got, and the memory before, halfway and after."""
    tally, until = Tally(), time.monotonic() + seconds
    memory = [await asyncio.to_thread(Memory.of, service)]
    options: dict[str, Any] = {"base_url": service.client.base_url, "headers": service.client.headers}
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(**options, limits=limits, timeout=PATIENCE_S) as http:
        running = [asyncio.create_task(Client(http, tally, until).run()) for _ in range(clients)]
        await asyncio.sleep(seconds / 2)
        memory.append(await asyncio.to_thread(Memory.of, service))
        await asyncio.gather(*running)
    memory.append(await asyncio.to_thread(Memory.of, service))
    return tally, memory


def measure(folder: Path, socket_dir: str, *, clients: int, seconds: float) -> tuple[Tally, list[Memory]]:
    """Load a service with its data in a folder and its database on a server."""
    with Service(folder, socket_dir, debug=0, secret_key="x" * 50, job_queue_size=clients) as service:
        service.start_web()
        service.start_cluster()
        service.finish(service.post(DOCUMENT))
        return asyncio.run(load(service, clients, seconds))


def show(tally: Tally, memory: Iterable[Memory], seconds: float) -> None:
    """Print all figures."""

    def row(kind: str) -> list[str]:
        times_s = tally.times_s[kind]
        parts = (statistics.median(times_s), report.percentile(times_s, 0.95), report.percentile(times_s, 0.99))
        failed = ", ".join(f"{count} x {status}" for (of, status), count in tally.failures.items() if of == kind)
        return [kind, str(len(times_s)), *(f"{part * 1000:.0f}" for part in parts), failed or "none"]

    kinds = [kind for kind in ("create", "poll", "download") if tally.times_s[kind]]
    title = f"{tally.requests} requests, {tally.requests / seconds:.0f} per second"
    report.table(title, ("n", "p50 ms", "p95 ms", "p99 ms", "failed"), [row(kind) for kind in kinds])
    held = [
        [when, f"{found.web_mib:.0f}", f"{found.workers_mib:.0f}"]
        for when, found in zip(("start", "middle", "end"), memory, strict=True)
    ]
    report.table("Memory in MiB", ("web", "workers"), held)
    report.goal("no 5xx and no broken answer", str(tally.server_errors), is_met=tally.server_errors == 0)


def on_own_server(work: Callable[[Path, str], Any]) -> Any:
    """Do something with a folder and an embedded server that are thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        server = EmbeddedServer.at(Path(folder) / "database")
        try:
            data = Path(folder) / "data"
            data.mkdir()
            return work(data, server.join())
        finally:
            server.leave()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="five seconds instead of sixty")
    options = parser.parse_args()
    seconds = 5.0 if options.quick else 60.0
    report.load()
    tally, memory = on_own_server(lambda at, socket: measure(at, socket, clients=options.clients, seconds=seconds))
    show(tally, memory, seconds)


if __name__ == "__main__":
    main()
