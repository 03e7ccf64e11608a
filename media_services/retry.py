"""Owns when a server that failed is asked again: how often, and after how long."""

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 4  # in all; a server that is out for longer is for the next attempt of the job
FIRST_WAIT_S = 0.5  # doubled each time, so that four attempts wait for three or four seconds
LONGEST_WAIT_S = 30.0  # of what a server may ask for: meanwhile the job has its worker, and nothing moves


def is_passing(status: int) -> bool:
    """Say whether a status tells of something that may soon be over."""
    return status >= 500 or status in (408, 425, 429)


def wait_s(failures: int, retry_after: str = "") -> float:
    """Return for how long to wait after a number of failures, and after what the server said of it, if anything.

    By chance it is up to half as much again, so that those who failed together do not come back together.
    """
    own_s: float = FIRST_WAIT_S * 2 ** (failures - 1) * random.uniform(1, 1.5)  # noqa: S311 - no secret
    return max(own_s, min(_asked_for_s(retry_after), LONGEST_WAIT_S))


def _asked_for_s(retry_after: str) -> float:
    """Return the seconds that a Retry-After header asks for, in either of its forms; none if it makes no sense."""
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
