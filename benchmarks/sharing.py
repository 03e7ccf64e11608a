"""Prints how well two clusters on one database share equal jobs, against one cluster with one worker.

    python -m benchmarks.sharing

Each cluster has one worker, and each job one core; the ideal is half of the time that one needs.
"""

import tempfile
import time
from pathlib import Path

from tests.service import Service
from videocraft.embedded.server import EmbeddedServer

JOBS = 8
ROUNDS = 3
FILM = {"resolution": "640x360", "fps": 30, "cache": False, "scenes": [{"duration": 60, "background-color": "#204060"}]}


def wall_s(service: Service, clusters: int) -> float:
    """Post the jobs, start so many clusters at once, and return the time from the first start to the last end."""
    jobs = [service.post(FILM)["job_id"] for _ in range(JOBS)]
    processes = [service.start("manage.py", "qcluster") for _ in range(clusters)]
    while service.one("SELECT count(*) FROM jobs_job WHERE status IN ('pending', 'processing')"):
        time.sleep(0.3)  # seldom, so that asking takes nothing from the work
    for process in processes:
        service.stop(process, 15)
    query = "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM jobs_job WHERE id = ANY(%s::uuid[])"
    return float(service.one(query, jobs))


def main() -> None:
    """Measure both in turn."""
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        server = EmbeddedServer.at(Path(folder) / "database")
        socket_dir = server.join()
        data = Path(folder) / "service"
        data.mkdir()
        with Service(data, socket_dir, job_workers=1) as service:
            service.start_web()
            for _ in range(ROUNDS):
                one, two = wall_s(service, 1), wall_s(service, 2)
                print(
                    f"{JOBS} jobs: one cluster {one:5.1f} s, two clusters {two:5.1f} s, "
                    f"{two / (one / 2):.2f} of the ideal ({one / 2:.1f} s)"
                )
        server.leave()


if __name__ == "__main__":
    main()
