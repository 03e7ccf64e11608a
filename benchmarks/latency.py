"""Prints how fast a post is answered with 100 jobs queued, and how soon a job starts on an idle cluster.

    python -m benchmarks.latency

Runs a service of its own: web server, cluster and embedded database, thrown away afterwards.
"""

import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.report import percentile
from tests.service import Service
from videocraft.embedded.server import EmbeddedServer

POSTS = 200
STARTS = 40
DOCUMENT = {
    "resolution": "160x90",
    "fps": 5,
    "cache": False,
    "scenes": [{"duration": 0.2, "background-color": "#204060"}],
}


def post_times_ms(service: Service) -> list[float]:
    """Post with 100 jobs queued, one after another as one client does; return each answer's time."""
    for _ in range(100):
        service.post(DOCUMENT)
    times = []
    for _ in range(POSTS):
        began = time.perf_counter()
        service.post(DOCUMENT)
        times.append((time.perf_counter() - began) * 1000)
    return times


def start_times_ms(service: Service) -> tuple[list[float], list[float]]:
    """Post to an idle cluster; return from the row's insert to its claim, and from the post's sending to the claim."""
    queued, whole = [], []
    for _ in range(STARTS):
        sent_at = time.time()
        job = service.finish(service.post(DOCUMENT))
        started_at = moment(job["started_at"])
        queued.append((started_at - moment(job["created_at"])) * 1000)
        whole.append((started_at - sent_at) * 1000)
        time.sleep(0.05)
    return queued, whole


def moment(text: Any) -> float:
    """Return a time of the API as seconds."""
    return datetime.fromisoformat(str(text)).timestamp()


def show(what: str, times: list[float]) -> None:
    """Print one line of figures."""
    print(f"{what:<46} p50 {statistics.median(times):6.1f} ms   p95 {percentile(times, 0.95):6.1f} ms   n={len(times)}")


def main() -> None:
    """Run both measurements, one service each."""
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        server = EmbeddedServer.at(Path(folder) / "database")
        try:
            measure(Path(folder), server.join())
        finally:
            server.leave()


def measure(folder: Path, socket_dir: str) -> None:
    """Print all figures of services with data in `folder` and databases on a server."""
    for name in ("post", "start"):
        (folder / name).mkdir()
    with Service(folder / "post", socket_dir, job_queue_size=1000) as service:
        service.start_web()
        service.post(DOCUMENT)
        show("POST /jobs answered, 100 and more queued", post_times_ms(service))
    with Service(folder / "start", socket_dir) as service:
        service.start_web()
        service.start_cluster()
        service.finish(service.post(DOCUMENT))
        queued, whole = start_times_ms(service)
        show("inserted to claimed, idle cluster", queued)
        show("POST sent to claimed, idle cluster", whole)


if __name__ == "__main__":
    main()
