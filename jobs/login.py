"""Owns how often a login may fail: a few times at once, and then after waits that double.

Attempts are counted for a name at an address, for an address, and for a name, whether there is such a user or not. An
attempt is counted before its password is looked at, so that many at once are not more than as many one after another.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from jobs.models import LoginFailures

FORGOTTEN = timedelta(days=1)
_FREE = {"both": 5, "address": 25, "name": 100}  # failures in a row before the first wait
_FIRST_WAIT_S = 10
_LONGEST_WAIT_S = 900


class TooManyAttempts(Exception):
    """Another attempt is not looked at before `wait_s` seconds have passed."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Attempt:
    """One try to log in, as somebody from somewhere."""

    def __init__(self, username: str, address: str) -> None:
        name = hashlib.sha256(username.strip().casefold().encode()).hexdigest()[:32]
        self.names = {
            f"both:{name}:{address}": _FREE["both"],
            f"address:{address}": _FREE["address"],
            f"name:{name}": _FREE["name"],
        }

    @transaction.atomic
    def begin(self) -> None:
        """Count it as failed; raise TooManyAttempts, uncounted, while there is to be waited."""
        LoginFailures.objects.bulk_create(
            [LoginFailures(name=name, failures=0) for name in sorted(self.names)], ignore_conflicts=True
        )
        rows = LoginFailures.objects.filter(name__in=self.names).order_by("name").select_for_update()
        known = {row.name: row for row in rows}
        wait_s = max(_wait_s(known, name, free) for name, free in self.names.items())
        if wait_s > 0:
            raise TooManyAttempts(wait_s)
        now = timezone.now()
        for name, row in known.items():
            failures = 1 if now - row.failed_at > FORGOTTEN else row.failures + 1
            LoginFailures.objects.filter(name=name).update(failures=failures, failed_at=now)

    def succeed(self) -> None:
        """Take it back: the count of his name begins anew, and that of his address is what it was."""
        address = LoginFailures.objects.filter(name__in=[name for name in self.names if name.startswith("address:")])
        address.filter(failures__gt=0).update(failures=F("failures") - 1)
        LoginFailures.objects.filter(name__in=[name for name in self.names if not name.startswith("address:")]).delete()


def _wait_s(known: Mapping[str, LoginFailures], name: str, free: int) -> float:
    row = known.get(name)  # None where a cleaning has just removed it
    if row is None or row.failures < free or timezone.now() - row.failed_at > FORGOTTEN:
        return 0.0
    wait_s = min(_FIRST_WAIT_S * 2 ** min(row.failures - free, 20), _LONGEST_WAIT_S)
    until: datetime = row.failed_at + timedelta(seconds=wait_s)
    return (until - timezone.now()).total_seconds()
