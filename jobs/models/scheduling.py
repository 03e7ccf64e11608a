"""Owns whose job is next, in SQL: the claim's choice, where each job stands, and who has as many at work as he may.

Higher priority first; within one, the owner with the fewest jobs at work, then the one who was served longest ago, then
first come. An owner with as many jobs at work as he may have is passed over. While the queue is paused none is next.
"""

from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Exists, Q
from django.db.models.functions import Now

from jobs.labels import WorkerLabels
from jobs.models.service import Cluster
from jobs.models.state import EVENTS_CHANNEL, JobStatus

# `place` hops from each priority and owner to the next, one probe of the index `job_due` for each: ten thousand jobs of
# one owner are one place, whatever labels they ask for. `mine` are the lists of labels of which this worker takes jobs:
# without labels the empty one, with one two, with eight 256. Each is one more probe in each place, so of many only
# those are tried of which jobs are pending; of few that question would cost more than it saves.
#
# `turn` is in the order of serving, and is read in that order until an owner has a job that nobody else holds. What it
# must know of each owner it asks for in subqueries, for these are planned in 0.5 ms, and joins in 0.6. OFFSET 0 keeps
# them from being asked once more for the condition.
#
# That labels are equal is written as neither more nor less, in the order of an index. With the equality, and
# statistics by which all jobs ask for the same, the planner expects the first row it meets to be the one, and reads
# the whole table for a worker that may have none of them (11 ms beside 10,000 such jobs, and 0.1 as it stands).
_OF_MANY = """
    WHERE listed = '' OR listed = (
        SELECT labels FROM jobs_job
        WHERE status = 'pending' AND labels <> '' AND labels >= listed ORDER BY labels LIMIT 1
    )"""
_FEW = 2
_TURNS = """
WITH RECURSIVE place AS (
    (
        SELECT priority, owner_id FROM jobs_job
        WHERE status = 'pending' AND NOT EXISTS (SELECT FROM jobs_queuepause)
        ORDER BY priority DESC, owner_id DESC LIMIT 1
    )
    UNION ALL
    SELECT below.* FROM place, LATERAL (
        SELECT priority, owner_id FROM jobs_job
        WHERE status = 'pending' AND (priority, owner_id) < (place.priority, place.owner_id)
        ORDER BY priority DESC, owner_id DESC LIMIT 1
    ) AS below
), mine AS MATERIALIZED (
    SELECT listed COLLATE "C" AS labels FROM unnest(%(lists)s::text[]) AS listed{listed}
), turn AS MATERIALIZED (
    SELECT priority, owner_id, labels, most FROM (
        SELECT priority, owner_id, labels,
            (SELECT count(*) FROM jobs_job WHERE status = 'processing' AND owner_id = place.owner_id) AS working,
            (SELECT served_at FROM jobs_ownerturn WHERE owner_id = place.owner_id) AS served_at,
            coalesce(
                (SELECT concurrent_jobs FROM jobs_ownerquota WHERE user_id = place.owner_id), %(concurrent_jobs)s
            ) AS most,
            (
                SELECT created_at FROM jobs_job
                WHERE status = 'pending' AND run_after <= statement_timestamp()
                    AND priority = place.priority AND owner_id = place.owner_id
                    AND labels >= mine.labels AND labels <= mine.labels
                ORDER BY labels, created_at, id LIMIT 1
            ) AS came_at
        FROM place CROSS JOIN mine OFFSET 0
    ) AS waiting
    WHERE came_at IS NOT NULL AND (most = 0 OR working < most)
    ORDER BY priority DESC, working, served_at NULLS FIRST, came_at, owner_id
)"""
_DUE = """
    SELECT job.id, job.due_at, turn.most FROM turn CROSS JOIN LATERAL (
        SELECT id, greatest(run_after, updated_at) AS due_at FROM jobs_job
        WHERE status = 'pending' AND run_after <= statement_timestamp()
            AND priority = turn.priority AND owner_id = turn.owner_id
            AND labels >= turn.labels AND labels <= turn.labels
        ORDER BY labels, created_at, id LIMIT 1 {locking}
    ) AS job LIMIT 1
"""

_NEXT = f"{_TURNS} {_DUE.format(locking='')}"

# One statement, and the row that is found is found once: as a subquery of the UPDATE, under stale statistics, it was
# looked for again for each row, and five were claimed at once.
#
# Two claims at the same moment count the same jobs at work. An owner with a limit therefore has so many seats, and the
# database gives no seat twice: the later claim is refused, and has to be made again.
_CLAIM = f"""
{_TURNS}, due AS MATERIALIZED ({_DUE.format(locking="FOR UPDATE SKIP LOCKED")}), claimed AS (
    UPDATE jobs_job SET
        status = 'processing', stage = %(stage)s, progress = 0, attempt = attempt + 1, error = NULL,
        cluster = %(cluster)s, worker_host = %(host)s, worker_realm = %(realm)s, worker_pid = %(pid)s,
        worker_started_ticks = %(started_ticks)s, heartbeat_at = statement_timestamp(),
        lease_expires_at = statement_timestamp() + %(lease)s,
        started_at = coalesce(started_at, statement_timestamp()), updated_at = statement_timestamp(),
        seat = (
            SELECT min(number) FROM generate_series(1, least(due.most, 1 + (
                SELECT count(*) FROM jobs_job AS other
                WHERE other.status = 'processing' AND other.owner_id = jobs_job.owner_id
            ))) AS number WHERE NOT EXISTS (
                SELECT FROM jobs_job AS other
                WHERE other.status = 'processing' AND other.owner_id = jobs_job.owner_id AND other.seat = number
            )
        )
    FROM due WHERE jobs_job.id = due.id RETURNING jobs_job.*
), opened AS (
    INSERT INTO jobs_jobattempt (job_id, number, worker, due_at, started_at, stderr_tail, stage_seconds)
    SELECT claimed.id, attempt, %(worker)s, due_at, statement_timestamp(), '', '{{}}' FROM claimed, due
), told AS (
    INSERT INTO jobs_jobevent (job_id, attempt, kind, worker) SELECT id, attempt, 'claimed', %(worker)s FROM claimed
), served AS (
    INSERT INTO jobs_ownerturn (owner_id, served_at) SELECT owner_id, statement_timestamp() FROM claimed
    ON CONFLICT (owner_id) DO UPDATE SET served_at = excluded.served_at
)
SELECT claimed.* FROM claimed, pg_notify('{EVENTS_CHANNEL}', claimed.id::text)
"""  # noqa: S608 - made of what stands here only

# Where the job of the outer query stands among those that are due, if none ends and none comes: the place that claiming
# one after another would give it. What its owner may not yet have at work comes last.
POSITION = """
(WITH working AS MATERIALIZED (
    SELECT owner_id, count(*) AS jobs FROM jobs_job WHERE status = 'processing' GROUP BY owner_id
), waiting AS MATERIALIZED (
    SELECT id, owner_id, priority, created_at,
        row_number() OVER mine AS number,
        first_value(created_at) OVER mine AS came_at, first_value(id) OVER mine AS first
    FROM jobs_job WHERE status = 'pending' AND run_after <= statement_timestamp()
    WINDOW mine AS (PARTITION BY owner_id ORDER BY priority DESC, created_at, id)
), place AS MATERIALIZED (
    SELECT waiting.id, row_number() OVER (
        ORDER BY
            coalesce(working.jobs, 0) + number
                > coalesce(nullif(coalesce(quota.concurrent_jobs, %s), 0), 2^31),
            priority DESC, coalesce(working.jobs, 0) + number, number, served_at NULLS FIRST, came_at, first
    ) AS position
    FROM waiting
    LEFT JOIN working ON working.owner_id = waiting.owner_id
    LEFT JOIN jobs_ownerturn AS before ON before.owner_id = waiting.owner_id
    LEFT JOIN jobs_ownerquota AS quota ON quota.user_id = waiting.owner_id
) SELECT position FROM place WHERE place.id = jobs_job.id)
"""


def next_due(labels: WorkerLabels) -> tuple[str, dict[str, Any]]:
    """Return the statement that reads the id of the job which a worker with these labels would claim now."""
    return _stated(_NEXT, labels)


def claim(labels: WorkerLabels) -> tuple[str, dict[str, Any]]:
    """Return the statement by which a worker with these labels claims the next job; it also needs the facts of both."""
    return _stated(_CLAIM, labels)


def _stated(statement: str, labels: WorkerLabels) -> tuple[str, dict[str, Any]]:
    lists = [",".join(chosen) for chosen in labels.lists()]
    known = {"concurrent_jobs": settings.VIDEOCRAFT.quota_concurrent_jobs, "lists": lists}
    return statement.replace("{listed}", _OF_MANY if len(lists) > _FEW else ""), known


def has_no_worker() -> Q:
    """Say of the job of a query whether it is due and no living cluster takes it."""
    return Q(~Exists(Cluster.objects.taking_it()), status=JobStatus.PENDING, run_after__lte=Now())


def was_seat_taken(error: IntegrityError) -> bool:
    """Say whether a claim failed only because another one was quicker."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) == "one_job_to_a_seat"
