"""Owns how many requests are answered: buckets in the database, which hold whichever process a request comes to."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from jobs.rate import Rate

# One statement, and a refusal writes nothing. The second part of it answers for a bucket that stays as it is.
_TAKE = """
WITH taken AS (
    INSERT INTO jobs_ratebucket AS bucket (name, full_at)
    VALUES (%(name)s, statement_timestamp() + %(cost_s)s * interval '1 second')
    ON CONFLICT (name) DO UPDATE
    SET full_at = greatest(bucket.full_at, statement_timestamp()) + %(cost_s)s * interval '1 second'
    WHERE bucket.full_at + %(cost_s)s * interval '1 second'
        <= statement_timestamp() + %(period_s)s * interval '1 second'
    RETURNING full_at
)
SELECT true, extract(epoch FROM full_at - statement_timestamp()) FROM taken
UNION ALL
SELECT false, extract(epoch FROM full_at - statement_timestamp()) FROM jobs_ratebucket
WHERE name = %(name)s AND NOT EXISTS (SELECT FROM taken)
"""


@dataclass(frozen=True)
class Allowance:
    """What is left in a bucket after a request."""

    rate: Rate
    until_full_s: float

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says of it: the bucket's size, what is left, and in how many seconds it will be full."""
        return {
            "X-RateLimit-Limit": str(self.rate.most),
            "X-RateLimit-Remaining": str(self.rate.remaining(self.until_full_s)),
            "X-RateLimit-Reset": str(math.ceil(max(0.0, self.until_full_s))),
        }


class RateExceeded(Exception):
    """The bucket is empty; the request is not answered."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__()
        self.allowance = allowance

    @property
    def retry_after_s(self) -> int:
        """In how many whole seconds there is one again."""
        return max(1, math.ceil(self.allowance.rate.wait_s(self.allowance.until_full_s)))


def bucket(name: str, rate: Rate) -> str:
    """Return what a bucket is called: what one of another period holds cannot be told by when it will be full."""
    return f"{name}/{rate.period_s}"


def take(name: str, rate: Rate | None) -> Allowance | None:
    """Take one out of a bucket, which is full when it is new; raise RateExceeded when it is empty.

    Returns None where there is no limit.
    """
    if rate is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"name": bucket(name, rate), "cost_s": rate.cost_s, "period_s": rate.period_s})
        # None when others made and emptied the bucket while this was waiting for it
        is_taken, until_full_s = cursor.fetchone() or (False, rate.period_s)
    allowance = Allowance(rate, float(until_full_s))
    if not is_taken:
        raise RateExceeded(allowance)
    return allowance


def refuse_if_empty(full_at: datetime | None, rate: Rate | None) -> None:
    """Raise RateExceeded when a bucket that will be full at this time has none left; take none."""
    if rate is None or full_at is None:
        return
    allowance = Allowance(rate, (full_at - timezone.now()).total_seconds())
    if rate.wait_s(allowance.until_full_s) > 0:
        raise RateExceeded(allowance)
