"""Owns putting finished films into Django's file storage, under names of their own attempt."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage

from media_services.errors import ErrorCode, MediaError
from media_services.render.encode import Film


@dataclass(frozen=True)
class StoredFilm:
    """A film in the storage: the names of its files, and its facts."""

    file: str
    thumbnail: str
    width: int
    height: int
    fps: str
    frames: int
    duration_ms: int
    size_bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class _Moved(File):  # type: ignore[type-arg]
    """A local file that a file system storage may move into place instead of copying it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


def names(prefix: str, films: int) -> list[str]:
    """Return every name that storing so many films under a prefix can write."""
    return [f"{prefix}-{number}.{suffix}" for number in range(films) for suffix in ("mp4", "jpg")]


def store(films: Iterable[Film], prefix: str, report: Callable[[float], None]) -> list[StoredFilm]:
    """Store films as `<prefix>-<number>.mp4` with a `.jpg` beside each; raise MediaError(STORAGE_FAILED)."""
    films = list(films)
    stored = []
    for number, film in enumerate(films):
        report(number / len(films))
        try:
            size_bytes, sha256 = film.file.stat().st_size, _sha256(film.file)
            file = _save(film.file, f"{prefix}-{number}.mp4")
            thumbnail = _save(film.poster, f"{prefix}-{number}.jpg")
        except OSError as problem:
            message = f"the film could not be stored: {problem.strerror or problem}"
            raise MediaError(ErrorCode.STORAGE_FAILED, message, retryable=True, detail=repr(problem)) from problem
        stored.append(
            StoredFilm(
                file,
                thumbnail,
                film.width,
                film.height,
                str(film.fps),
                film.frames,
                film.duration_ms,
                size_bytes,
                sha256,
            )
        )
    report(1.0)
    return stored


def remove(stored: Iterable[str]) -> None:
    """Delete files from the storage; those that are not there are none's loss."""
    for name in stored:
        default_storage.delete(name)


def _save(path: Path, name: str) -> str:
    with _Moved(path) as file:
        return default_storage.save(name, file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
