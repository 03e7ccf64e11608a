"""Owns rendering a film in each of the ways that are compared, each in a process of its own on the same cores."""

import json
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.contestants import command, original
from benchmarks.rendering_cost import Cost, measure
from benchmarks.rendering_film import Film
from media_services.fonts import Fonts

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Take:
    """A film that was made, and what it cost."""

    file: Path
    cost: Cost


class Studio:
    """A folder to work in, and the cores that all may use: as many as the service gives a job by its settings."""

    def __init__(self, folder: Path, cores: Sequence[int]) -> None:
        self.folder = folder
        self.cores = cores
        self._settings = {
            "DJANGO_SETTINGS_MODULE": "videocraft.settings",
            "VIDEOCRAFT_DATA_DIR": str(folder / "data"),
            "VIDEOCRAFT_JOB_CPU_LIMIT": str(len(cores)),
        }
        os.environ.update(self._settings)

    def ours(self, film: Film) -> Take:
        """Render by our engine, with nothing left from a run before."""
        return self._by_engine(film, "ours")

    def in_one_piece(self, film: Film, *options: str) -> Take:
        """Render by our engine as a single segment."""
        return self._by_engine(film, "ours_in_one_piece", *options)

    def _by_engine(self, film: Film, program: str, *options: str) -> Take:
        folder = self._new_folder()
        (folder / "document.json").write_text(json.dumps(film.document()))
        (folder / "work").mkdir()
        cost = self._run_program(program, str(folder / "document.json"), str(folder / "work"), *options)
        return Take(Path(cost.said["film"]), cost)

    def by_command(self, film: Film, ass: Path) -> Take:
        """Render by the command that is written for the film."""
        output = self._new_folder() / "film.mp4"
        return self._encode(command.command(film, ass, output, threads=len(self.cores)), ass, output)

    def as_original(self, film: Film, ass: Path, preset: str) -> Take:
        """Render by the original's command."""
        output = self._new_folder() / "film.mp4"
        return self._encode(original.command(film, ass, output, threads=len(self.cores), preset=preset), ass, output)

    def by_moviepy(self, film: Film, *options: str) -> Take:
        """Render by MoviePy."""
        folder = self._new_folder()
        (folder / "film.pickle").write_bytes(pickle.dumps(film))
        output = folder / "film.mp4"
        threads = str(len(self.cores))
        return Take(
            output, self._run_program("moviepy_alone", str(folder / "film.pickle"), str(output), threads, *options)
        )

    def forget(self, take: Take) -> None:
        """Delete a film with all that was left beside it."""
        shutil.rmtree(self.folder / take.file.relative_to(self.folder).parts[0])

    def _run_program(self, name: str, *arguments: str) -> Cost:
        program = [sys.executable, "-m", f"benchmarks.contestants.{name}", *arguments]
        return measure(program, cwd=ROOT, cores=self.cores)

    def _encode(self, arguments: Sequence[str], ass: Path, output: Path) -> Take:
        return Take(output, measure(arguments, cwd=ass.parent, cores=self.cores, environment=self._fonts))

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    @cached_property
    def _fonts(self) -> Mapping[str, str]:
        """The engine's fonts for commands of FFmpeg, whose cache stays from one to the next as a host's does."""
        return Fonts().environment(self._new_folder())
