"""Owns receiving an uploaded file: streamed to disk while it is hashed and counted, and gone afterwards."""

import hashlib
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser

from jobs.api.errors import invalid_input, too_large
from jobs.api.parsers import stated_length
from media_services.errors import Problem

FIELD = "file"
_CHUNK_BYTES = 64 * 1024
_FORM_OVERHEAD_BYTES = 64 * 1024  # what a multipart body may have besides the file


@dataclass(frozen=True)
class Upload:
    """A received file: where it lies for now, its hash and size, and what the client calls it."""

    path: Path
    sha256: str
    size_bytes: int
    name: str


class _Receiver:
    """Writes, hashes and counts what comes in; raises REQUEST_TOO_LARGE as soon as it is too much."""

    def __init__(self, file: IO[bytes], limit_bytes: int) -> None:
        self.file = file
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self.hash = hashlib.sha256()
        self.name: str | None = None

    def take(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self.limit_bytes:
            raise too_large("an asset", self.limit_bytes)
        self.hash.update(chunk)
        self.file.write(chunk)


class _FormHandler(FileUploadHandler):
    """Hands the one file of a form to a receiver."""

    def __init__(self, request: HttpRequest, receiver: _Receiver) -> None:
        super().__init__(request)
        self.receiver = receiver
        self.others: list[str] = []

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, file_name, *args, **kwargs)
        if field_name != FIELD or self.receiver.name is not None:
            self.others.append(field_name)
            raise SkipFile
        self.receiver.name = file_name

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.receiver.take(raw_data)

    def file_complete(self, file_size: int) -> None:
        return None


@contextmanager
def received(request: HttpRequest) -> Iterator[Upload]:
    """Receive the file in a request's body, a form's or the body itself; it is deleted on leaving unless moved."""
    limit_bytes = settings.VIDEOCRAFT.asset_max_bytes
    is_form = request.content_type == "multipart/form-data"
    if stated_length(request.META) > limit_bytes + (_FORM_OVERHEAD_BYTES if is_form else 0):
        raise too_large("an asset", limit_bytes)
    directory = settings.VIDEOCRAFT.data_dir / "uploads"
    directory.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=directory))
    try:
        with (folder / "upload").open("wb") as file:
            receiver = _Receiver(file, limit_bytes)
            _receive_form(request, receiver) if is_form else _receive_raw(request, receiver)
        yield Upload(folder / "upload", receiver.hash.hexdigest(), receiver.size_bytes, _shown(receiver.name or ""))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _receive_raw(request: HttpRequest, receiver: _Receiver) -> None:
    while chunk := request.read(_CHUNK_BYTES):
        receiver.take(chunk)
    if not receiver.size_bytes:
        raise invalid_input([Problem("", "missing", "send the file as the body, or as the field 'file' of a form")])


def _receive_form(request: HttpRequest, receiver: _Receiver) -> None:
    handler = _FormHandler(request, receiver)
    fields, _ = MultiPartParser(request.META, request, [handler], request.encoding or "utf-8").parse()
    others = [*handler.others, *fields]
    problems = [Problem(f"/{name[:64]}", "unknown-key", "a form has one field, 'file'") for name in others]
    if receiver.name is None:
        problems.append(Problem(f"/{FIELD}", "missing", "the form has no file in its field 'file'"))
    if problems:
        raise invalid_input(problems)


def _shown(name: str) -> str:
    """Return a client's name for a file without what cannot be shown or stored."""
    return "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")[:255]
