"""Owns speech recognition: finds Whisper's weights, runs it in a child process, and returns words with their times."""

import hashlib
import importlib.metadata
import json
import lzma
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from media_services.errors import ErrorCode, MediaError
from media_services.process import run
from media_services.subtitles.lines import Word

ROOT = Path(__file__).resolve().parent.parent
BUNDLED = Path(__file__).resolve().parent / "whisper_models"
_TIMEOUT_S = 4 * 3600.0
_END_BYTES = 1024**2
_VERSION = 2  # to be raised when `transcriber` comes to hear other words in the same sound


@dataclass(frozen=True)
class Listening:
    """How speech is listened to: by which model, in which language (`en`, or `auto`), with which words to expect."""

    model: str
    language: str = "auto"
    keywords: tuple[str, ...] = ()


def transcribe(
    files: Sequence[Path], *, how: Listening, threads: int, report: Callable[[float], None]
) -> list[list[Word]]:
    """Return the words spoken in each file, in the order of time; raise MediaError(TRANSCRIPTION_FAILED).

    `report` hears how much of it all is done, and may raise to stop.
    """
    results: list[list[Word]] = []
    fraction = 0.0

    def read(line: str) -> None:
        nonlocal fraction
        message = json.loads(line)
        if "error" in message:
            again = f"; `manage.py whisper_model --download {how.model}` gets a model of Whisper's own again"
            raise MediaError(ErrorCode.TRANSCRIPTION_FAILED, message["error"] + again)
        fraction = message.get("fraction", 0.0)
        if "words" in message:
            results.append([Word(text, start_ms, end_ms) for text, start_ms, end_ms, _ in message["words"]])

    program = [sys.executable, "-m", "media_services.transcriber"]
    device = settings.VIDEOCRAFT.whisper_device
    options = {"language": how.language, "keywords": how.keywords, "threads": threads, "device": device}
    argv = [*program, str(checkpoint(how.model)), json.dumps(options), *map(str, files)]
    finished = run(
        argv,
        cwd=ROOT,
        on_line=read,
        tick=lambda: report(min((len(results) + fraction) / len(files), 1.0)),
        timeout_s=_TIMEOUT_S,
    )
    if finished.exit_code != 0 or len(results) != len(files):
        message = f"speech recognition failed with exit code {finished.exit_code}"
        raise MediaError(ErrorCode.TRANSCRIPTION_FAILED, message, retryable=True, detail=finished.stderr_tail)
    return results


def checkpoint(model: str) -> Path:
    """Return the file of a model's weights; raise MediaError saying how to get them when there is none."""
    name = f"{model}.pt"
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "whisper"
    for folder in (settings.VIDEOCRAFT.whisper_dir, cache):
        if (folder / name).is_file():
            return folder / name
    packed = BUNDLED / f"{name}.xz"
    if "/" not in model and packed.is_file():
        return _unpacked(packed, settings.VIDEOCRAFT.data_dir / "whisper" / name)
    raise MediaError(
        ErrorCode.TRANSCRIPTION_FAILED,
        f"the weights of the speech model {model!r} are not here: {name} is neither in VIDEOCRAFT_WHISPER_DIR "
        f"nor in Whisper's cache; `manage.py whisper_model --download {model}` gets them",
    )


def fingerprint(model: str) -> str:
    """Return what tells a model's weights from others, by their size and both ends of them; raise MediaError."""
    file = checkpoint(model)
    size_bytes = file.stat().st_size
    with file.open("rb") as weights:
        digest = hashlib.sha256(weights.read(_END_BYTES))
        weights.seek(max(size_bytes - _END_BYTES, 0))
        digest.update(weights.read())
    return f"{size_bytes} {digest.hexdigest()}"


def recogniser() -> str:
    """Return what tells one way of recognising from another: Whisper's version, and that of how it is used here."""
    return f"openai-whisper {importlib.metadata.version('openai-whisper')}, {_VERSION}"


def _unpacked(packed: Path, file: Path) -> Path:
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(lzma.decompress(packed.read_bytes()))
        part.rename(file)
    return file
