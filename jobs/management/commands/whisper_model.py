"""`manage.py whisper_model`: gets the weights of a speech model."""

import hashlib
import tempfile
from http.client import HTTPException
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Downloads one of Whisper's own models into VIDEOCRAFT_WHISPER_DIR, unless it is there and whole."""

    help = "Download the weights of a speech model."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--download", metavar="NAME", required=True, help="tiny, base, small, medium, large, turbo, …"
        )

    def handle(self, *args: Any, download: str, **options: Any) -> None:
        import whisper

        if download not in whisper.available_models():
            raise CommandError(f"{download!r} is none of Whisper's models: {', '.join(whisper.available_models())}")
        folder = settings.VIDEOCRAFT.whisper_dir
        file = folder / f"{download}.pt"  # Whisper would call the weights of `turbo` large-v3-turbo.pt
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _bring(whisper._MODELS[download], file)
        except (OSError, HTTPException, RuntimeError) as problem:
            raise CommandError(f"{download} could not be downloaded into {folder}: {problem}") from problem
        self.stdout.write(str(file))


def _bring(url: str, file: Path) -> None:
    """Have the weights at an address, which names their SHA-256, in a file; one that is there is only ever whole."""
    import whisper

    if file.is_file() and _sha256(file) == url.split("/")[-2]:
        return
    with tempfile.TemporaryDirectory(prefix=".download-", dir=file.parent) as fresh:
        try:
            whole = whisper._download(url, fresh, False)
        except TypeError as problem:  # what Whisper makes of an answer without a length
            raise RuntimeError("the server does not say how much it sends") from problem
        Path(whole).replace(file)


def _sha256(file: Path) -> str:
    with file.open("rb") as weights:
        return hashlib.file_digest(weights, "sha256").hexdigest()
