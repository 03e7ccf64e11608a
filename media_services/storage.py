"""Owns putting finished films into Django's file storage, under names of their own attempt."""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.core.files.storage import default_storage

from media_services.errors import ErrorCode, MediaError
from media_services.render.encode import Film
from media_services.render.output import OUTPUTS
from media_services.results import Movable
from media_services.stage import HASHING_COST, SAVING_COST, Parts, Report, risen
from media_services.stored import Flat, remove_all

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# What lies beside a film, by what it is.
_PICTURES = {"thumbnail": "jpg", "contact_sheet": "contact.jpg"}
_SUFFIXES = _PICTURES | {"srt": "srt", "vtt": "vtt", "ass": "ass", "words": "json"}


@dataclass(frozen=True)
class StoredFilm:
    """A film in the storage: the names of its files, "" for those it does not have, and its facts."""

    file: str
    thumbnail: str
    width: int
    height: int
    fps: str
    frames: int
    duration_ms: int
    size_bytes: int
    sha256: str
    contact_sheet: str
    srt: str = ""
    vtt: str = ""
    ass: str = ""
    words: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class _Heard(io.FileIO):
    """A file that reports how much of it has been read, whichever way it is; what is read again counts again."""

    def __init__(self, path: Path, report: Report) -> None:
        super().__init__(path)
        self._report, self._size_bytes = report, path.stat().st_size
        self._read_bytes = 0

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        count = super().readinto(buffer) or 0
        self._read_bytes += count
        self._report(risen(self._read_bytes, self._size_bytes))
        return count

    read = io.RawIOBase.read  # type: ignore[assignment]  # both call readinto, as FileIO's own do not
    readall = io.RawIOBase.readall


def names(prefix: str, films: int) -> list[str]:
    """Return every name that storing so many films under a prefix can write."""
    suffixes = (*(output.suffix for output in OUTPUTS.values()), *_SUFFIXES.values())
    return [f"{prefix}-{number}.{suffix}" for number in range(films) for suffix in suffixes]


def store(films: Iterable[Film], prefix: str, report: Report) -> list[StoredFilm]:
    """Store films as `<prefix>-<number>` with their own suffix, and their pictures and subtitles beside each.

    Raises MediaError(STORAGE_FAILED).
    """
    sized = [(film, film.file.stat().st_size) for film in films]
    parts = Parts(report, sum(size_bytes for _, size_bytes in sized) * (HASHING_COST + SAVING_COST))
    stored = []
    report(0.0)
    for number, (film, size_bytes) in enumerate(sized):
        try:
            sha256 = _sha256(film.file, parts.next(size_bytes * HASHING_COST))
            file = _save(film.file, f"{prefix}-{number}{film.file.suffix}", parts.next(size_bytes * SAVING_COST))
            beside = _save_beside(film, f"{prefix}-{number}")
        except OSError as problem:
            message = f"the film could not be stored: {problem.strerror or problem}"
            detail = f"{problem!r} {problem.__cause__ or ''}".strip()
            raise MediaError(ErrorCode.STORAGE_FAILED, message, retryable=True, detail=detail) from problem
        stored.append(
            StoredFilm(
                file=file,
                width=film.width,
                height=film.height,
                fps=str(film.fps),
                frames=film.frames,
                duration_ms=film.duration_ms,
                size_bytes=size_bytes,
                sha256=sha256,
                **beside,
            )
        )
    report(1.0)
    return stored


def remove(stored: Iterable[str]) -> None:
    """Delete files from the storage; those that are not there are none's loss."""
    remove_all(default_storage, stored)


def discard(prefix: str, films: int) -> None:
    """Delete what storing so many films under a prefix has left, also what was on its way when that broke off."""
    if isinstance(default_storage, Flat):
        default_storage.clear(f"{prefix}-")
    else:
        remove(names(prefix, films))


def _save_beside(film: Film, name: str) -> dict[str, str]:
    """Save a film's small files; return their names in the storage by what they are."""
    files = {"thumbnail": film.poster, "contact_sheet": film.contact_sheet, **film.subtitles}
    return {kind: _save(path, f"{name}.{_SUFFIXES[kind]}", lambda fraction: None) for kind, path in files.items()}


def _save(path: Path, name: str, report: Report) -> str:
    kind = Movable if _is_on_the_storages_disk(path) else File
    with kind(io.BufferedReader(_Heard(path, report)), name=path.name) as file:
        return default_storage.save(name, file)


def _is_on_the_storages_disk(path: Path) -> bool:
    """Return whether moving a file into the storage takes no copying, of which nobody would hear."""
    try:
        folder = Path(default_storage.path(""))
    except NotImplementedError:
        return False
    folder = next(each for each in (folder, *folder.parents) if each.exists())
    return folder.stat().st_dev == path.stat().st_dev


def _sha256(path: Path, report: Report) -> str:
    with _Heard(path, report) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
