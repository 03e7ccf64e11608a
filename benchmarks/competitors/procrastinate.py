"""Procrastinate: the worker of its command line, two jobs at once in one process."""

import asyncio
import time

from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found,unused-ignore] # only in `make bench`

from benchmarks.competitors.task import note_start

NAME = "procrastinate"
SETTINGS = "videocraft.settings"
WORKER: tuple[str, ...] = (
    *("-m", "procrastinate", "--log-level", "warning", "--app", "benchmarks.competitors.procrastinate.app"),
    *("worker", "--concurrency", "2"),
)
OPEN_SQL = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
EMPTY_SQL = "TRUNCATE procrastinate_jobs CASCADE"
FILL_SQL = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
    SELECT 'default', 'note_start', '{"starts": "/dev/null"}',
           CASE WHEN number > %(rows)s - %(due)s THEN 'todo' ELSE 'succeeded' END::procrastinate_job_status
    FROM generate_series(1, %(rows)s) AS number
"""
VACUUM_SQL = "VACUUM ANALYZE procrastinate_jobs"

app = App(connector=PsycopgConnector())  # connects as PGHOST, PGUSER and PGDATABASE say
noop = app.task(name="note_start")(note_start)


def install() -> None:
    """Make its tables."""
    with app.open():
        app.schema_manager.apply_schema()


def enqueue(starts: str) -> None:
    """Defer `note_start`."""
    app.open()
    noop.defer(starts=starts)


def claim(seconds: float) -> tuple[int, float]:
    """Fetch as a worker does; return how many claims were made, and in how many seconds."""
    app.close()
    return asyncio.run(_claim(seconds))


async def _claim(seconds: float) -> tuple[int, float]:
    async with app.open_async():
        worker_id = await app.job_manager.register_worker()
        claims, elapsed_s, began = 0, 0.0, time.perf_counter()
        while elapsed_s < seconds and await app.job_manager.fetch_job(queues=None, worker_id=worker_id):
            claims, elapsed_s = claims + 1, time.perf_counter() - began
        return claims, elapsed_s
