"""`manage.py render`: turns a document into a video without a server, a queue or a database."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from media_services.errors import DocumentError, MediaError
from media_services.movie.reading import Movie, read
from media_services.pipeline import produce
from media_services.stage import Stage


class Command(BaseCommand):
    """Renders each project of a document to a file; sources may be paths, relative to the document."""

    help = "Render a movie document to a video file."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("document", type=Path)
        parser.add_argument(
            "-o", "--output", type=Path, required=True, help="with several projects: OUT-0.mp4, OUT-1.mp4, …"
        )
        parser.add_argument("--strict", action="store_true", help="refuse what would only be warned about")

    def handle(self, *args: Any, document: Path, output: Path, strict: bool, **options: Any) -> None:
        try:
            movie = read(json.loads(document.read_text()), strict=strict, allow_files=True)
            for warning in movie.warnings:
                self.stderr.write(f"{warning.path}: {warning.message}")
            films = self.produce(movie, document.parent, output)
        except (OSError, json.JSONDecodeError) as problem:
            raise CommandError(f"{document}: {problem}") from problem
        except DocumentError as wrong:
            raise CommandError(
                "\n".join(f"{problem.path or '/'}: {problem.message}" for problem in wrong.problems)
            ) from wrong
        except MediaError as problem:
            raise CommandError(
                f"{problem.path or '/'}: {problem.code}: {problem.message}\n{problem.detail}"
            ) from problem
        for film in films:
            self.stdout.write(str(film))

    def produce(self, movie: Movie, base: Path, output: Path) -> list[Path]:
        local = {src: (base / src).resolve() for src, _ in movie.sources() if "://" not in src}
        with (
            tempfile.TemporaryDirectory(prefix="videocraft-") as workdir,
            tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}") as bar,
        ):

            def checkpoint(stage: Stage, fraction: float) -> None:
                bar.set_description(stage.value, refresh=False)
                bar.update(int(fraction * 100) - bar.n)

            production = produce(movie, Path(workdir), checkpoint, local=local)
            names = _names(output, len(production.films))
            for film, name in zip(production.films, names, strict=True):
                shutil.move(film.file, name)
            bar.update(100 - bar.n)
        return names


def _names(output: Path, films: int) -> list[Path]:
    if films == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{number}") for number in range(films)]
