"""Owns one message to a webhook: signed as Standard Webhooks says, sent once, bounded, where nothing private is."""

import base64
import hashlib
import hmac
import logging
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import httpx

from media_services.addresses import Reach, UnknownHost, UnsafeAddress
from media_services.network import Unreasonable, answered

log = logging.getLogger(__name__)
TRY_S = 10.0
MOST_ANSWER_BYTES = 64 * 1024
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
_LONGEST_REASON = 300
_KEPT_CHARACTERS = 200  # of what a failing receiver answers
_DOUBLINGS = 20  # more would overflow before it is cut


@dataclass(frozen=True)
class Message:
    """What is to be sent: whereto, under which id, and the secrets that sign it, the newest first."""

    id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a try: the status of the answer, or why there was none, and in how many milliseconds."""

    took_ms: int
    status: int | None = None
    error: str = ""
    answer: str = ""


class Stopped(Exception):
    """The try was given up because this process is to leave; it says nothing about the receiver."""


class _Late(Exception):
    """The time for a try is over."""


def backoff(failures: int) -> timedelta:
    """Return how long to wait after so many failures: from 5 s doubling up to an hour, and up to a quarter more."""
    doubled = FIRST_DELAY * 2 ** min(max(failures - 1, 0), _DOUBLINGS)
    delay: timedelta = min(doubled, LONGEST_DELAY) * random.uniform(1, 1.25)  # noqa: S311 - no secret
    return delay


def signature(secrets: Iterable[str], message_id: str, at_s: int, body: bytes) -> str:
    """Return the signatures of a message, one for each secret: https://www.standardwebhooks.com, version 1."""
    signed = f"{message_id}.{at_s}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def send(message: Message, reach: Reach, stopping: Event) -> Outcome:
    """Post a message once; raise Stopped. All else that goes wrong is an outcome, a redirect as well: none is followed.

    The status counts as soon as it is there; the body is only read so that the receiver can end what it says.
    """
    began = time.monotonic()

    def beat() -> None:
        if stopping.is_set():
            raise Stopped
        if time.monotonic() - began > TRY_S:
            raise _Late

    status, error, answer = None, "", b""
    try:
        with _failures(), answered(_request(message), reach, beat) as response:
            status = response.status_code
            error = "" if response.is_success else f"answered {status} {response.reason_phrase}".rstrip()
            answer = _read(response)
    except _Failed as failure:
        error = error or str(failure)
    except Stopped:
        if status is None:
            raise
    shown = answer.decode(errors="replace") if error else ""
    took_ms = round((time.monotonic() - began) * 1000)
    return Outcome(took_ms, status, _storable(error, _LONGEST_REASON), _storable(shown, _KEPT_CHARACTERS))


def _storable(text: str, most: int) -> str:
    """Return the beginning of a stranger's text without what PostgreSQL refuses."""
    return text.replace("\x00", "")[:most]


def _request(message: Message) -> httpx.Request:
    at_s = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "VideoCraft",
        "Accept-Encoding": "identity",
        "webhook-id": message.id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": signature(message.secrets, message.id, at_s, message.body),
    }
    return httpx.Request("POST", message.url, content=message.body, headers=headers)


def _read(response: httpx.Response) -> bytes:
    """Return the beginning of a body, as far as it comes in time."""
    read = b""
    try:
        for chunk in response.iter_raw():
            read += chunk
            if len(read) >= MOST_ANSWER_BYTES:
                break
    except (httpx.TransportError, Unreasonable, _Late):
        log.debug("the answer broke off")
    return read


class _Failed(Exception):
    """There was no answer; the text says why."""


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what the network does, and what must not be done, into a failed try."""
    try:
        yield
    except (UnsafeAddress, UnknownHost, Unreasonable) as error:
        raise _Failed(str(error)) from error
    except _Late as error:
        raise _Failed(f"no answer within {TRY_S:g} s") from error
    except httpx.TimeoutException as error:
        raise _Failed("the server does not answer") from error
    except httpx.TransportError as error:
        raise _Failed(str(error) or type(error).__name__) from error
