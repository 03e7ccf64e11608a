"""Makes a day's 1,000 jobs of several owners, some of them waiting or at work, as rows of a service's database."""

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from media_services.stage import Stage
from tests.service import Service

PENDING = 9
_AT_WORK = (
    (Stage.FETCHING, 4, 2),
    (Stage.TRANSCRIBING, 21, 12),
    (Stage.RENDERING, 38, 21),
    (Stage.RENDERING, 62, 31),
    (Stage.RENDERING, 74, 47),
    (Stage.STORING, 97, 63),
)  # stage, percent, and seconds since it was begun
OWNERS = ("bea", "chris", "dana@example.com", "studio-north", "the-weekly-letter-of-the-harbour-museum@example.org")
# How busy the hours are, from 24 hours ago on.
_BUSY = (3, 8, 10, 15, 22, 31, 23, 40, 40, 50, 56, 43, 53, 75, 66, 71, 67, 66, 94, 68, 55, 50, 60, 72)
_FILMS = (
    ("Harbour at dawn", 3),
    ("Spring collection", 5),
    ("Week 47: new on the market", 8),
    ("Autumn walk", 4),
    ("Meet the team", 6),
    ("Recipe of the week", 7),
    ("Three questions to the director of the harbour museum, with subtitles", 2),
)
_STAGES = {
    Stage.FETCHING: (0.9, 0.6),
    Stage.ANALYZING: (0.2, 0.3),
    Stage.TRANSCRIBING: (4.5, 0.5),
    Stage.RENDERING: (24.0, 0.7),
    Stage.STORING: (0.3, 0.4),
}  # seconds: the median, and how widely it is spread
_ERRORS = (
    ("DOWNLOAD_FAILED", "https://example.com/media/kitchen.jpg answered 404", "/0/scenes/0/elements/0/src"),
    ("DOWNLOAD_FAILED", "media.example.com did not answer within 10 s", "/0/scenes/1/elements/1/src"),
    ("UNSUPPORTED_MEDIA", "is a text, and no picture, video or sound", "/0/scenes/0/elements/0/src"),
    ("UNSUPPORTED_MEDIA", "is cut off: 2.4 of 4.0 s can be read", "/0/scenes/2/elements/0/src"),
    ("MEMORY_LIMIT", "its processes held 2.1 GB, more than a job may", None),
)


@dataclass(frozen=True)
class Made:
    """The rows of one job: of the table of jobs, of attempts and of events."""

    job: dict[str, Any]
    attempts: Sequence[dict[str, Any]] = ()
    events: Sequence[dict[str, Any]] = ()


def fill(service: Service, count: int = 1000) -> None:
    """Make so many jobs with attempts and stories, and the clusters that work on them."""
    chance, now = random.Random(49), datetime.now(UTC)
    with _connected(service) as connection:
        owners = [_owner(connection, name) for name in OWNERS]
        clusters = [
            _cluster(connection, *facts) for facts in (("north", 4702, 4, 312, 2700), ("south", 911, 2, 164, 1391))
        ]
        ended = [
            _ended(chance, owner, at, now)
            for owner, at in _moments(chance, owners, now, count - PENDING - len(_AT_WORK))
        ]
        waiting = [_waiting(chance, chance.choice(owners), now, number) for number in range(PENDING)]
        working = [_working(chance, chance.choice(owners), now, number, clusters) for number in range(len(_AT_WORK))]
        made = [*ended, *waiting, *working]
        _insert(connection, "jobs_job", [each.job for each in made])
        _insert(connection, "jobs_jobattempt", [row for each in made for row in each.attempts])
        _insert(connection, "jobs_jobevent", [row for each in made for row in each.events])


def beat(service: Service) -> None:
    """Let the clusters and the jobs at work be heard of just now."""
    with _connected(service) as connection:
        connection.execute("UPDATE jobs_cluster SET heartbeat_at = now() - interval '1.4 s'")
        connection.execute("UPDATE jobs_job SET heartbeat_at = now() - interval '2.3 s' WHERE status = 'processing'")


def _connected(service: Service) -> psycopg.Connection[Any]:
    where = f"host={service.socket_dir} user=postgres dbname={service.database}"
    return psycopg.connect(where, autocommit=True)


def _owner(connection: psycopg.Connection[Any], name: str) -> int:
    statement = """
        INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active,
                               date_joined)
        VALUES (%s, '!', false, '', '', '', false, true, now()) RETURNING id
    """
    (number,) = connection.execute(statement, [name]).fetchone() or (0,)
    return int(number)


def _cluster(connection: psycopg.Connection[Any], host: str, pid: int, workers: int, cpu: int, mb: int) -> uuid.UUID:
    number = uuid.uuid4()
    row = {"id": number, "host": host, "pid": pid, "workers": workers, "cpu_percent": cpu, "memory_bytes": mb * 2**20}
    _insert(connection, "jobs_cluster", [row])
    return number


def _insert(connection: psycopg.Connection[Any], table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows, each with the columns that it names."""
    with connection.cursor() as cursor:
        for row in rows:
            names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
            known = {name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in row.items()}
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", known)


def _moments(chance: random.Random, owners: Sequence[int], now: datetime, count: int) -> list[tuple[int, datetime]]:
    """Return who posted and when: some owners more than others, and in each hour as much as it is busy."""
    ages_h = [place - chance.random() for place in chance.choices(range(len(_BUSY), 0, -1), _BUSY, k=count)]
    by_whom = chance.choices(owners, range(len(owners), 0, -1), k=count)
    latest = now - timedelta(seconds=100)  # nearly all that was posted then has ended by now
    return [(owner, latest - timedelta(hours=0.98 * age_h)) for owner, age_h in zip(by_whom, ages_h, strict=True)]


def _job(chance: random.Random, owner: int, created_at: datetime, **fields: Any) -> dict[str, Any]:
    title, scenes = chance.choice(_FILMS)
    document = [{"comment": title, "scenes": [{"duration": 4}] * scenes}]
    base = {"id": uuid.UUID(int=chance.getrandbits(128), version=4), "owner_id": owner, "config": document}
    state = {
        "strict": False,
        "priority": 0,
        "max_attempts": 3,
        "progress": 0,
        "warnings": [],
        "attempt": 0,
        "failures": 0,
    }
    times = {"created_at": created_at, "run_after": created_at, "updated_at": created_at}
    return base | state | times | fields


def _waiting(chance: random.Random, owner: int, now: datetime, number: int) -> Made:
    job = _job(chance, owner, now - timedelta(seconds=9 * number + 4), status="pending")
    return Made(job, events=[_event(job, job["created_at"], "queued")])


def _working(chance: random.Random, owner: int, now: datetime, number: int, clusters: Sequence[uuid.UUID]) -> Made:
    stage, progress, seconds = _AT_WORK[number]
    started_at = now - timedelta(seconds=seconds)
    host, pid, cluster = ("north", 4711 + number, clusters[0]) if number < 4 else ("south", 916 + number, clusters[1])
    worker = {"cluster": cluster, "worker_host": host, "worker_pid": pid, "worker_started_ticks": 1}
    lease = {"heartbeat_at": now, "lease_expires_at": now + timedelta(hours=1), "started_at": started_at}
    at = {"status": "processing", "stage": stage, "progress": progress, "attempt": 1}
    job = _job(chance, owner, now - timedelta(seconds=90 + seconds), **at, **worker, **lease)
    return Made(job, [_attempt(job, started_at)], [_event(job, started_at, "claimed")])


def _ended(chance: random.Random, owner: int, created_at: datetime, now: datetime) -> Made:
    status = chance.choices(("completed", "failed", "cancelled"), (88, 9, 3))[0]
    seconds = {stage: chance.lognormvariate(0, spread) * median for stage, (median, spread) in _STAGES.items()}
    started_at = created_at + timedelta(seconds=chance.expovariate(1 / 3))
    if status != "completed":
        seconds = dict(list(seconds.items())[: chance.randint(1, 4)])
    finished_at = min(started_at + timedelta(seconds=sum(seconds.values())), now)
    code, message, path = chance.choice(_ERRORS)
    error = {"code": code, "message": message, "path": path, "retryable": False} if status == "failed" else None
    times = {"started_at": started_at, "finished_at": finished_at, "updated_at": finished_at}
    progress = 100 if status == "completed" else 20 * len(seconds)
    failures = 1 if error else 0
    facts = {"status": status, "progress": progress, "attempt": 1, "failures": failures}
    job = _job(chance, owner, created_at, **facts, **times) | ({"error": error} if error else {})
    told = {"ended_at": finished_at, "outcome": status, "stage_seconds": {k.value: v for k, v in seconds.items()}}
    attempt = _attempt(job, started_at) | told | ({"error": error} if error else {})
    events = [_event(job, at, kind) for at, kind in ((created_at, "queued"), (started_at, "claimed"))]
    end = _event(job, finished_at, status) | {"data": {"status": status} | ({"error": error} if error else {})}
    return Made(job, [attempt], [*events, end])


def _attempt(job: dict[str, Any], started_at: datetime) -> dict[str, Any]:
    base = {"job_id": job["id"], "number": 1, "worker": "north:4711", "stderr_tail": ""}
    return base | {"due_at": job["created_at"], "started_at": started_at}


def _event(job: dict[str, Any], at: datetime, kind: str) -> dict[str, Any]:
    return {"job_id": job["id"], "attempt": 0 if kind == "queued" else 1, "at": at, "kind": kind, "worker": ""}
