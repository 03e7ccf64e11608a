"""Owns recognising a post that is sent again, by the key that its owner gave it and by what it says."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from django.db.models.functions import Now

from jobs.models import IdempotencyKey, Job

KEY_LIFE = timedelta(hours=24)


class KeyMismatch(Exception):
    """The owner gave the key to another post within its life."""


@dataclass(frozen=True)
class PostKey:
    """An owner's name for one post, and the digest by which that post is known again."""

    name: str
    body_sha256: str

    @classmethod
    def of(cls, name: str, body: Any) -> Self:
        """Name a post by its parsed JSON: spacing and the order of keys make no other post."""
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return cls(name, hashlib.sha256(canonical.encode()).hexdigest())


def find_earlier(owner: Any, key: PostKey) -> Job | None:
    """Return the job that the post with this key made, or None for a new or expired key; raise KeyMismatch."""
    living = IdempotencyKey.objects.filter(created_at__gt=Now() - KEY_LIFE)
    known = living.select_related("job").filter(owner=owner, key=key.name).first()
    if known is None:
        return None
    if known.body_sha256 != key.body_sha256:
        raise KeyMismatch
    return known.job


def keep_key(owner: Any, key: PostKey, job: Job) -> None:
    """Record the job of a key, in place of what an expired one recorded; call in the job's own transaction."""
    row = IdempotencyKey(owner=owner, key=key.name, body_sha256=key.body_sha256, job=job)
    IdempotencyKey.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["owner", "key"],
        update_fields=["body_sha256", "job", "created_at"],
    )
