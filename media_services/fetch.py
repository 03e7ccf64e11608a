"""Owns the fetching of sources over HTTP: each URL once, in one folder, none sent again for nothing."""

import ssl
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.conf import settings

from media_services.addresses import Reach
from media_services.download import Download, Received, Tick
from media_services.errors import MediaError
from media_services.kept import Answer, Shelf, place_of, validator
from media_services.link import address_of
from media_services.network import BEAT_S, reach_by_settings


@dataclass(frozen=True)
class Fetched:
    """A local file, the SHA-256 of its content, and the type its server claimed (never believed).

    `was_kept` says that an earlier fetch had brought it.
    """

    file: Path
    sha256: str
    size_bytes: int
    content_type: str = ""
    was_kept: bool = False


def _no_tick(received_bytes: int, total_bytes: int | None) -> None:
    pass


@dataclass
class Fetcher:
    """Fetches URLs into a folder, where each distinct content is one file named by its SHA-256.

    Safe to use from several threads. `timeout_s` bounds a whole fetch, redirects and all its attempts included. On the
    `shelf` is what was fetched before.
    """

    folder: Path
    reach: Reach = field(default_factory=reach_by_settings)
    max_bytes: int = field(default_factory=lambda: settings.VIDEOCRAFT.fetch_max_bytes)
    timeout_s: float = field(default_factory=lambda: settings.VIDEOCRAFT.fetch_timeout.total_seconds())
    ssl_context: ssl.SSLContext | None = None
    shelf: Shelf = field(default_factory=Shelf)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _known: dict[str, Future[Fetched]] = field(default_factory=dict, init=False, repr=False)

    def fetch(self, url: str, tick: Tick = _no_tick, *, cache: bool = True) -> Fetched:
        """Fetch a URL, or return what an earlier or a simultaneous call for it got; raise MediaError.

        `tick` is called with the bytes received and announced (None if unknown), at least every 0.2 s while waiting
        or receiving; what it raises stops this fetch. A failed URL is fetched anew when asked for again. Nothing is
        left in the folder by a failure. Without `cache` the server sends it again, whatever is kept.
        """
        key = address_of(url)
        while True:
            with self._lock:
                mine = key not in self._known
                future = self._known.setdefault(key, Future())
            if mine:
                return self._settle(key, future, self._download(url, tick), cache)
            try:
                return _await(future, tick)
            except _Abandoned:
                continue

    def _download(self, url: str, tick: Tick) -> Download:
        return Download(url, self.folder, tick, self.reach, self.max_bytes, self.timeout_s, self.ssl_context)

    def _settle(self, key: str, future: Future[Fetched], download: Download, cache: bool) -> Fetched:
        """Do the work which other threads may be waiting for, and let them know how it ended."""
        try:
            known = self._last_answer(key) if cache else None
            fetched = self._at_hand(known, download) or self._asked_for(key, known, download)
        except BaseException as error:
            with self._lock:
                del self._known[key]
            future.set_exception(error if isinstance(error, MediaError) else _Abandoned())
            raise
        future.set_result(fetched)
        return fetched

    def _last_answer(self, address: str) -> Answer | None:
        """Return what the server last answered, if it would still be taken."""
        known = self.shelf.find(address)
        return known if known and known.size_bytes <= self.max_bytes else None

    def _at_hand(self, known: Answer | None, download: Download) -> Fetched | None:
        """Return what needs no asking; None where its server must be asked."""
        return self._take(known, download) if known and self.shelf.is_new_enough(known) else None

    def _asked_for(self, address: str, known: Answer | None, download: Download) -> Fetched:
        """Return what the server sends, or what is kept when it says that this has not changed."""
        asked_at = time.time()
        received = download.run(known)
        fetched = self._take(known, download) if received.is_unchanged else self._sent(received)
        if fetched is None:  # evicted, or found damaged, since the server was asked
            return self._asked_for(address, None, download)
        if not _may_be_stored(received):
            self.shelf.forget(address)
        elif known and fetched.was_kept:
            self.shelf.keep(address, replace(known, asked_at=asked_at), fetched.file)
        else:
            self.shelf.keep(address, _answer(received, asked_at), fetched.file)
        return fetched

    def _sent(self, received: Received) -> Fetched:
        file, content_type = self.folder / received.sha256, received.headers.get("Content-Type", "")
        return Fetched(file, received.sha256, received.size_bytes, content_type)

    def _take(self, known: Answer | None, download: Download) -> Fetched | None:
        """Return a content that is kept, in the folder; None where there is none, or it is damaged."""
        if known is None:
            return None
        file = self.folder / known.sha256
        with download.storage_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (file.exists() or self.shelf.take(known.sha256, file)):
                return None
        download.tick(known.size_bytes, known.size_bytes)
        return Fetched(file, known.sha256, known.size_bytes, known.content_type, was_kept=True)


class _Abandoned(Exception):
    """The thread that fetched was stopped by its own caller; those who waited for it must fetch themselves."""


def _await(future: Future[Fetched], tick: Tick) -> Fetched:
    while True:
        try:
            return future.result(timeout=BEAT_S)
        except NotYet:
            tick(0, None)


def _answer(received: Received, asked_at: float) -> Answer:
    return Answer(
        received.sha256,
        received.size_bytes,
        received.headers.get("Content-Type", ""),
        validator(received.headers, "ETag"),
        validator(received.headers, "Last-Modified"),
        place=place_of(received.url),
        asked_at=asked_at,
    )


def _may_be_stored(received: Received) -> bool:
    directives = received.headers.get("Cache-Control", "").lower().split(",")
    return "no-store" not in (directive.strip() for directive in directives)
