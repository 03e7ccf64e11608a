"""Owns what can go wrong with a document or its media: a code, whether trying again helps, and where."""

from dataclasses import dataclass, field
from enum import StrEnum


class ErrorCode(StrEnum):
    """The codes a failed job can carry."""

    INVALID_INPUT = "INVALID_INPUT"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    UNSAFE_URL = "UNSAFE_URL"
    UNSUPPORTED_MEDIA = "UNSUPPORTED_MEDIA"
    TRANSCRIPTION_FAILED = "TRANSCRIPTION_FAILED"
    FFMPEG_FAILED = "FFMPEG_FAILED"
    STORAGE_FAILED = "STORAGE_FAILED"
    TIMEOUT = "TIMEOUT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    WORKER_LOST = "WORKER_LOST"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class MediaError(Exception):
    """Why a document could not become a film.

    `message` is a sentence for the client; `path` the JSON pointer of the element it concerns; `detail` is for the
    log (the last lines FFmpeg wrote, say). `retryable` says whether the same work may succeed later.
    """

    def __init__(
        self, code: ErrorCode, message: str, *, retryable: bool = False, path: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.path = path
        self.detail = detail

    def at(self, path: str) -> "MediaError":
        """Return the same error, placed at a JSON pointer."""
        return type(self)(self.code, self.message, retryable=self.retryable, path=path, detail=self.detail)


class StorageUnavailable(OSError):
    """Why a storage that is not of files cannot be used now; `strerror` is a sentence that anyone may read."""


@dataclass(frozen=True)
class Problem:
    """One thing about a document, at a JSON pointer: an error or a warning."""

    path: str
    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        return {"path": self.path, "code": self.code, "message": self.message}


@dataclass
class DocumentError(Exception):
    """Everything that is wrong with a document, all at once."""

    problems: list[Problem] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join(f"{problem.path or '/'}: {problem.message}" for problem in self.problems)
