"""Owns claims on results that are being made: locks in the database, gone with the process that holds them."""

import hashlib
import logging
import threading
import time
from typing import Any

from django.db import DatabaseError, connection

from media_services.process import Send

log = logging.getLogger(__name__)
_AGAIN_S = 5.0
_SPACE = b"videocraft results: "  # what tells these locks from others of the same database


class Claims:
    """What this process makes of what many may want, by a connection of its own to the database.

    A lock is held by the session, so it must not go through a pooler that hands sessions around. While the database is
    away everything may be made by everybody, which does no harm but that it may be done twice.
    """

    def __init__(self, work: str, send: Send) -> None:
        """`work` is what the work is called; `send` tells the worker how much of it is open to others."""
        self.work = work
        self._send = send
        self._database = connection.copy()
        self._database.inc_thread_sharing()
        self._lock = threading.Lock()
        self._held: set[int] = set()
        self._away_until = 0.0
        self._open = 0

    def claim(self, name: str) -> bool:
        number = _number(name)
        with self._lock:
            if number in self._held or not self._ask("SELECT pg_try_advisory_lock(%s)", number, instead=True):
                return False
            self._held.add(number)
            return True

    def release(self, name: str) -> None:
        number = _number(name)
        with self._lock:
            if number in self._held:
                self._held.remove(number)
                self._ask("SELECT pg_advisory_unlock(%s)", number, instead=False)

    def invite(self, pieces: int) -> None:
        """Tell the worker, which tells the others."""
        if pieces != self._open:
            self._open = pieces
            self._send({"open_pieces": pieces})

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _ask(self, question: str, number: int, *, instead: bool) -> Any:
        """Return the database's answer, or, while it is away, another instead."""
        if time.monotonic() < self._away_until:
            return instead
        try:
            with self._database.cursor() as cursor:
                cursor.execute(question, [number])
                return cursor.fetchone()[0]
        except DatabaseError as problem:
            log.warning("the database does not answer: %s", problem)
            self._database.close()
            self._away_until = time.monotonic() + _AGAIN_S
            return instead


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(_SPACE + name.encode()).digest()[:8], signed=True)
