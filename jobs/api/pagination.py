"""Owns lists: newest first, a page at a time, each page found by where the one before ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing
from django.db.models import QuerySet

from jobs.api.errors import invalid_input
from media_services.errors import Problem

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def page(rows: "QuerySet[Any]", kind: str, query: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    """Return one page of rows and the cursor of the next, None after the last.

    `query` has `limit` and `cursor`; a cursor of another `kind` of list is refused. Rows that appear while a client
    pages are newer than its cursor, so no page repeats or skips any.
    """
    if cursor := query.get("cursor"):
        rows = _after(rows, *_read_cursor(cursor, kind))
    limit = query.get("limit", DEFAULT_LIMIT)
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], signing.dumps([last.created_at.isoformat(), str(last.pk)], salt=_salt(kind))


def _after(rows: "QuerySet[Any]", created_at: datetime, pk: UUID) -> "QuerySet[Any]":
    """Narrow to what comes after a row, with a first condition that is a range of the index."""
    return rows.filter(created_at__lte=created_at).exclude(created_at=created_at, id__gte=pk)


def _read_cursor(cursor: str, kind: str) -> tuple[datetime, UUID]:
    try:
        created_at, pk = signing.loads(cursor, salt=_salt(kind))
    except signing.BadSignature:
        problem = Problem("?cursor", "invalid-value", f"this is not a cursor that a list of {kind} returned")
        raise invalid_input([problem]) from None
    return datetime.fromisoformat(created_at), UUID(pk)


def _salt(kind: str) -> str:
    return f"videocraft.cursor.{kind}"
