"""Owns counting what happened: the event of each transition once, into totals that outlive jobs and events.

The totals and the events that are not in them yet are read in one statement, and added and marked in one, so a figure
is exact at any moment, and never falls when jobs are deleted: cleaning counts them first.
"""

import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from jobs.models.event import COUNTED_KINDS

BATCH = 500
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

_KINDS = ", ".join(f"'{kind}'" for kind in COUNTED_KINDS)
_UNCOUNTED = f"kind IN ({_KINDS}) AND NOT is_counted"
_BOUNDS = ", ".join(map(str, BUCKETS_S))

# What the events in `told` are counted as. An event with a new status ended an attempt; a cancel of a pending job has
# none. When an attempt ends, all of its steps are there, for they are written only while it has the job. What belongs
# to an event is asked for one by one, along indexes: OFFSET 0 keeps the planner from reading whole tables instead.
_COUNTED = f"""
ended AS (
    SELECT told.*, attempt.stage_seconds FROM told CROSS JOIN LATERAL (
        SELECT stage_seconds FROM jobs_jobattempt WHERE job_id = told.job_id AND number = told.attempt OFFSET 0
    ) AS attempt
    WHERE told.data ? 'status'
), finished AS (
    SELECT told.*, coalesce(data ->> 'status', kind) AS outcome FROM told
    WHERE coalesce(data ->> 'status', kind) IN ('completed', 'failed', 'cancelled')
), step AS (
    SELECT step.data, jsonb_build_object('task', step.data -> 'task', 'outcome', step.data -> 'outcome') AS labels
    FROM ended CROSS JOIN LATERAL (
        SELECT data FROM jobs_jobevent
        WHERE job_id = ended.job_id AND attempt = ended.attempt AND kind = 'step' OFFSET 0
    ) AS step
), took AS (
    SELECT 'queue_wait' AS what, '{{}}'::jsonb AS labels, extract(epoch FROM started_at - due_at)::numeric AS seconds
    FROM told CROSS JOIN LATERAL (
        SELECT started_at, due_at FROM jobs_jobattempt WHERE job_id = told.job_id AND number = told.attempt OFFSET 0
    ) AS attempt
    WHERE kind = 'claimed' AND due_at IS NOT NULL
    UNION ALL
    SELECT 'stage', jsonb_build_object('stage', stage), seconds::numeric
    FROM ended CROSS JOIN LATERAL jsonb_each_text(stage_seconds) AS spent (stage, seconds)
    UNION ALL
    SELECT 'job', jsonb_build_object('outcome', outcome), extract(epoch FROM at - first_claimed_at)::numeric
    FROM finished CROSS JOIN LATERAL (
        SELECT min(claim.at) AS first_claimed_at FROM jobs_jobevent AS claim
        WHERE claim.job_id = finished.job_id AND claim.kind = 'claimed' AND claim.id < finished.id AND claim.id > (
            SELECT coalesce(max(wish.id), 0) FROM jobs_jobevent AS wish
            WHERE wish.job_id = finished.job_id AND wish.kind = 'retry_requested' AND wish.id < finished.id
        )
    ) AS claim
    WHERE first_claimed_at IS NOT NULL
), counted (name, labels, value) AS (
    SELECT 'jobs_submitted', '{{}}'::jsonb, 1::numeric FROM told WHERE kind = 'queued'
    UNION ALL
    SELECT 'jobs_finished', jsonb_build_object('outcome', outcome), 1 FROM finished
    UNION ALL
    SELECT 'job_failures', jsonb_build_object('code', data #> '{{error,code}}'), 1
    FROM finished WHERE outcome = 'failed'
    UNION ALL
    SELECT 'attempts', jsonb_build_object('outcome', kind), 1 FROM ended
    UNION ALL
    SELECT 'retries', jsonb_build_object('code', data #> '{{error,code}}'), 1
    FROM ended WHERE data ->> 'status' = 'pending' AND data ? 'error'
    UNION ALL
    SELECT 'steps', labels, 1 FROM step
    UNION ALL
    SELECT 'step_seconds', labels,
        greatest(round((data ->> 'ended_at')::numeric - (data ->> 'began_at')::numeric, 3), 0) FROM step
    UNION ALL
    SELECT 'fetched_bytes', labels - 'task', (data ->> 'size_bytes')::numeric
    FROM step WHERE data ->> 'size_bytes' IS NOT NULL
    UNION ALL
    SELECT what || '_seconds_bucket', labels || jsonb_build_object('le', coalesce(
        (SELECT min(bound) FROM unnest(ARRAY[{_BOUNDS}]::numeric[]) AS bound WHERE bound >= seconds)::text, '+Inf'
    )), 1 FROM took
    UNION ALL
    SELECT what || '_seconds_sum', labels, greatest(round(seconds, 3), 0) FROM took
)"""  # noqa: S608 - made of what stands here only

# Rows are added in one order everywhere, lest two that add wait for each other.
_ADD = f"""
WITH picked AS MATERIALIZED (
    SELECT id FROM jobs_jobevent WHERE {_UNCOUNTED} {{which}}
), told AS (
    UPDATE jobs_jobevent SET is_counted = true FROM picked WHERE jobs_jobevent.id = picked.id RETURNING jobs_jobevent.*
), {_COUNTED}, added AS (
    INSERT INTO jobs_total (name, labels, value)
    SELECT name, labels, sum(value) FROM counted GROUP BY name, labels ORDER BY name, labels
    ON CONFLICT (name, labels) DO UPDATE SET value = jobs_total.value + excluded.value
)
SELECT count(*) FROM told
"""  # noqa: S608 - likewise
_COUNT = _ADD.replace("{which}", "ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED")
_COUNT_OF = _ADD.replace("{which}", "AND job_id = ANY(%s) ORDER BY id FOR UPDATE")
_TOTALS = f"""
WITH told AS MATERIALIZED (SELECT * FROM jobs_jobevent WHERE {_UNCOUNTED}), {_COUNTED}
SELECT name, labels, sum(value) FROM (
    SELECT name, labels, value FROM jobs_total UNION ALL SELECT name, labels, value FROM counted
) AS every GROUP BY name, labels
"""  # noqa: S608 - likewise


def count(most: int) -> int:
    """Add events that were not counted to the totals, the earliest first; return how many those were.

    What another process counts at the moment is left to it.
    """
    return int(_execute(_COUNT, most)[0][0])


def count_of(jobs: Collection[UUID]) -> None:
    """Add all that happened to some jobs to the totals; to be called in the transaction that deletes them."""
    _execute(_COUNT_OF, list(jobs))


def totals() -> list[tuple[str, dict[str, str], Decimal]]:
    """Return every total by its name and labels, with what is not added yet."""
    return [(name, json.loads(labels), value) for name, labels, value in _execute(_TOTALS)]


def _execute(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        rows: list[Any] = cursor.fetchall()
    return rows


def count_jobs_of(instance: Any, **_: Any) -> None:
    """Add all that happened to the jobs of a user to the totals; a receiver of the signal that he is to be deleted."""
    from jobs.models.job import Job

    count_of(list(Job.objects.filter(owner=instance).values_list("pk", flat=True)))
