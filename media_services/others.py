"""Owns working beside others, here and on other hosts, who may want the same results: each is made by one of them."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from django.conf import settings

from media_services import results
from media_services.journal import Outcome
from media_services.render import keys

LOOK_S = 0.25


def patience_s() -> float:
    """Return how long one waits for a result that another makes, whose host may be gone without a word.

    It is less than one's own work may stand still.
    """
    return float(settings.VIDEOCRAFT.job_stall_timeout.total_seconds())


class Others(Protocol):
    """What others are making; safe to use from several threads. `work` is what this work is called among them."""

    work: str

    def claim(self, name: str) -> bool:
        """Say whether nobody is making a result; if so, it is the caller's to make until released, or until he dies."""
        ...

    def release(self, name: str) -> None: ...

    def invite(self, pieces: int) -> None:
        """Tell those who are free that so many pieces of this work are open to them; 0 when none is any more."""
        ...


class Nobody:
    """The others of work that is done alone."""

    work = ""

    def claim(self, name: str) -> bool:
        return True

    def release(self, name: str) -> None:
        pass

    def invite(self, pieces: int) -> None:
        pass


def made_once(
    name: str, others: Others, *, take: Callable[[], bool], make: Callable[[], None], tick: Callable[[], None]
) -> Outcome:
    """Take a result, or make it; while another makes it, wait for that.

    `take` says whether it was there; `tick` is called at least four times a second while this waits, and may raise.
    """
    return Outcome.KEPT if take() else made_beside(name, others, take=take, make=make, tick=tick)


def made_beside(
    name: str, others: Others, *, take: Callable[[], bool], make: Callable[[], None], tick: Callable[[], None]
) -> Outcome:
    """Make a result that was not there a moment ago, or wait for another who makes it; as `made_once` otherwise."""
    deadline = time.monotonic() + patience_s()
    while not (is_mine := others.claim(name)) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        tick()
    try:
        if take():
            return Outcome.SHARED
        make()
        return Outcome.MADE
    finally:
        if is_mine:
            others.release(name)


@contextmanager
def invitation(others: Others, contents: Mapping[str, str]) -> Iterator[None]:
    """Let others know, for as long as this lasts, the content (SHA-256) of each source of this work."""
    if others.work:
        results.put(_invitation_name(others), json.dumps(contents).encode())
    try:
        yield
    finally:
        if others.work:
            results.forget(_invitation_name(others))


def invited(others: Others) -> dict[str, str] | None:
    """Return the contents of the sources of some work; None where its results are not kept or are another release's."""
    content = results.take(_invitation_name(others))
    return None if content is None else dict(json.loads(content))


def _invitation_name(others: Others) -> str:
    # another release makes pieces under other names, which nobody would take
    return results.key("invitations", work=others.work, engine=keys.engine())
