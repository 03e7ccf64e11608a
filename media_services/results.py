"""Owns results: what a step of the work came to, kept under the hash of all that it depends on.

So a retry after a crash, on this host or another, and a later job with the same inputs find what is done. A result that
is not there, or is no longer what was kept, is made again; nothing depends on one being kept.
"""

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.core.files.storage import Storage, storages

from media_services.stored import Entry, Flat, listed, remove_all

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

log = logging.getLogger(__name__)
_BATCH = 100
_LISTED_AT_ONCE = 1000
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

    In a storage of files, and in a bucket, there is always one of the two, whole.
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
    """Say whether anything is kept under a name, whole or not; not where the storage fails."""
    try:
        return _storage().exists(name)
    except OSError:
        return False


def put_file(name: str, file: Path) -> None:
    """Keep a copy of a file; a storage that cannot take it is no reason to fail."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        _save(name, chain([digest.encode() + b"\n"], iter(partial(content.read, _CHUNK_BYTES), b"")))


def evict(most_bytes: int) -> Iterator[int]:
    """Delete the results that were of no use for the longest until the rest takes no more than so many bytes.

    Yields after each small batch how many it deleted, none while it lists them. In a storage that is not of files, age
    counts instead of use.
    """
    kept: list[Entry] = []
    for entry in listed(_storage(), ""):
        kept.append(entry)
        if len(kept) % _LISTED_AT_ONCE == 0:
            yield 0
    kept.sort()
    surplus = sum(entry.size_bytes for entry in kept) - most_bytes
    batch: list[str] = []
    for entry in kept:
        if surplus <= 0:
            break
        batch.append(entry.name)
        surplus -= entry.size_bytes
        if len(batch) == _BATCH:
            yield _evicted(batch)
            batch = []
    yield _evicted(batch)


def _evicted(names: list[str]) -> int:
    for some in [names] if isinstance(_storage(), Flat) else [[name] for name in names]:
        with contextlib.suppress(OSError):
            remove_all(_storage(), some)
    return len(names)


class Movable(File):  # type: ignore[type-arg]
    """A local file that a file system storage moves into place instead of copying it: it is there whole, or not."""

    def temporary_file_path(self) -> str:
        assert self.file is not None
        return str(self.file.name)


class _Streamed(io.RawIOBase):
    """What comes in chunks, to be read once from its beginning."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        while not self._left and (chunk := next(self._chunks, None)) is not None:
            self._left = memoryview(chunk)
        count = min(len(view), len(self._left))
        view[:count], self._left = self._left[:count], self._left[count:]
        return count


def _save(name: str, chunks: Iterable[bytes], *, replaces: bool = False) -> None:
    try:
        folder = _folder()
        if folder is None:
            _upload(name, chunks, replaces=replaces)
        else:
            _move_in(folder, name, chunks, replaces=replaces)
    except OSError as problem:
        log.warning("the result %s could not be kept: %s", name, problem)


def _upload(name: str, chunks: Iterable[bytes], *, replaces: bool) -> None:
    """Send a result to a storage that is not of files; a bucket has it when it is whole, in place of any other."""
    if replaces and not getattr(_storage(), "file_overwrite", False):
        _delete(name)
    saved = _storage().save(name, File(io.BufferedReader(_Streamed(chunks), _CHUNK_BYTES)))
    if saved != name:  # another was quicker
        _delete(saved)


def _move_in(folder: str, name: str, chunks: Iterable[bytes], *, replaces: bool) -> None:
    """Write a result beside its place and move it there; what a dying process leaves of it is evicted in its turn."""
    with NamedTemporaryFile(dir=folder, prefix="part-", delete=False) as part:
        try:
            part.writelines(chunks)
            part.flush()
            saved = _storage().save(name, Movable(part))
        finally:
            Path(part.name).unlink(missing_ok=True)
    if saved != name and replaces:
        Path(_storage().path(saved)).replace(_storage().path(name))
    elif saved != name:  # another was quicker
        _delete(saved)


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
