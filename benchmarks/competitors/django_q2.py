"""Stock django-q2: its own cluster, with its ORM broker."""

from benchmarks.competitors.claiming import claims_within

NAME = "django-q2, ORM broker"
SETTINGS = "benchmarks.competitors.django_q2_settings"
WORKER: tuple[str, ...] = ("manage.py", "qcluster")  # with these settings, django-q2's own
OPEN_SQL = "SELECT count(*) FROM django_q_ormq"
EMPTY_SQL = "TRUNCATE django_q_ormq, django_q_task"
# what is finished is deleted from the queue and kept as a result
FILL_SQL = """
    WITH finished AS (
        INSERT INTO django_q_task (id, name, func, started, stopped, success, attempt_count)
        SELECT md5(number::text), 'no-op', 'benchmarks.competitors.task.note_start', now(), now(), true, 1
        FROM generate_series(1, %(rows)s - %(due)s) AS number
    )
    INSERT INTO django_q_ormq (key, payload, lock)
    SELECT 'default', repeat('x', 300), now() - (%(due)s - number + 1000) * interval '1 ms'
    FROM generate_series(1, %(due)s) AS number
"""
VACUUM_SQL = "VACUUM ANALYZE django_q_ormq, django_q_task"


def install() -> None:
    """Do nothing: the tables are there."""


def enqueue(starts: str) -> None:
    """Queue `note_start`."""
    from django_q.tasks import async_task

    async_task("benchmarks.competitors.task.note_start", starts)


def claim(seconds: float) -> tuple[int, float]:
    """Dequeue as the cluster's pusher does; return how many claims were made, and in how many seconds."""
    from django_q.brokers import get_broker

    broker = get_broker()
    return claims_within(seconds, lambda: bool(broker.dequeue()))
