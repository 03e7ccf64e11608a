"""`manage.py whisper_model`: gets the weights of a speech model."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Downloads one of Whisper's own models into VIDEOCRAFT_WHISPER_DIR."""

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
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = whisper._download(whisper._MODELS[download], str(folder), False)
        except (OSError, RuntimeError) as problem:
            raise CommandError(f"{download} could not be downloaded into {folder}: {problem}") from problem
        self.stdout.write(str(file))
