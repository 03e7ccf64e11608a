"""Owns the courier: the one process of a cluster that tells webhooks of the ends of jobs.

It claims what is due, sends it from a few threads, and writes what came of it. Only its main thread knows the
database; no host and no owner gets more than some of the threads, so that none who does not answer keeps the others
waiting.
"""

import logging
import time
from collections import Counter
from collections.abc import Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from django.db import DatabaseError, connection

from jobs.listening import listening
from jobs.models import WEBHOOK_CHANNEL, Job, WebhookDelivery, WebhookSecret
from jobs.webhook import Message, Outcome, Stopped, backoff, send
from media_services.network import reach_by_settings

log = logging.getLogger(__name__)
AT_ONCE = 16
AT_ONCE_TO_A_HOST = 2
AT_ONCE_FOR_AN_OWNER = 6
_POLL_S = 1.0
_SOON_S = 0.05  # while something is being sent, of which the end is looked for
_OUTAGE_S = 0.5
_LEAVE_S = 2.0  # for what is being sent when the cluster stops
Name = TypeVar("Name", bound=Hashable)


class Courier:
    """The courier of one cluster; `turn` is all that it does once."""

    def __init__(self) -> None:
        self.stopping = Event()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sending")
        self._under_way: dict[Future[Outcome | None], WebhookDelivery] = {}
        self._look_at = 0.0

    def turn(self) -> None:
        """Write what came of what was sent, send what is due, and wait for more. A lost database is waited for."""
        try:
            if self.write_ended() or time.monotonic() >= self._look_at:
                self.send_due()
                self._look_at = time.monotonic() + _POLL_S
            with listening(WEBHOOK_CHANNEL) as raw:
                for _ in raw.notifies(timeout=_SOON_S if self._under_way else _POLL_S, stop_after=1):
                    self._look_at = 0.0
        except DatabaseError as problem:
            log.warning("the database does not answer: %s", problem)
            connection.close()
            time.sleep(_OUTAGE_S)

    def send_due(self) -> None:
        """Claim and send what is due, as much as there are threads for."""
        while len(self._under_way) < AT_ONCE:
            delivery = WebhookDelivery.objects.claim(
                busy_hosts=_with_at_least(AT_ONCE_TO_A_HOST, (each.host for each in self._under_way.values())),
                busy_owners=_with_at_least(AT_ONCE_FOR_AN_OWNER, (each.owner_id for each in self._under_way.values())),
            )
            if delivery is None:
                return
            self._send(delivery)

    def _send(self, delivery: WebhookDelivery) -> None:
        """Put a message into words, if that was not done before, and let a thread send it."""
        try:
            message = message_of(delivery)
        except Job.DoesNotExist:
            return  # it was deleted at this moment, and the delivery with it
        except DatabaseError:
            raise
        except Exception:  # one that cannot be told must not keep the others waiting
            log.exception("%s cannot be put into words", delivery)
            write(delivery, Outcome(0, error="it could not be put into words"))
            return
        self._under_way[self._threads.submit(self._sent, message)] = delivery

    def _sent(self, message: Message) -> Outcome | None:
        """Send a message, in a thread; return None where that was given up because the cluster stops."""
        try:
            return send(message, reach_by_settings(), self.stopping)
        except Stopped:
            return None
        except Exception as problem:
            log.exception("%s failed unexpectedly", message.id)
            return Outcome(0, error=f"it could not be sent: {type(problem).__name__}")

    def write_ended(self) -> bool:
        """Write what came of what is no longer being sent, and say whether anything was.

        What the database cannot take is kept for the next turn.
        """
        ended = [future for future in self._under_way if future.done()]
        for future in ended:
            outcome, delivery = future.result(), self._under_way[future]
            if outcome is None:
                WebhookDelivery.objects.release(delivery)
            else:
                write(delivery, outcome)
            del self._under_way[future]
        return bool(ended)

    def leave(self) -> None:
        """Let what is being sent end within a moment; the rest is given back, for another to send at once."""
        wait(self._under_way, timeout=_LEAVE_S)
        self.stopping.set()
        self._threads.shutdown()
        try:
            self.write_ended()
        except DatabaseError as problem:
            log.warning("what came of it could not be written, and is sent again: %s", problem)


def message_of(delivery: WebhookDelivery) -> Message:
    """Return a claimed delivery as a message. Its body is written once, so that all tries send the same."""
    from jobs.api.webhook import body_of  # the whole web side, which is needed only here

    job = Job.objects.only("webhook_url").get(pk=delivery.job_id)
    if delivery.body is None:
        delivery.body = body_of(delivery)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(body=delivery.body)
    secret = WebhookSecret.objects.of(delivery.owner_id)
    return Message(delivery.message_id, job.webhook_url, delivery.body.encode(), secret.in_use)


def write(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Write what came of a try, and plan the next if it failed."""
    after = backoff(delivery.tries - delivery.tries_before)
    if WebhookDelivery.objects.record(delivery, after, **vars(outcome)):
        log.info("%s (%s of job %s): %s", delivery, delivery.event, delivery.job_id, outcome.error or outcome.status)


def _with_at_least(count: int, names: Iterable[Name]) -> list[Name]:
    """Return the names that come so often, each once."""
    return [name for name, times in Counter(names).items() if times >= count]
