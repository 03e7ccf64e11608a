"""Owns results: what a step of the work came to, kept under the hash of all that it depends on.

So a retry after a crash, on this host or another, and a later job with the same inputs find what is done. A result that
is not there, or is no longer what was kept, is made again; nothing depends on one being kept.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage, storages

log = logging.getLogger(__name__)
_BATCH = 100
_DIGEST_BYTES = 65  # in hexadecimal digits, and the end of their line
_CHUNK_BYTES = 2**18


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
        _discard(name)
        return None
    _note_use(name)
    return content


def put(name: str, content: bytes) -> None:
    """Keep a result; a storage that cannot take it is no reason to fail."""
    _save(name, [hashlib.sha256(content).hexdigest().encode() + b"\n", content])


def replace(name: str, content: bytes) -> None:
    """Keep a result in the place of the one that was kept under its name; as `put` otherwise.

    In a storage of files there is always one of the two, whole.
    """
    _save(name, [hashlib.sha256(content).hexdigest().encode() + b"\n", content], replaces=True)


def forget(name: str) -> None:
    """Keep a result no longer, if it was kept."""
    _delete(name)


def take_file(name: str, file: Path) -> bool:
    """Put what was kept under a name into a file, and say whether there was anything, whole."""
    part = file.with_name(f"{file.name}.part")
    digest = hashlib.sha256()
    try:
        with _storage().open(name) as kept, part.open("wb") as copy:
            stated = bytes(kept.read(_DIGEST_BYTES)).rstrip(b"\n")
            while chunk := kept.read(_CHUNK_BYTES):
                digest.update(chunk)
                copy.write(chunk)
    except FileNotFoundError:
        return False
    except OSError as problem:
        part.unlink(missing_ok=True)
        if problem.errno == errno.ENOSPC:
            raise
        return False
    if digest.hexdigest().encode() != stated:
        part.unlink()
        _discard(name)
        return False
    part.rename(file)
    _note_use(name)
    return True


def has(name: str) -> bool:
    """Say whether anything is kept under a name, whole or not."""
    return _storage().exists(name)


def put_file(name: str, file: Path) -> None:
    """Keep a copy of a file; a storage that cannot take it is no reason to fail."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        _save(name, chain([digest.encode() + b"\n"], iter(partial(content.read, _CHUNK_BYTES), b"")))


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


class Movable(File):  # type: ignore[type-arg]
    """A local file that a file system storage moves into place instead of copying it: it is there whole, or not."""

    def temporary_file_path(self) -> str:
        assert self.file is not None
        return str(self.file.name)


def _save(name: str, chunks: Iterable[bytes], *, replaces: bool = False) -> None:
    """Write a result beside its place and move it there; what a dying process leaves of it is evicted in its turn."""
    try:
        folder = _folder()
        if replaces and folder is None:
            _delete(name)
        with NamedTemporaryFile(dir=folder, prefix="part-", delete=False) as part:
            try:
                part.writelines(chunks)
                part.flush()
                saved = _storage().save(name, Movable(part))
            finally:
                Path(part.name).unlink(missing_ok=True)
        if saved != name and replaces and folder is not None:
            Path(_storage().path(saved)).replace(_storage().path(name))
        elif saved != name:  # another was quicker
            _delete(saved)
    except OSError as problem:
        log.warning("the result %s could not be kept: %s", name, problem)


def _folder() -> str | None:
    """Return where the storage's files lie; None for one that is not of files."""
    try:
        folder = _storage().path("")
    except NotImplementedError:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return folder


def _discard(name: str) -> None:
    log.warning("the result %s is damaged, and made again", name)
    _delete(name)


def _note_use(name: str) -> None:
    with contextlib.suppress(OSError, NotImplementedError):
        os.utime(_storage().path(name))


def _delete(name: str) -> None:
    with contextlib.suppress(OSError):
        _storage().delete(name)


def _storage() -> Storage:
    return storages["results"]
