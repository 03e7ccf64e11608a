"""Owns hearing notifications on Django's own connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

_heard: dict[str, object] = {}  # the raw connection on which each channel is listened to


@contextmanager
def listening(channel: str) -> Iterator[Any]:
    """Give the raw connection, which hears a channel; what goes wrong with it is Django's DatabaseError."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        raw = connection.connection
        if _heard.get(channel) is not raw:
            raw.execute(f"LISTEN {channel}")
            _heard[channel] = raw
        yield raw


def stop_listening(channel: str) -> None:
    """Hear a channel no more: what nobody reads would pile up at the server."""
    raw = _heard.pop(channel, None)
    if raw is not None and raw is connection.connection:
        with connection.cursor() as cursor:
            cursor.execute(f"UNLISTEN {channel}")
