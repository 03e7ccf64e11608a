"""Owns the download of one URL: each redirect checked, bounded in size and time, tried again, gone on with, hashed."""

import hashlib
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import httpx

from media_services import retry
from media_services.addresses import Reach, UnknownHost, UnsafeAddress
from media_services.coding import CannotUnpack, Unpacking, is_packed
from media_services.errors import ErrorCode, MediaError
from media_services.kept import Answer, validator
from media_services.link import direct_url, shown_url
from media_services.network import BEAT_S, Unreasonable, answered

MAX_REDIRECTS = 5
SILENCE_S = 90.0  # without a byte of the body, whatever is waited for; work that stands still for 120 s is killed
# A body that comes more slowly than any telephone line is one that means to keep us.
PACE_S = 30.0
SLOWEST_BYTES_PER_S = 1024
_HEADERS = {"User-Agent": "VideoCraft", "Accept": "*/*", "Accept-Encoding": "identity"}
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_LONGEST_REASON = 200  # of what a server may have worded

Tick = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Received:
    """What came of a download: the address that answered and its headers, and the content.

    There is no content where the server was asked whether it has changed, and says that it has not.
    """

    url: str
    headers: httpx.Headers
    sha256: str = ""
    size_bytes: int = 0

    @property
    def is_unchanged(self) -> bool:
        return not self.sha256


class _Failed(Exception):
    """An attempt came to nothing; `passing` says that another may not, `retry_after` what the server said of it."""

    def __init__(self, reason: str, *, passing: bool, retry_after: str = "") -> None:
        super().__init__(reason)
        self.reason, self.passing, self.retry_after = reason, passing, retry_after


class _Late(Exception):
    """The time of the whole download is over."""


class _Slow(Exception):
    """The body comes too slowly, or nothing has come for too long."""


@dataclass
class _Partial:
    """What has come of a file so far, and what its server can be asked by for the rest of the same."""

    file: IO[bytes]
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size_bytes: int = 0
    total_bytes: int | None = None  # of the file, if its server said so
    url: str = ""
    validator: str = ""

    def begin(self, url: str, headers: httpx.Headers | None) -> None:
        """Throw away what is there, for the body that an address sends with these headers, if there is one."""
        self.file.seek(0)
        self.file.truncate()
        self.digest, self.size_bytes, self.total_bytes = hashlib.sha256(), 0, None
        self.url, self.validator = url, _strong_validator(headers) if headers else ""

    def write(self, piece: bytes) -> None:
        self.file.write(piece)
        self.digest.update(piece)
        self.size_bytes += len(piece)

    def rest(self, url: str) -> dict[str, str]:
        """Return the headers that ask an address for what is missing; none where it may have another file."""
        if not (self.size_bytes and self.validator and self.url == url):
            return {}
        return {"Range": f"bytes={self.size_bytes}-", "If-Range": self.validator}

    def whole_bytes(self, headers: httpx.Headers) -> int | None:
        """Return how long all of it is by an answer of 206 that holds all that is missing, and of the same version."""
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if found is None or _is_packed(headers):
            return None
        first, last, total = (int(number) for number in found.groups())
        validated_by = "ETag" if self.validator.startswith('"') else "Last-Modified"
        is_same = headers.get(validated_by, self.validator) == self.validator
        is_rest = first == self.size_bytes and last + 1 == total == (self.total_bytes or total)
        return total if is_rest and is_same else None


@dataclass
class Download:
    """One URL on its way into a folder; `timeout_s` bounds it as a whole, redirects and waits included.

    `tick` hears the bytes received, those that were thrown away included, and how many it will be; both only rise
    while nothing is started over, and the first always.
    """

    asked: str
    folder: Path
    tick: Tick
    reach: Reach
    max_bytes: int
    timeout_s: float
    ssl_context: ssl.SSLContext | None = None
    url: str = ""
    received_bytes: int = 0
    total_bytes: int | None = None
    attempts: int = 0

    def __post_init__(self) -> None:
        self._moved_at = time.monotonic()
        self._deadline = self._moved_at + self.timeout_s
        self._first_url = ""  # the asked one as it is sent
        self._paced: tuple[float, int] | None = None  # since when, and how much there was, while a body comes

    def __str__(self) -> str:
        if self.url in ("", self._first_url):
            return shown_url(self.asked)
        return f"{shown_url(self.asked)} (redirected to {shown_url(self.url)})"

    def run(self, known: Answer | None) -> Received:
        """Bring the content into the folder, under the name of its SHA-256; raise MediaError.

        Where something is `known`, the server is asked whether that has changed. Nothing is left by a failure. What
        may pass is tried again, `retry.ATTEMPTS` times in all; what had come by then is gone on with where
        the server can and names a version of the file, and else thrown away.
        """
        with self._temporary() as file:
            partial = _Partial(file)
            while True:
                self.attempts += 1
                try:
                    with self._failures():
                        return self._attempt(partial, known)
                except _Failed as failure:
                    self._wait_after(failure)

    def beat(self) -> None:
        """Tell how far it is, and end what takes too long."""
        self.tick(self.received_bytes, self.total_bytes)
        now = time.monotonic()
        if now > self._deadline:
            raise _Late
        if now > self._moved_at + SILENCE_S:
            raise _Slow(f"nothing came for {SILENCE_S:g} s")
        if self._paced and now > self._paced[0] + PACE_S:
            if self.received_bytes - self._paced[1] < PACE_S * SLOWEST_BYTES_PER_S:
                raise _Slow(f"less than {SLOWEST_BYTES_PER_S} bytes/s came for {PACE_S:g} s")
            self._paced = now, self.received_bytes

    def refuse(self, reason: str) -> MediaError:
        return MediaError(ErrorCode.UNSAFE_URL, f"{self} is refused: {reason}")

    def _attempt(self, partial: _Partial, known: Answer | None) -> Received:
        self._paced = None
        with self._followed(partial, known) as response:
            if response.status_code == 304:
                return Received(self.url, response.headers)
            self._begin(response, partial)
            self._copy(response, partial)
        sha256 = partial.digest.hexdigest()
        with self.storage_errors():
            partial.file.flush()
            os.replace(partial.file.name, self.folder / sha256)
        self.tick(self.received_bytes, self.total_bytes)
        return Received(self.url, response.headers, sha256, partial.size_bytes)

    @contextmanager
    def _followed(self, partial: _Partial, known: Answer | None) -> Iterator[httpx.Response]:
        """Open the answer at the end of the redirects, each of them checked like the first URL.

        Its status is 200, or 206 where it was asked for the rest of a file, or 304 where it was asked for a change.
        """
        target = self._checked(direct_url(self.asked))
        for _ in range(MAX_REDIRECTS + 1):
            self.url = str(target)
            rest = partial.rest(self.url)
            condition = known.condition(self.url) if known and not rest else {}
            request = httpx.Request("GET", target, headers=_HEADERS | rest | condition)
            with answered(request, self.reach, self.beat, ssl_context=self.ssl_context) as response:
                if not response.has_redirect_location:
                    self._require_success(response, partial, asked=rest | condition)
                    yield response
                    return
                target = self._checked(_location(target, response))
        raise _Failed(f"it redirects more than {MAX_REDIRECTS} times", passing=False)

    def _checked(self, url: str | httpx.URL) -> httpx.URL:
        """Parse a URL that is about to be opened, and refuse what no source needs."""
        try:
            target = httpx.URL(url).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise self.refuse("it is not a valid URL") from error
        self.url = str(target)
        self._first_url = self._first_url or self.url
        if target.scheme not in ("http", "https"):
            raise self.refuse("only http and https URLs are fetched")
        if not target.host or (target.port is not None and not 0 < target.port < 65536):
            raise self.refuse("it is not a valid URL (its host or port)")
        if target.userinfo:
            raise self.refuse("it carries a user name or password; use a signed link or an upload instead")
        return target

    def _require_success(self, response: httpx.Response, partial: _Partial, asked: dict[str, str]) -> None:
        status = response.status_code
        if status == 200 or (status == 206 and "Range" in asked) or (status == 304 and asked and "Range" not in asked):
            return
        had_a_part = "Range" in asked and status == 416
        if had_a_part:
            self._start_over(partial)
        reason = f"the server answered {status} {response.reason_phrase}".rstrip()
        raise _Failed(
            reason, passing=had_a_part or retry.is_passing(status), retry_after=response.headers.get("Retry-After", "")
        )

    def _begin(self, response: httpx.Response, partial: _Partial) -> None:
        """Get ready for a body: the rest of what is there, or all of it anew."""
        length_bytes = _length_bytes(response.headers)
        if response.status_code == 200:
            self._start_over(partial, response.headers)
            partial.total_bytes = None if _is_packed(response.headers) else length_bytes
        elif (whole_bytes := partial.whole_bytes(response.headers)) is not None:
            partial.total_bytes = whole_bytes
        else:
            self._start_over(partial)
            raise _Failed("the server sent another part of it than was asked for", passing=True)
        whole_bytes = length_bytes if partial.total_bytes is None else partial.total_bytes
        self._require_size(whole_bytes or 0)
        self.total_bytes = self.received_bytes + whole_bytes - partial.size_bytes if whole_bytes else None
        self._moved_at = time.monotonic()
        self._paced = self._moved_at, self.received_bytes

    def _copy(self, response: httpx.Response, partial: _Partial) -> None:
        unpacking = Unpacking() if _is_packed(response.headers) else None
        for chunk in response.iter_raw():
            self.received_bytes += len(chunk)
            self._moved_at = time.monotonic()
            self._require_size(response.num_bytes_downloaded)
            for piece in unpacking.pieces(chunk) if unpacking else (chunk,):
                self._require_size(partial.size_bytes + len(piece))
                with self.storage_errors():
                    partial.write(piece)
                self.beat()
        if unpacking and not unpacking.is_complete:
            raise _Failed("it is packed with gzip, and its end is missing", passing=True)
        if partial.total_bytes not in (None, partial.size_bytes):
            if partial.size_bytes > (partial.total_bytes or 0):
                self._start_over(partial)
            raise _Failed("the server sent another length than it announced", passing=True)

    def _start_over(self, partial: _Partial, headers: httpx.Headers | None = None) -> None:
        with self.storage_errors():
            partial.begin(self.url, headers)

    def _require_size(self, size_bytes: int) -> None:
        if size_bytes > self.max_bytes:
            limit_mib = self.max_bytes / 2**20
            raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{self} is larger than the allowed {limit_mib:.4g} MiB")

    def _wait_after(self, failure: _Failed) -> None:
        """Wait until the next attempt; raise MediaError where there is none, or no time for it."""
        wait_s = retry.wait_s(self.attempts, failure.retry_after)
        until = time.monotonic() + wait_s
        has_time = until < min(self._deadline, self._moved_at + SILENCE_S)
        if not failure.passing or self.attempts >= retry.ATTEMPTS or not has_time:
            raise self._given_up(failure) from failure
        while (left_s := until - time.monotonic()) > 0:
            self.tick(self.received_bytes, self.total_bytes)
            time.sleep(min(left_s, BEAT_S / 2))

    def _given_up(self, failure: _Failed) -> MediaError:
        tried = "once" if self.attempts == 1 else f"{self.attempts} times"
        reason = failure.reason if len(failure.reason) <= _LONGEST_REASON else failure.reason[:_LONGEST_REASON] + "…"
        message = f"{self} could not be fetched: {reason} (tried {tried})"
        return MediaError(ErrorCode.DOWNLOAD_FAILED, message, retryable=failure.passing)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what the network does into a failed attempt, and what must not be done into a MediaError."""
        try:
            yield
        except UnsafeAddress as error:
            raise self.refuse(str(error)) from error
        except UnknownHost as error:
            raise _Failed(str(error), passing=error.temporary) from error
        except _Late as error:
            raise _Failed(f"not finished after {self.timeout_s:g} s", passing=True) from error
        except _Slow as error:
            raise _Failed(str(error), passing=True) from error
        except (Unreasonable, CannotUnpack) as error:
            raise _Failed(str(error), passing=False) from error
        except httpx.TimeoutException as error:
            raise _Failed("the server does not answer", passing=True) from error
        except httpx.TransportError as error:
            raise _Failed(str(error) or type(error).__name__, passing=not _distrusted(error)) from error

    @contextmanager
    def _temporary(self) -> Iterator[IO[bytes]]:
        """Open a file in the folder that is gone in the end, unless it got another name."""
        with self.storage_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            file = NamedTemporaryFile(dir=self.folder, prefix="fetching-", delete=False)  # noqa: SIM115 - see below
        try:
            yield file
        finally:
            with suppress(OSError):  # a disk that is full was told of when it was written to
                file.close()
            Path(file.name).unlink(missing_ok=True)

    @contextmanager
    def storage_errors(self) -> Iterator[None]:
        """Turn what the disk does into a MediaError."""
        try:
            yield
        except OSError as error:
            message = f"{self} could not be written to disk: {error.strerror}"
            raise MediaError(ErrorCode.STORAGE_FAILED, message, retryable=True) from error


def _location(target: httpx.URL, response: httpx.Response) -> str | httpx.URL:
    location = response.headers["Location"]
    try:
        return target.join(location)
    except (httpx.InvalidURL, ValueError):
        return str(location)


def _length_bytes(headers: httpx.Headers) -> int | None:
    """Return the length of a body, where it is stated and counts: chunks end by themselves."""
    if "Transfer-Encoding" in headers:
        return None
    return int(headers.get("Content-Length", 0)) or None


def _is_packed(headers: httpx.Headers) -> bool:
    return is_packed(headers.get("Content-Encoding", ""))


def _strong_validator(headers: httpx.Headers) -> str:
    """Return what stands for the very bytes of a file; empty where there is nothing, or it cannot be gone on with.

    A weak tag may stand for other bytes, and so may a date of less than a minute before the answer (RFC 9110, 8.8).
    """
    if _is_packed(headers):
        return ""
    tag, date = (validator(headers, name) for name in ("ETag", "Last-Modified"))
    if tag:
        return tag if tag.startswith('"') else ""
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""
    return date if age >= timedelta(minutes=1) else ""


def _distrusted(error: BaseException | None) -> bool:
    """Return whether a failure comes from a certificate, which does not get better by itself."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
