"""Owns keeping files in an S3 bucket: a Django storage whose failures are OSErrors, and come in time.

Django's and django-storages' ways are kept where they serve. What differs: clients are shared by the threads of a
process, and never with the one it was forked from; a file is read as it comes, instead of being fetched whole first;
whatever is uploaded is read in the calling thread, so that whoever reads may tell of progress, and stop it.
"""

import contextlib
import errno
import io
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from media_services.errors import StorageUnavailable
from media_services.stored import Entry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

log = logging.getLogger(__name__)
_PART_BYTES = 8 * 1024**2  # of what is larger, one at a time in memory; more where these would be more than 10,000
_BUFFER_BYTES = 256 * 1024
_DELETED_AT_ONCE = 1000
_TAKEN_UP_AGAIN = 3
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_UNANSWERED = (ConnectionError, HTTPClientError, IncompleteReadError)
_BOTO = (BotoCoreError, ClientError, Boto3Error)
_PASSING = (errno.ETIMEDOUT, errno.EBUSY)  # what may be over in a moment
_MISSING = {"404", "NoSuchKey", "NotFound"}


@dataclass(frozen=True)
class Patience:
    """How long a request may be silent, in seconds, and how often it is tried in all."""

    connect_s: float
    read_s: float
    tries: int

    def as_config(self) -> Config:
        return Config(
            connect_timeout=self.connect_s,
            read_timeout=self.read_s,
            retries={"total_max_attempts": self.tries, "mode": "standard"},
        )


# Work is taken for hung after two minutes by default: a request with content ends before, tries and pauses included.
# The others are made by the housekeeper, too, which is replaced when it stands still for 20 s.
CONTENT = Patience(connect_s=5, read_s=25, tries=3)
CONTENT_THAT_CAN_BE_MADE_AGAIN = Patience(connect_s=3, read_s=10, tries=2)
_CONTROL = Patience(connect_s=3, read_s=5, tries=2)
_AWAY_S = 5.0
_AWAY_FOR_RESULTS_S = 60.0
_making = threading.Lock()


def _make_anew() -> None:
    """Forget who held the lock: that thread is not in this process."""
    global _making
    _making = threading.Lock()


os.register_at_fork(after_in_child=_make_anew)


class Bucket(S3Storage):
    """Files in an S3 bucket, under a prefix (`location`).

    URLs are signed for `public_endpoint_url` where browsers reach the bucket at another address than this service.
    With `is_dispensable` it gives up sooner, and for longer: what it holds can be made again. While a process has got
    no answer for a request, it makes no further ones for a moment. Raises FileNotFoundError and StorageUnavailable.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        shared = {
            "signature_version": "s3v4",  # what browsers get would be signed the old way without
            "s3": {"addressing_style": self.addressing_style},
        }
        if self.endpoint_url:  # other servers know of no checksums but those that S3 has always had
            shared |= dict.fromkeys(("request_checksum_calculation", "response_checksum_validation"), "when_required")
        self._config = Config(**shared)
        self.transfer_config = TransferConfig(
            multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False
        )
        self._patience = CONTENT_THAT_CAN_BE_MADE_AGAIN if self.is_dispensable else CONTENT
        self._pause_s = _AWAY_FOR_RESULTS_S if self.is_dispensable else _AWAY_S
        self._clients: dict[tuple[int, Patience, str], Any] = {}
        self._away: tuple[int, float] = (0, 0.0)  # a process, and until when it asks no more
        self._session: Any = None

    def get_default_settings(self) -> dict[str, Any]:
        return {**super().get_default_settings(), "public_endpoint_url": "", "is_dispensable": False}

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]
        if set(mode) - set("rbt"):
            raise ValueError(f"{name} cannot be opened as {mode!r}: what a bucket holds is read, or replaced whole")
        content: Any = io.BufferedReader(_Content(self, name), _BUFFER_BYTES)
        return File(content if "b" in mode else io.TextIOWrapper(content, encoding="utf-8"), name=name)

    def _save(self, name: str, content: Any) -> str:
        with self.asked(name):
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        """Delete a file; that it is not there is no error."""
        with contextlib.suppress(FileNotFoundError), self.asked(name):
            self.client(_CONTROL).delete_object(Bucket=self.bucket_name, Key=self.key(name))

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        modified_at: datetime = self._head(name)["LastModified"]
        return modified_at

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the folders and files in a folder."""
        beginning = self._beginning(path)
        folders, files = [], []
        for page in self._pages("list_objects_v2", Delimiter="/", Prefix=beginning):
            folders += [entry["Prefix"][len(beginning) : -1] for entry in page.get("CommonPrefixes", ())]
            files += [name for entry in page.get("Contents", ()) if (name := entry["Key"][len(beginning) :])]
        return folders, files

    def listed(self, folder: str) -> Iterator[Entry]:
        """Yield all files in a folder and below it, in the order of their names; a request for each 1,000 of them."""
        yield from self._beginning_with(self._beginning(folder))

    def url(self, name: str, parameters: Any = None, expire: int | None = None, http_method: str | None = None) -> str:
        """Return an address at which a file can be had with GET, or another method, by whoever has it, for a while."""
        params = {**(parameters or {}), "Bucket": self.bucket_name, "Key": self.key(name)}
        with _translated(name):
            client = self.client(self._patience, self.public_endpoint_url)
            lasts_s = expire or self.querystring_expire
            return str(client.generate_presigned_url("get_object", params, lasts_s, http_method))

    def signed_url(self, name: str, method: str, content_type: str, disposition: str) -> str:
        """Return an address as `url` does; what is sent from there is of this type, and to be saved or shown."""
        params = {"ResponseContentType": content_type, "ResponseContentDisposition": disposition}
        return self.url(name, params, http_method=method)

    @cached_property
    def origin(self) -> str:
        """What browsers must be allowed to load from, to follow such an address."""
        nobody = boto3.Session("none", "none")
        endpoint = self.public_endpoint_url or self.endpoint_url
        client = nobody.client("s3", region_name=self.region_name, endpoint_url=endpoint, config=self._config)
        url = urlsplit(client.generate_presigned_url("get_object", {"Bucket": self.bucket_name, "Key": "any"}))
        return f"{url.scheme}://{url.netloc}"

    def remove_all(self, names: Iterable[str]) -> None:
        """Delete files, a thousand with each request; those that are not there are none's loss."""
        keys = [self.key(name) for name in names]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            some = [{"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]]
            with self.asked():
                what = {"Objects": some, "Quiet": True}
                answer = self.client(_CONTROL).delete_objects(Bucket=self.bucket_name, Delete=what)
            failed = [each for each in answer.get("Errors", ()) if each.get("Code") not in _MISSING]
            if failed:
                message = f"the object storage did not delete {len(failed)} files ({failed[0].get('Code')})"
                raise StorageUnavailable(errno.EIO, message)

    def clear(self, beginning: str) -> None:
        """Delete what has a name that begins so, and abort what is being uploaded to such a name."""
        key = self.key(beginning)
        self.remove_all([entry.name for entry in self._beginning_with(key)])
        self._abort(key, lambda upload: True)

    def abort_uploads(self, folder: str, is_over: Callable[[Entry], bool]) -> int:
        """Abort the uploads in parts to a folder that are over, though they never ended; return how many those were.

        Of an upload is known when it began, not how much there is of it.
        """
        return self._abort(self._beginning(folder), is_over)

    def try_out(self, name: str) -> None:
        """Write a file and delete it, as soon as is found out whether that can be."""
        where = {"Bucket": self.bucket_name, "Key": self.key(name)}
        with self.asked(name):
            self.client(_CONTROL).put_object(**where, Body=b"ready")
            self.client(_CONTROL).delete_object(**where)

    def get_ready(self) -> None:
        """Load what clients are made from."""
        with contextlib.suppress(OSError), _translated(""):
            self.client(self._patience)

    def key(self, name: str) -> str:
        """Return the key of a file in the bucket."""
        return str(self._normalize_name(clean_name(name)))

    @property
    def connection(self) -> Any:
        """What django-storages uploads by: made once for each process."""
        return self._made("resource", self._patience, "")

    @property
    def bucket(self) -> Any:
        return self.connection.Bucket(self.bucket_name)

    def client(self, patience: Patience, endpoint_url: str = "") -> Any:
        """Return the client of this process for requests that are waited for so long."""
        return self._made("client", patience, endpoint_url)

    def _made(self, kind: str, patience: Patience, endpoint_url: str) -> Any:
        which = (os.getpid(), patience, f"{kind} {endpoint_url}")
        if which not in self._clients:
            with _making:
                if which not in self._clients:
                    self._session = self._session or self._create_session()
                    self._clients[which] = getattr(self._session, kind)(
                        "s3",
                        region_name=self.region_name,
                        endpoint_url=endpoint_url or self.endpoint_url,
                        config=self._config.merge(patience.as_config()),
                    )
        return self._clients[which]

    @contextlib.contextmanager
    def asked(self, name: str = "") -> Iterator[None]:
        """Turn what boto3 raises into an OSError; raise one at once while the bucket is not answering."""
        process, until = self._away
        if process == os.getpid() and time.monotonic() < until:
            raise StorageUnavailable(errno.ETIMEDOUT, "the object storage did not answer a moment ago")
        try:
            with _translated(name):
                yield
        except StorageUnavailable as error:
            log.warning("bucket %s at %s: %s", self.bucket_name, self.endpoint_url or "AWS", error.__cause__)
            if error.errno in _PASSING:
                self._away = (os.getpid(), time.monotonic() + self._pause_s)
            raise

    def get(self, name: str, **options: str) -> Mapping[str, Any]:
        """Return what S3 answers for a file, with its content as a stream."""
        with self.asked(name):
            answer: Mapping[str, Any] = self.client(self._patience).get_object(
                Bucket=self.bucket_name, Key=self.key(name), **options
            )
        return answer

    def _head(self, name: str) -> Mapping[str, Any]:
        with self.asked(name):
            answer: Mapping[str, Any] = self.client(_CONTROL).head_object(Bucket=self.bucket_name, Key=self.key(name))
        return answer

    def _beginning(self, folder: str) -> str:
        """Return how the keys of all in a folder begin."""
        key = self.key(folder)
        return key if not key or key.endswith("/") else f"{key}/"

    def _beginning_with(self, key: str) -> Iterator[Entry]:
        before = len(self._beginning(""))
        for page in self._pages("list_objects_v2", Prefix=key):
            for entry in page.get("Contents", ()):
                yield Entry(entry["LastModified"], entry["Size"], entry["Key"][before:])

    def _abort(self, beginning: str, is_over: Callable[[Entry], bool]) -> int:
        aborted, before = 0, len(self._beginning(""))
        for page in self._pages("list_multipart_uploads", Prefix=beginning):
            for upload in page.get("Uploads", ()):
                if is_over(Entry(upload["Initiated"], 0, upload["Key"][before:])):
                    which = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                    with contextlib.suppress(FileNotFoundError), self.asked():
                        self.client(_CONTROL).abort_multipart_upload(Bucket=self.bucket_name, **which)
                    aborted += 1
        return aborted

    def _pages(self, operation: str, **options: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a list, each asked for when it is wanted."""
        pages = iter(self.client(_CONTROL).get_paginator(operation).paginate(Bucket=self.bucket_name, **options))
        while True:
            with self.asked():
                page = next(pages, None)
            if page is None:
                return
            yield page


class _Content(io.RawIOBase):
    """What a bucket holds of a file, as it comes, from wherever is sought; a connection that breaks is made again."""

    def __init__(self, bucket: Bucket, name: str) -> None:
        self._bucket, self._name = bucket, name
        answer = bucket.get(name)
        self._body: Any = answer["Body"]
        self._etag, self._size_bytes = answer["ETag"], int(answer["ContentLength"])
        self._at = self._body_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size_bytes}[whence]
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        wanted = min(len(view), self._size_bytes - self._at)
        for _ in range(_TAKEN_UP_AGAIN):
            try:
                chunk = self._stream().read(wanted) if wanted > 0 else b""
            except _UNANSWERED as problem:
                self._drop()
                broken = problem
            else:
                view[: len(chunk)] = chunk
                self._at = self._body_at = self._at + len(chunk)
                return len(chunk)
        with self._bucket.asked(self._name):
            raise broken

    def _stream(self) -> Any:
        if self._body_at != self._at:
            self._drop()
        if self._body is None:
            options = {"Range": f"bytes={self._at}-", "IfMatch": self._etag}
            self._body, self._body_at = self._bucket.get(self._name, **options)["Body"], self._at
        return self._body

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except _BOTO as problem:
        raise error_of(problem, name) from problem


def error_of(problem: Exception, name: str) -> OSError:
    """Return what boto3 raised as an OSError, whose words may be read by anyone."""
    if isinstance(problem, _NO_CREDENTIALS):
        return StorageUnavailable(errno.EACCES, "there are no credentials for the object storage")
    if isinstance(problem, SSLError):
        return StorageUnavailable(errno.EIO, "the certificate of the object storage is not accepted")
    if isinstance(problem, _UNANSWERED):
        return StorageUnavailable(errno.ETIMEDOUT, "the object storage does not answer")
    if not isinstance(problem, ClientError):
        return StorageUnavailable(errno.EIO, f"the object storage cannot be used: {type(problem).__name__}")
    code = str(problem.response.get("Error", {}).get("Code", ""))
    status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return StorageUnavailable(errno.ENODEV, "the object storage has no such bucket")
    if code in _MISSING or code == "NoSuchUpload":
        return FileNotFoundError(errno.ENOENT, "the object storage has no such file", name)
    if status in (401, 403):
        return StorageUnavailable(errno.EACCES, f"the object storage refuses what the service asks ({code})")
    kind = errno.EBUSY if status >= 500 or status == 429 else errno.EPROTO
    return StorageUnavailable(kind, f"the object storage failed ({status} {code})")
