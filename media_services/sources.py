"""Owns bringing a document's sources here and understanding them: concurrently, once each, with honest progress."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.files.storage import default_storage

from media_services.errors import ErrorCode, MediaError, StorageUnavailable
from media_services.fetch import Fetched, Fetcher
from media_services.journal import Journal, Outcome, Task, step, unheard
from media_services.kept import NOBODY, Asking, Shelf
from media_services.link import address_of, shown_url
from media_services.media import MediaKind, Probe, Source
from media_services.opening import open_plain
from media_services.probe import probe
from media_services.stage import Report

Result = TypeVar("Result")
_REPORT_S = 0.2
_HASH_BYTES = 1024**2
_USUAL_BYTES = 4 * 1024**2  # a source is taken for as long while no length is known of any


@dataclass(frozen=True)
class Wanted:
    """A source that a document names: the text of its `src`, the kind it must serve as, and its JSON pointer.

    `cache` says whether what was fetched and found out before may be used again.
    """

    src: str
    kind: MediaKind
    path: str
    cache: bool = True


@dataclass(frozen=True)
class Stored:
    """A source that lies in the file storage, which has no path for it: its name there."""

    name: str


Local = Path | Stored


class _Stopped(Exception):
    """Another task failed, or the caller wants no more; the result of this one is not needed."""


@dataclass
class _Task(Generic[Result]):
    """One piece of work for one thread, and how far it is; its fields are written by that thread only.

    `total_bytes` is None while nobody knows it.
    """

    path: str
    work: Callable[["_Task[Result]"], Result]
    stop: threading.Event = field(init=False)
    done_bytes: int = 0
    total_bytes: int | None = None

    def run(self) -> Result:
        self.tick()
        result = self.work(self)
        self.done_bytes = self.total_bytes = max(self.done_bytes, self.total_bytes or 0)
        return result

    def advance(self, done_bytes: int, total_bytes: int | None) -> None:
        self.done_bytes, self.total_bytes = done_bytes, total_bytes
        self.tick()

    def tick(self) -> None:
        if self.stop.is_set():
            raise _Stopped

    def left_bytes(self, usual_bytes: float) -> float:
        """Return how much is still to come; of what has no stated length, as much as a usual source and all so far."""
        if self.total_bytes is None:
            return usual_bytes + self.done_bytes
        return max(self.total_bytes - self.done_bytes, 0)


class _Progress:
    """How far some tasks are together, by bytes.

    How many bytes there are is learnt on the way, so that done by all is no fraction that could only rise. Instead
    whatever is done moves it by its share of what was left, be that now much more or much less than it seemed.
    """

    def __init__(self, tasks: Sequence[_Task[Any]]) -> None:
        self._tasks = tasks
        self._done_bytes = 0
        self._left = 1.0  # of all, as a fraction

    def look(self) -> float:
        """Look at the tasks and return the fraction; it rises if one of them has advanced, and stays if none has."""
        done_bytes = sum(task.done_bytes for task in self._tasks)
        moved_bytes = max(done_bytes - self._done_bytes, 0)
        self._done_bytes += moved_bytes
        if moved_bytes:
            left_bytes = self._left_bytes()
            self._left *= left_bytes / (left_bytes + moved_bytes)
        return 1 - self._left

    def _left_bytes(self) -> float:
        known = [task.total_bytes for task in self._tasks if task.total_bytes]
        usual_bytes = sum(known) / len(known) if known else _USUAL_BYTES
        return sum(task.left_bytes(usual_bytes) for task in self._tasks)


def fetch_all(
    wanted: Iterable[Wanted],
    folder: Path,
    *,
    local: Mapping[str, Local],
    report: Report = lambda fraction: None,
    asking: Asking = NOBODY,
    journal: Journal = unheard,
) -> dict[str, Fetched]:
    """Return a local file for every `src`: fetched into `folder` from its server or the storage, or one of `local`.

    What is kept for who is `asking` is not fetched again while it is new enough, or its server says that it has not
    changed, unless a source of that address says `cache: false`. `report` hears a rising fraction from the calling
    thread; what it raises stops all threads and passes through. `journal` hears of each source that is not local.
    Raises the MediaError of the first source in the document among those that failed, placed at its element.
    """
    client = Fetcher(folder, shelf=Shelf(asking))
    wanted = list(wanted)
    first = _first_by(wanted, lambda each: each.src)
    afresh = {address_of(each.src) for each in wanted if not each.cache}

    def task(each: Wanted) -> _Task[Fetched]:
        place = local.get(each.src)
        if isinstance(place, Stored):
            return _Task(each.path, lambda task: _read_stored(each.src, place, folder, task))
        if place is not None:
            return _Task(each.path, lambda task: _read_local(each.src, place, task))
        cache = address_of(each.src) not in afresh
        return _Task(each.path, lambda task: _fetch(client, each.src, task, journal, cache=cache))

    results = _run_all([task(each) for each in first.values()], report)
    return dict(zip(first, results, strict=True))


def probe_all(
    wanted: Iterable[Wanted],
    fetched: Mapping[str, Fetched],
    *,
    report: Report = lambda fraction: None,
    asking: Asking = NOBODY,
    journal: Journal = unheard,
) -> dict[tuple[str, MediaKind], Source]:
    """Return an understood Source for every (src, kind); each content is probed once for each kind.

    A content that was understood before is not opened, unless a source of it says `cache: false`. Reports, stops,
    tells and raises as `fetch_all` does.
    """
    wanted = list(wanted)
    prober = _Prober(wanted, fetched, Shelf(asking), journal)
    each_once = list(_first_by(wanted, lambda each: (each.src, each.kind)).values())
    contents = _first_by(each_once, lambda each: (fetched[each.src].sha256, each.kind))

    def task(each: Wanted) -> _Task[Probe]:
        size_bytes = fetched[each.src].size_bytes
        return _Task(each.path, lambda task: prober.understand(each, task), total_bytes=size_bytes)

    probes = dict(zip(contents, _run_all([task(each) for each in contents.values()], report), strict=True))
    return {
        (each.src, each.kind): _source(each.src, fetched[each.src], probes[fetched[each.src].sha256, each.kind])
        for each in each_once
    }


Key = TypeVar("Key")


def _first_by(wanted: Iterable[Wanted], key: Callable[[Wanted], Key]) -> dict[Key, Wanted]:
    """Return the first in the document for each key, in the document's order."""
    first: dict[Key, Wanted] = {}
    for each in wanted:
        first.setdefault(key(each), each)
    return first


def _fetch(client: Fetcher, src: str, task: _Task[Fetched], journal: Journal, *, cache: bool) -> Fetched:
    if not src.lower().startswith(("http://", "https://")):
        message = f"{shown_url(src)} is neither an http(s) URL nor a source known here"
        raise MediaError(ErrorCode.UNSAFE_URL, message)
    with step(journal, Task.FETCH, shown_url(src)) as entry:
        fetched = client.fetch(src, task.advance, cache=cache)
        entry.outcome = Outcome.KEPT if fetched.was_kept else Outcome.MADE
        entry.size_bytes = fetched.size_bytes
    return fetched


def _read_local(src: str, file: Path, task: _Task[Fetched]) -> Fetched:
    digest = hashlib.sha256()
    done_bytes = 0
    try:
        with open_plain(file) as opened:
            total_bytes = os.fstat(opened.fileno()).st_size
            while chunk := opened.read(_HASH_BYTES):
                digest.update(chunk)
                done_bytes += len(chunk)
                task.advance(done_bytes, total_bytes)
    except OSError as error:
        raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{src} could not be read: {error.strerror}") from error
    return Fetched(file, digest.hexdigest(), done_bytes)


def _read_stored(src: str, stored: Stored, folder: Path, task: _Task[Fetched]) -> Fetched:
    file = folder / f"stored-{hashlib.sha256(stored.name.encode()).hexdigest()}"
    digest = hashlib.sha256()
    done_bytes = 0
    try:
        with default_storage.open(stored.name) as content, file.open("wb") as copy:
            while chunk := content.read(_HASH_BYTES):
                digest.update(chunk)
                copy.write(chunk)
                done_bytes += len(chunk)
                task.advance(done_bytes, content.size)
    except FileNotFoundError as error:
        raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{src} is no longer in the storage") from error
    except StorageUnavailable as error:
        message, detail = f"{src} could not be read: {error.strerror}", str(error.__cause__)
        raise MediaError(ErrorCode.STORAGE_FAILED, message, retryable=True, detail=detail) from error
    return Fetched(file, digest.hexdigest(), done_bytes)


@dataclass(frozen=True)
class _Prober:
    """Understands the contents of some sources."""

    wanted: Sequence[Wanted]
    fetched: Mapping[str, Fetched]
    shelf: Shelf
    journal: Journal

    @cached_property
    def afresh(self) -> set[str]:
        """The hashes of the contents of which nothing that was found out before may be used."""
        return {self.fetched[each.src].sha256 for each in self.wanted if not each.cache}

    def understand(self, each: Wanted, task: _Task[Probe]) -> Probe:
        file = self.fetched[each.src]
        with step(self.journal, Task.PROBE, shown_url(each.src)) as entry:
            known = None if file.sha256 in self.afresh else self.shelf.find_probe(file.sha256, each.kind)
            if known:
                entry.outcome = Outcome.KEPT
                return known
            try:
                found = _probe(each, file.file, task)
            except MediaError:
                self.forget(file.sha256)
                raise
            self.shelf.keep_probe(file.sha256, each.kind, found)
        return found

    def forget(self, sha256: str) -> None:
        """Let the servers of a content send it again: one that was cut off unnoticed would stay so for ever."""
        for each in self.wanted:
            if self.fetched[each.src].sha256 == sha256:
                self.shelf.forget(address_of(each.src))


def _probe(each: Wanted, file: Path, task: _Task[Probe]) -> Probe:
    try:
        return probe(file, kind=each.kind, tick=lambda read_bytes: task.advance(read_bytes, task.total_bytes))
    except MediaError as error:
        message = f"{shown_url(each.src)}: {error.message}"
        raise MediaError(error.code, message, retryable=error.retryable, detail=error.detail) from error


def _source(src: str, fetched: Fetched, found: Probe) -> Source:
    return Source(src, fetched.file, fetched.sha256, fetched.size_bytes, found)


def _run_all(tasks: Sequence[_Task[Result]], report: Report) -> list[Result]:
    """Run tasks on a few threads and return their results in order; whatever ends it early, no thread runs on."""
    stop = threading.Event()
    for task in tasks:
        task.stop = stop
    threads = settings.VIDEOCRAFT.fetch_concurrency
    with ThreadPoolExecutor(threads, thread_name_prefix="sources") as pool:
        futures = [pool.submit(task.run) for task in tasks]
        try:
            _watch(tasks, futures, report)
        finally:
            stop.set()
    _raise_first(tasks, futures)
    return [future.result() for future in futures]


def _watch(tasks: Sequence[_Task[Result]], futures: Sequence[Future[Result]], report: Report) -> None:
    """Report until all is done or something failed."""
    progress = _Progress(tasks)
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=_REPORT_S, return_when=FIRST_COMPLETED)
        report(progress.look())
        if any(future.exception() for future in done):
            return
    report(1.0)


def _raise_first(tasks: Sequence[_Task[Result]], futures: Sequence[Future[Result]]) -> None:
    for task, future in zip(tasks, futures, strict=True):
        error = future.exception()
        if isinstance(error, MediaError):
            raise error.at(task.path) from error
        if error is not None and not isinstance(error, _Stopped):
            raise error
