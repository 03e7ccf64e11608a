"""Owns helping with films that somebody else produces: pieces of them are made, and kept for him to take."""

from collections.abc import Mapping
from pathlib import Path

from media_services import results
from media_services.captioning import NotKept, caption_all
from media_services.journal import Journal, unheard
from media_services.kept import Asking, content_name
from media_services.movie.reading import Movie
from media_services.others import Others, invited
from media_services.pipeline import conditions_for, plan
from media_services.render.encode import assist as render_some
from media_services.sources import Local
from media_services.stage import Checkpoint, Stage, overall


class CannotHelp(Exception):
    """What is needed to help with some work is not here."""


def assist(
    movie: Movie,
    workdir: Path,
    checkpoint: Checkpoint,
    *,
    local: Mapping[str, Local],
    asking: Asking,
    others: Others,
    journal: Journal = unheard,
) -> None:
    """Make pieces of the films of a document that somebody else produces, as far as nobody makes them.

    Fetches and recognises nothing: what he got is among the results, or this raises CannotHelp. May raise MediaError.
    """
    contents = invited(others)
    if contents is None:
        raise CannotHelp("its results are not kept here")
    if not all(results.has(content_name(sha256)) for sha256 in contents.values()):
        raise CannotHelp("a source is not kept here")
    files = {src: _kept_content(sha256, workdir) for src, sha256 in contents.items()}
    timelines = plan(movie, workdir / "sources", checkpoint, local={**files, **local}, asking=asking)
    try:
        captioned = caption_all(timelines, threads=1, report=lambda done: None, recogniser=None)
    except NotKept as problem:
        raise CannotHelp("its words are not kept here") from problem
    conditions = conditions_for(others, journal)

    def report(fraction: float) -> None:
        checkpoint(Stage.RENDERING, overall(Stage.RENDERING, fraction))

    for number, (timeline, subtitles) in enumerate(zip(timelines, captioned, strict=True)):
        folder = workdir / f"film-{number}"
        folder.mkdir()
        render_some(timeline, folder, report=report, conditions=conditions, subtitles=subtitles, project=number)


def _kept_content(sha256: str, folder: Path) -> Path:
    file = folder / sha256
    if not results.take_file(content_name(sha256), file):
        raise CannotHelp("a source is kept here no longer")
    return file
