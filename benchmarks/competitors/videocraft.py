"""VideoCraft's own queue."""

from typing import Any

from benchmarks.competitors.claiming import claims_within

NAME = "VideoCraft"
SETTINGS = "videocraft.settings"
WORKER: tuple[str, ...] = ("-m", "benchmarks.competitors.videocraft_cluster")
FILM_WORKER = ("manage.py", "qcluster")
OPEN_SQL = "SELECT count(*) FROM jobs_job WHERE status IN ('pending', 'processing')"
CLAIMED_SQL = "SELECT extract(epoch FROM started_at) FROM jobs_job ORDER BY created_at DESC LIMIT 1"
FIRST_CLAIM_SQL = "SELECT extract(epoch FROM min(started_at)) FROM jobs_job"
FILM = {"resolution": "160x90", "fps": 5, "scenes": [{"duration": 0.2, "background-color": "#204060"}]}
EMPTY_SQL = "TRUNCATE jobs_job CASCADE"
FILL_SQL = """
    INSERT INTO jobs_job (id, owner_id, config, strict, priority, max_attempts, progress, warnings, attempt, failures,
                          status, created_at, finished_at)
    SELECT gen_random_uuid(), (SELECT min(id) FROM auth_user), '{"scenes": [{"duration": 0.2}]}', false, 0, 3, 0, '[]',
           0, 0, CASE WHEN number > %(rows)s - %(due)s THEN 'pending' ELSE 'completed' END,
           now() - (%(rows)s - number) * interval '1 ms',
           CASE WHEN number > %(rows)s - %(due)s THEN NULL ELSE now() END
    FROM generate_series(1, %(rows)s) AS number
"""
VACUUM_SQL = "VACUUM ANALYZE jobs_job"


def install() -> None:
    """Do nothing: the tables are there."""


def enqueue(starts: str) -> None:
    """Submit a job whose work is `note_start`; its document says where."""
    _submit(FILM | {"comment": starts})


def enqueue_film() -> None:
    """Submit the smallest film there is."""
    _submit(FILM)


def claim(seconds: float) -> tuple[int, float]:
    """Claim as a worker does; return how many claims were made, and in how many seconds."""
    from jobs.identity import WorkerIdentity
    from jobs.models import Job

    worker = WorkerIdentity.current()
    return claims_within(seconds, lambda: Job.objects.claim(worker) is not None)


def _submit(document: Any) -> None:
    from django.contrib.auth import get_user_model

    from jobs.queue import Submission, submit

    submit(get_user_model().objects.get(), Submission(document))
