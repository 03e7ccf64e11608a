"""`manage.py qcluster`, but making films is replaced by nothing.

A job is claimed, leased, forked for, watched and completed as ever; only `pipeline.produce`, the seam between the jobs
and the media, returns no films at once.
"""

import os
from pathlib import Path
from typing import Any

from django.core.management import execute_from_command_line

from benchmarks.competitors.task import note_start
from media_services import pipeline
from media_services.movie.reading import Movie


def produce_nothing(movie: Movie, workdir: Path, *_: Any, **__: Any) -> pipeline.Production:
    """Note the start where the document's comment says."""
    note_start(movie.projects[0].comment)
    return pipeline.Production(films=[], warnings=[])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
    pipeline.produce = produce_nothing
    execute_from_command_line(["manage.py", "qcluster"])
