"""Owns results: what a step of the work came to, kept under the hash of all that it depends on.

So a retry after a crash, on this host or another, and a later job with the same inputs find what is done. A result that
is not there, or is no longer what was kept, is made again; nothing depends on one being kept.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

log = logging.getLogger(__name__)
_BATCH = 100


def key(kind: str, **inputs: Any) -> str:
    """Return the name of a result: its kind, and the hash of its inputs, which must be JSON."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    return f"{kind}/{digest[:2]}/{digest}"


def take(name: str) -> bytes | None:
    """Return what was kept under a name, and note that it is of use; None when there is nothing, or it is damaged."""
    try:
        with _storage().open(name) as file:
            digest, _, content = bytes(file.read()).partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        log.warning("the result %s is damaged, and made again", name)
        _delete(name)
        return None
    with contextlib.suppress(OSError, NotImplementedError):
        os.utime(_storage().path(name))
    return content


def put(name: str, content: bytes) -> None:
    """Keep a result; a storage that cannot take it is no reason to fail. One half written is damaged: made again."""
    try:
        saved = _storage().save(name, ContentFile(hashlib.sha256(content).hexdigest().encode() + b"\n" + content))
        if saved != name:  # another was quicker
            _delete(saved)
    except OSError as problem:
        log.warning("the result %s could not be kept: %s", name, problem)


def evict(most_bytes: int) -> Iterator[int]:
    """Delete the results that were of no use for the longest until the rest takes no more than so many bytes.

    Yields after each small batch how many it deleted. In a storage that is not of files, age counts instead of use.
    """
    kept = sorted(_all(""))
    surplus = sum(size_bytes for _, size_bytes, _ in kept) - most_bytes
    batch = 0
    for _, size_bytes, name in kept:
        if surplus <= 0:
            break
        _delete(name)
        surplus -= size_bytes
        batch += 1
        if batch == _BATCH:
            yield batch
            batch = 0
    yield batch


def _all(folder: str) -> Iterator[tuple[datetime, int, str]]:
    """Yield when each result was last of use, its size and its name."""
    try:
        folders, files = _storage().listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        path = f"{folder}/{name}".lstrip("/")
        with contextlib.suppress(OSError):
            yield _storage().get_modified_time(path), _storage().size(path), path
    for name in folders:
        yield from _all(f"{folder}/{name}".lstrip("/"))


def _delete(name: str) -> None:
    with contextlib.suppress(OSError):
        _storage().delete(name)


def _storage() -> Storage:
    return storages["results"]
