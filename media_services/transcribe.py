"""Owns what speech recognition is asked for, and what it answers: words with their times."""

import contextlib
import importlib.metadata
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from media_services.errors import ErrorCode, MediaError
from media_services.recogniser import Line
from media_services.subtitles.lines import Word
from media_services.weights import checkpoint

_VERSION = 4  # to be raised when `transcriber` comes to hear other words in the same sound


@dataclass(frozen=True)
class Listening:
    """How speech is listened to: by which model, in which language (`en`, or `auto`), with which words to expect."""

    model: str
    language: str = "auto"
    keywords: tuple[str, ...] = ()


def transcribe(
    file: Path, *, how: Listening, threads: int, report: Callable[[float], None], recogniser: Line
) -> list[Word]:
    """Return the words spoken in a file, in the order of time; raise MediaError(TRANSCRIPTION_FAILED).

    `report` hears how much of it is done, at least four times a second, and may raise to stop.
    """
    request = {
        "file": str(file),
        "checkpoint": str(checkpoint(how.model)),
        "language": how.language,
        "keywords": how.keywords,
        "threads": settings.VIDEOCRAFT.whisper_threads or threads,
        "device": settings.VIDEOCRAFT.whisper_device,
        "cores": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
    }
    fraction = 0.0
    words: list[Word] = []
    with contextlib.closing(recogniser.call(request)) as answers:
        for answer in answers:
            if answer is not None and "error" in answer:
                raise _problem(answer, how.model)
            if answer is not None and "words" in answer:
                words += [Word(text, start_ms, end_ms) for text, start_ms, end_ms, _ in answer["words"]]
            fraction = (answer or {}).get("fraction", fraction)
            report(fraction)
    return words


def recogniser_version() -> str:
    """Return what tells one way of recognising from another: Whisper's version, and that of how it is used here."""
    return f"openai-whisper {importlib.metadata.version('openai-whisper')}, {_VERSION}"


def _problem(answer: dict[str, str], model: str) -> MediaError:
    if answer.get("is_damaged"):
        again = f"; `manage.py whisper_model --download {model}` gets a model of Whisper's own again"
        return MediaError(ErrorCode.TRANSCRIPTION_FAILED, answer["error"] + again)
    return MediaError(ErrorCode.TRANSCRIPTION_FAILED, answer["error"], retryable=True, detail=answer["detail"])
