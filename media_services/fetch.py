"""Owns the fetching of sources over HTTP: every URL checked, capped and hashed, none sent again for nothing."""

import hashlib
import os
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from django.conf import settings

from media_services.addresses import AllowList, UnknownHost, UnsafeAddress
from media_services.errors import ErrorCode, MediaError
from media_services.kept import Answer, Shelf, place_of, validator
from media_services.network import BEAT_S, answered

MAX_REDIRECTS = 5
_HEADERS = {"User-Agent": "VideoCraft", "Accept": "*/*", "Accept-Encoding": "identity"}
_RETRYABLE = {408, 425, 429}  # and every 5xx
_DRIVE_HOSTS = {"drive.google.com", "docs.google.com"}
_DROPBOX_HOSTS = {"dropbox.com", "www.dropbox.com"}

Tick = Callable[[int, int | None], None]


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


def address_of(url: str) -> str:
    """Return the address that a source is known by: URLs that lead to the same request have the same one."""
    return direct_url(url).partition("#")[0]


def direct_url(url: str) -> str:
    """Turn a Google Drive or Dropbox share link into the address of the file itself; leave all others as they are."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return url
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if host in _DRIVE_HOSTS:
        return _drive_download(parts.path, query) or url
    if host in _DROPBOX_HOSTS and parts.path.startswith(("/s/", "/scl/fi/")) and "raw" not in query:
        return parts._replace(query=urlencode(query | {"dl": "1"}), fragment="").geturl()
    return url


def _drive_download(path: str, query: dict[str, str]) -> str | None:
    in_path = re.match(r"/file/(?:u/\d+/)?d/([\w-]+)", path)
    named = query.get("id") if path in ("/open", "/uc") else None
    file_id = in_path[1] if in_path else named
    if not file_id:
        return None
    # `confirm` passes the page that warns of files too large for a virus scan.
    wanted = {"id": file_id, "export": "download", "confirm": "t"}
    wanted |= {"resourcekey": query["resourcekey"]} if "resourcekey" in query else {}
    return "https://drive.usercontent.google.com/download?" + urlencode(wanted)


def shown_url(url: str) -> str:
    """Return a URL as it may appear in a message: without the secrets its user name or its query may carry."""
    bare = re.sub(r"//[^/?#]*@", "//", url)
    shown = re.sub(r"\?.*", "?…", bare.partition("#")[0], flags=re.DOTALL)
    return shown if len(shown) <= 200 else shown[:199] + "…"


class _Late(Exception):
    """The total time of a fetch is over."""


@dataclass
class _Transfer:
    """One fetch under way: where it is, how much has come, when it must end."""

    asked: str
    tick: Tick
    deadline: float
    url: str = ""
    received_bytes: int = 0
    total_bytes: int | None = None

    def beat(self) -> None:
        self.tick(self.received_bytes, self.total_bytes)
        if time.monotonic() > self.deadline:
            raise _Late

    def __str__(self) -> str:
        if self.url in ("", self.asked, direct_url(self.asked)):
            return shown_url(self.asked)
        return f"{shown_url(self.asked)} (redirected to {shown_url(self.url)})"


def _no_tick(received_bytes: int, total_bytes: int | None) -> None:
    pass


def _allowed_by_settings() -> AllowList:
    return AllowList.parse(settings.VIDEOCRAFT.fetch_allow)


@dataclass
class Fetcher:
    """Fetches URLs into a folder, where each distinct content is one file named by its SHA-256.

    Safe to use from several threads. `timeout_s` bounds a whole fetch, redirects included. On the `shelf` is what was
    fetched before.
    """

    folder: Path
    allow: AllowList = field(default_factory=_allowed_by_settings)
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
                return self._settle(key, future, _Transfer(url, tick, time.monotonic() + self.timeout_s), cache)
            try:
                return _await(future, tick)
            except _Abandoned:
                continue

    def _settle(self, key: str, future: Future[Fetched], transfer: _Transfer, cache: bool) -> Fetched:
        """Do the work which other threads may be waiting for, and let them know how it ended."""
        try:
            with self._errors_of(transfer):
                known = self._last_answer(key) if cache else None
                fetched = self._at_hand(known, transfer) or self._asked_for(key, known, transfer)
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

    def _at_hand(self, known: Answer | None, transfer: _Transfer) -> Fetched | None:
        """Return what needs no asking; None where its server must be asked."""
        return self._take(known, transfer) if known and self.shelf.is_new_enough(known) else None

    def _asked_for(self, address: str, known: Answer | None, transfer: _Transfer) -> Fetched:
        """Return what the server sends, or what is kept when it says that this has not changed."""
        asked_at = time.time()
        with self._followed(transfer, known) as response:
            sent = None if response.status_code == 304 else self._store(response, transfer)
        fetched = sent or self._take(known, transfer)
        if fetched is None:  # evicted, or found damaged, since the server was asked
            return self._asked_for(address, None, transfer)
        if not _may_be_stored(response):
            self.shelf.forget(address)
        elif known and fetched.was_kept:
            self.shelf.keep(address, replace(known, asked_at=asked_at), fetched.file)
        else:
            self.shelf.keep(address, _answer(fetched, response, transfer.url, asked_at), fetched.file)
        return fetched

    def _take(self, known: Answer | None, transfer: _Transfer) -> Fetched | None:
        """Return a content that is kept, in the folder; None where there is none, or it is damaged."""
        if known is None:
            return None
        file = self.folder / known.sha256
        with _storage_errors(transfer):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (file.exists() or self.shelf.take(known.sha256, file)):
                return None
        transfer.tick(known.size_bytes, known.size_bytes)
        return Fetched(file, known.sha256, known.size_bytes, known.content_type, was_kept=True)

    @contextmanager
    def _followed(self, transfer: _Transfer, known: Answer | None) -> Iterator[httpx.Response]:
        """Open the answer at the end of the redirects, each of them checked like the first URL.

        Its status is 200, or 304 where it was asked whether what is `known` has changed.
        """
        target = _checked(direct_url(transfer.asked), transfer)
        for _ in range(MAX_REDIRECTS + 1):
            transfer.url = str(target)
            condition = known.condition(transfer.url) if known else {}
            request = httpx.Request("GET", target, headers=_HEADERS | condition)
            with answered(request, self.allow, transfer.beat, ssl_context=self.ssl_context) as response:
                if not response.has_redirect_location:
                    if not (condition and response.status_code == 304):
                        _require_success(response, transfer)
                    yield response
                    return
                target = _checked(_location(target, response), transfer)
        raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{transfer} redirects more than {MAX_REDIRECTS} times")

    def _store(self, response: httpx.Response, transfer: _Transfer) -> Fetched:
        """Write the body to a temporary file while hashing it, and give it the name of its content."""
        transfer.total_bytes = int(response.headers.get("Content-Length", 0)) or None
        self._require_size(transfer.total_bytes or 0, transfer)
        temporary = None
        try:
            with _storage_errors(transfer):
                self.folder.mkdir(parents=True, exist_ok=True)
                handle, temporary = tempfile.mkstemp(dir=self.folder, prefix="fetching-")
            with os.fdopen(handle, "wb") as file:
                sha256 = self._copy(response, file, transfer)
            with _storage_errors(transfer):
                os.replace(temporary, self.folder / sha256)
        except BaseException:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise
        content_type = response.headers.get("Content-Type", "")
        return Fetched(self.folder / sha256, sha256, transfer.received_bytes, content_type)

    def _copy(self, response: httpx.Response, file: IO[bytes], transfer: _Transfer) -> str:
        digest = hashlib.sha256()
        for chunk in response.iter_raw():
            transfer.received_bytes += len(chunk)
            self._require_size(transfer.received_bytes, transfer)
            digest.update(chunk)
            with _storage_errors(transfer):
                file.write(chunk)
        with _storage_errors(transfer):
            file.flush()
        transfer.tick(transfer.received_bytes, transfer.total_bytes)
        return digest.hexdigest()

    def _require_size(self, size_bytes: int, transfer: _Transfer) -> None:
        if size_bytes > self.max_bytes:
            limit_mib = self.max_bytes / 2**20
            raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{transfer} is larger than the allowed {limit_mib:.4g} MiB")

    @contextmanager
    def _errors_of(self, transfer: _Transfer) -> Iterator[None]:
        """Turn what the network does into MediaErrors that name the URL."""
        try:
            yield
        except UnsafeAddress as error:
            opened = "only public addresses are fetched from, unless VIDEOCRAFT_FETCH_ALLOW opens others"
            raise MediaError(ErrorCode.UNSAFE_URL, f"{transfer} is refused: {error}; {opened}") from error
        except UnknownHost as error:
            raise _failed(transfer, str(error), retryable=error.temporary) from error
        except _Late as error:
            raise _failed(transfer, f"not finished after {self.timeout_s:g} s", retryable=True) from error
        except httpx.TimeoutException as error:
            raise _failed(transfer, "the server does not answer", retryable=True) from error
        except httpx.TransportError as error:
            raise _failed(transfer, str(error) or type(error).__name__, retryable=not _distrusted(error)) from error


class _Abandoned(Exception):
    """The thread that fetched was stopped by its own caller; those who waited for it must fetch themselves."""


def _await(future: Future[Fetched], tick: Tick) -> Fetched:
    while True:
        try:
            return future.result(timeout=BEAT_S)
        except NotYet:
            tick(0, None)


def _checked(url: str | httpx.URL, transfer: _Transfer) -> httpx.URL:
    """Parse a URL that is about to be opened, and refuse what no source needs."""
    try:
        target = httpx.URL(url).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _refused(transfer, f"it is not a valid URL ({error})") from error
    transfer.url = str(target)
    if target.scheme not in ("http", "https"):
        raise _refused(transfer, "only http and https URLs are fetched")
    if not target.host or (target.port is not None and not 0 < target.port < 65536):
        raise _refused(transfer, "it is not a valid URL (its host or port)")
    if target.userinfo:
        raise _refused(transfer, "it carries a user name or password; use a signed link or an upload instead")
    return target


def _location(target: httpx.URL, response: httpx.Response) -> str | httpx.URL:
    location = response.headers["Location"]
    try:
        return target.join(location)
    except (httpx.InvalidURL, ValueError):
        return str(location)


def _require_success(response: httpx.Response, transfer: _Transfer) -> None:
    status = response.status_code
    if status != 200:
        raise _failed(
            transfer,
            f"the server answered {status} {response.reason_phrase}".rstrip(),
            retryable=status >= 500 or status in _RETRYABLE,
        )


def _answer(fetched: Fetched, response: httpx.Response, url: str, asked_at: float) -> Answer:
    tag, date = (validator(response.headers, name) for name in ("ETag", "Last-Modified"))
    return Answer(
        fetched.sha256, fetched.size_bytes, fetched.content_type, tag, date, place=place_of(url), asked_at=asked_at
    )


def _may_be_stored(response: httpx.Response) -> bool:
    directives = response.headers.get("Cache-Control", "").lower().split(",")
    return "no-store" not in (directive.strip() for directive in directives)


def _refused(transfer: _Transfer, reason: str) -> MediaError:
    return MediaError(ErrorCode.UNSAFE_URL, f"{transfer} is refused: {reason}")


def _failed(transfer: _Transfer, reason: str, *, retryable: bool) -> MediaError:
    return MediaError(ErrorCode.DOWNLOAD_FAILED, f"{transfer} could not be fetched: {reason}", retryable=retryable)


def _distrusted(error: BaseException | None) -> bool:
    """Return whether a failure comes from a certificate, which does not get better by itself."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


@contextmanager
def _storage_errors(transfer: _Transfer) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{transfer} could not be written to disk: {error.strerror}"
        raise MediaError(ErrorCode.STORAGE_FAILED, message, retryable=True) from error
