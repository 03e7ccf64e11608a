"""Owns what is done with a storage as a whole: where it is over a network, not by a request for each of its files."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import Storage


@dataclass(frozen=True, order=True)
class Entry:
    """A file in a storage: when it was last written, its size and its name."""

    modified_at: datetime
    size_bytes: int
    name: str


@runtime_checkable
class Flat(Protocol):
    """A storage over a network that knows no folders but names, and many of them at once: a bucket."""

    def listed(self, folder: str) -> Iterator[Entry]: ...

    def remove_all(self, names: Iterable[str]) -> None: ...

    def clear(self, beginning: str) -> None: ...

    def abort_uploads(self, folder: str, is_over: Callable[[Entry], bool]) -> int: ...

    def try_out(self, name: str) -> None: ...

    def get_ready(self) -> None: ...


def listed(storage: Storage, folder: str) -> Iterator[Entry]:
    """Yield all files in a folder of a storage and below it, those of one folder after another.

    Those that go meanwhile may be missing. Raises OSError.
    """
    if isinstance(storage, Flat):
        yield from storage.listed(folder)
        return
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        path = f"{folder}/{name}".lstrip("/")
        with contextlib.suppress(OSError):
            yield Entry(storage.get_modified_time(path), storage.size(path), path)
    for name in folders:
        yield from listed(storage, f"{folder}/{name}".lstrip("/"))


def remove_all(storage: Storage, names: Iterable[str]) -> None:
    """Delete files from a storage; those that are not there are none's loss. Raises OSError."""
    if isinstance(storage, Flat):
        storage.remove_all(names)
        return
    for name in names:
        storage.delete(name)


def try_out(storage: Storage) -> None:
    """Write a file to a storage and delete it; what is over a network is not waited for long. Raises OSError."""
    name = f"ready-{uuid4()}"
    if isinstance(storage, Flat):
        storage.try_out(name)
        return
    storage.delete(storage.save(name, ContentFile(b"ready")))


def get_ready(storage: Storage) -> None:
    """Load what using a storage takes: in a process that forks, it saves each fork half a second. Asks nobody."""
    if isinstance(storage, Flat):
        storage.get_ready()
