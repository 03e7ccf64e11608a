"""Prints how long figures and lists take to be answered when a million jobs are on record.

    python -m benchmarks.metrics                 # among a million jobs; some minutes, and 3 GB of disk
    python -m benchmarks.metrics --jobs 50000    # among fewer

Runs a web server of its own on a database of its own, which is filled by SQL and thrown away afterwards.
"""

import argparse
import contextlib
import statistics
import time
from pathlib import Path

import httpx
import psycopg

from benchmarks import report
from benchmarks.load import on_own_server
from tests.service import Service

UNCOUNTED = 200  # events that no housekeeper has counted yet
WARMING, ASKED = 5, 100
GOAL_MS = 100
_PASSWORD = "benchmark"  # noqa: S105 - of a database that lasts for minutes
OVERVIEW = "GET /admin/jobs/overview/"  # no list: it reads all that ended within a day, which is nearly all here
_ADDRESSES = {
    "GET /metrics": "/metrics",
    "GET /api/v1/metrics": "/api/v1/metrics",
    "GET /api/v1/jobs": "/api/v1/jobs",
    "GET /api/v1/jobs?status=failed": "/api/v1/jobs?status=failed",
    "GET /api/v1/videos": "/api/v1/videos",
    OVERVIEW: "/admin/jobs/overview/",
    "GET /admin/jobs/job/": "/admin/jobs/job/",
    "GET /admin/jobs/video/": "/admin/jobs/video/",
}

# One job in twenty failed, one in fifty was cancelled, eighty wait; the latest came last.
_FILL = (
    """
    INSERT INTO jobs_job (id, owner_id, config, strict, priority, max_attempts, progress, warnings, error, attempt,
                          failures, status, run_after, created_at, updated_at, started_at, finished_at)
    SELECT gen_random_uuid(), (SELECT min(id) FROM auth_user), '{"scenes": [{"duration": 0.2}]}', false, 0, 3, 0, '[]',
           CASE WHEN status = 'failed' THEN '{"code": "FFMPEG_FAILED", "message": "no", "retryable": false}'::jsonb END,
           (status <> 'pending')::int, (status = 'failed')::int, status, at, at, at,
           CASE WHEN status <> 'pending' THEN at + interval '2 s' END,
           CASE WHEN status <> 'pending' THEN at + interval '20 s' END
    FROM (
        SELECT now() - (%(jobs)s - number) * interval '80 ms' AS at,
            CASE WHEN number > %(jobs)s - 80 THEN 'pending' WHEN number %% 20 = 0 THEN 'failed'
                 WHEN number %% 50 = 1 THEN 'cancelled' ELSE 'completed' END AS status
        FROM generate_series(1, %(jobs)s) AS number
    ) AS made
    """,
    """
    INSERT INTO jobs_jobattempt (job_id, number, worker, due_at, started_at, ended_at, outcome, error, stderr_tail,
                                 stage_seconds)
    SELECT id, 1, 'example:1', created_at, started_at, finished_at, status, error, '',
           '{"fetching": 0.4, "analyzing": 0.1, "transcribing": 2.5, "rendering": 14.2, "storing": 0.8}'
    FROM jobs_job WHERE status <> 'pending'
    """,
    """
    INSERT INTO jobs_jobevent (job_id, attempt, at, kind, worker, data, is_counted)
    SELECT id, attempt, created_at, kind, 'example:1', data::jsonb, true FROM jobs_job CROSS JOIN LATERAL (VALUES
        ('queued', '{}'), ('claimed', '{}'),
        ('step', '{"task": "segment", "outcome": "made", "began_at": 1, "ended_at": 2}'),
        (status, jsonb_build_object('status', status, 'error', error)::text)
    ) AS told (kind, data) WHERE kind = 'queued' OR status <> 'pending'
    """,
    """
    INSERT INTO jobs_video (id, job_id, owner_id, project, file, thumbnail, contact_sheet, srt, vtt, ass, words,
                            width, height, fps, frames, duration_ms, size_bytes, sha256, created_at)
    SELECT gen_random_uuid(), id, owner_id, 0, id || '.mp4', id || '.jpg', '', '', '', '', '',
           1280, 720, '30', 600, 20000, 4000000, repeat('0', 64), finished_at
    FROM jobs_job WHERE status = 'completed'
    """,
    """
    INSERT INTO jobs_total (name, labels, value)
    SELECT 'jobs_finished', jsonb_build_object('outcome', status), count(*) FROM jobs_job
    WHERE status <> 'pending' GROUP BY status
    """,
    """
    UPDATE jobs_jobevent SET is_counted = false WHERE id IN (
        SELECT id FROM jobs_jobevent WHERE kind <> 'step' ORDER BY id DESC LIMIT %(uncounted)s
    )
    """,
)


def fill(service: Service, jobs: int) -> None:
    """Make jobs with attempts and events, without the guards that hold their transitions, as old tables are."""
    known = {"jobs": jobs, "uncounted": UNCOUNTED}
    where = f"host={service.socket_dir} user=postgres dbname={service.database}"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in _FILL:
            connection.execute(statement, known)
        for table in ("jobs_job", "jobs_jobattempt", "jobs_jobevent", "jobs_video", "jobs_total"):
            connection.execute(f"VACUUM ANALYZE {table}")
        connection.execute("CHECKPOINT")


def logged_in(service: Service) -> httpx.Client:
    """Return a client that is logged in to the admin."""
    service.manage("createsuperuser", "--no-input", "--username=root", "--email=", DJANGO_SUPERUSER_PASSWORD=_PASSWORD)
    client = httpx.Client(base_url=service.client.base_url, timeout=60)
    client.get("/admin/login/")
    form = {"username": "root", "password": _PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    answer = client.post("/admin/login/", data=form, headers={"Referer": str(client.base_url)})
    assert answer.status_code == 302, answer.text
    return client


def times_ms(client: httpx.Client, path: str) -> list[float]:
    """Return how long answers took, after a few that warm what is cold."""
    found = []
    for _ in range(WARMING + ASKED):
        began = time.perf_counter()
        answer = client.get(path)
        found.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    return found[WARMING:]


def measure(folder: Path, socket_dir: str, jobs: int) -> dict[str, list[float]]:
    """Return the times of each address among so many jobs."""
    with Service(folder, socket_dir, debug=0, secret_key="x" * 50) as service:
        fill(service, jobs)
        service.start_web()
        with contextlib.closing(logged_in(service)) as admin:
            clients = {path: admin if "admin" in path else service.client for path in _ADDRESSES.values()}
            return {name: times_ms(clients[path], path) for name, path in _ADDRESSES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs = parser.parse_args().jobs
    report.load()
    found = on_own_server(lambda folder, socket_dir: measure(folder, socket_dir, jobs))
    p95_ms = {name: report.percentile(times, 0.95) for name, times in found.items()}
    rows = [
        [name, str(len(times)), f"{statistics.median(times):.1f}", f"{p95_ms[name]:.1f}", f"{max(times):.1f}"]
        for name, times in found.items()
    ]
    report.table(f"Answers among {jobs:,} jobs, one client", ("n", "p50 ms", "p95 ms", "max ms"), rows)
    slowest = max(p95_ms.keys() - {OVERVIEW}, key=lambda name: p95_ms[name])
    found_ms = f"{p95_ms[slowest]:.1f} ms at most ({slowest})"
    report.goal(f"p95 of lists and metrics within {GOAL_MS} ms", found_ms, is_met=p95_ms[slowest] <= GOAL_MS)


if __name__ == "__main__":
    main()
