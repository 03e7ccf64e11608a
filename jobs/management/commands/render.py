"""`manage.py render`: turns a document into a video without a server, a queue or a database."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from media_services.errors import DocumentError, MediaError
from media_services.kept import Asking
from media_services.movie.document import Format
from media_services.movie.reading import Movie, read
from media_services.pipeline import produce
from media_services.render.output import OUTPUTS
from media_services.stage import Stage


class Command(BaseCommand):
    """Renders each project of a document to a file; sources may be paths, relative to the document."""

    help = "Render a movie document to a video file."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("document", type=Path)
        parser.add_argument(
            "-o",
            "--output",
            type=Path,
            required=True,
            help="with the suffix of the document's format, or without one; several projects: OUT-0.mp4, OUT-1.mp4, …",
        )
        parser.add_argument("--strict", action="store_true", help="refuse what would only be warned about")

    def handle(self, *args: Any, document: Path, output: Path, strict: bool, **options: Any) -> None:
        try:
            movie = read(json.loads(document.read_text()), strict=strict, allow_files=True)
            for warning in movie.warnings:
                self.stderr.write(f"{warning.path}: {warning.message}")
            names = names_of(output, [project.format for project in movie.projects])
            films = self.produce(movie, document.parent, names)
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

    def produce(self, movie: Movie, base: Path, names: list[Path]) -> list[Path]:
        local = {src: (base / src).absolute() for src, _ in movie.sources() if "://" not in src}
        with (
            tempfile.TemporaryDirectory(prefix="videocraft-") as workdir,
            tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}") as bar,
        ):

            def checkpoint(stage: Stage, fraction: float) -> None:
                bar.set_description(stage.value, refresh=False)
                bar.update(int(fraction * 100) - bar.n)

            production = produce(movie, Path(workdir), checkpoint, local=local, asking=Asking(owner=""))
            for film, name in zip(production.films, names, strict=True):
                shutil.move(film.file, name)
            bar.update(100 - bar.n)
        return names


def names_of(output: Path, formats: list[Format]) -> list[Path]:
    """Return the names of the films; raise CommandError where the suffix asked for is not that of a film's format."""
    suffixes = [f".{OUTPUTS[format_].suffix}" for format_ in formats]
    wrong = next((suffix for suffix in suffixes if output.suffix.lower() not in ("", suffix)), None)
    if wrong and len(set(suffixes)) == 1:
        raise CommandError(f"{output}: the document's format makes a {wrong} file; name it {output.with_suffix(wrong)}")
    if wrong:
        bare = output.with_suffix("")
        raise CommandError(f"{output}: the document has films of several formats; name them {bare}, without a suffix")
    numbers = [""] if len(formats) == 1 else [f"-{number}" for number in range(len(formats))]
    return [
        output.with_name(f"{output.stem}{number}{output.suffix or suffix}")
        for number, suffix in zip(numbers, suffixes, strict=True)
    ]
