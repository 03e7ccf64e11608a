"""Owns the order of the work: from a document that was read to finished films, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage, storages

from media_services import fonts, stored
from media_services.captioning import Captioned, caption_all, check_models
from media_services.confinement import can_go_offline
from media_services.errors import Problem
from media_services.journal import Journal, unheard
from media_services.kept import NOBODY, Asking, prober
from media_services.movie.document import Project
from media_services.movie.reading import Movie, sources_of
from media_services.others import Nobody, Others, invitation
from media_services.recogniser import Line, Recogniser
from media_services.render.crew import Conditions
from media_services.render.encode import Film, render
from media_services.render.keys import engine
from media_services.render.output import OUTPUTS
from media_services.render.text import warnings_of
from media_services.sources import Local, Wanted, fetch_all, probe_all
from media_services.stage import Checkpoint, Parts, Stage, overall
from media_services.timeline import Timeline
from media_services.timing import Sources, compute

_LANE_BYTES = 512 * 1024**2  # what encoding a segment takes; measured at 1080p: 440 MiB


@dataclass(frozen=True)
class Production:
    """What a document became: a film for each project, and the warnings that came up on the way."""

    films: list[Film]
    warnings: list[Problem]


def get_ready() -> None:
    """Work out what is the same for all work, and remembered: in a process that forks, it saves each fork 35 ms.

    Whether FFmpeg can do without the network is tried, and complained of, once.
    """
    can_go_offline()
    engine()
    prober()
    for storage in (default_storage, storages["results"]):
        stored.get_ready(storage)
    fonts.fingerprint()
    fonts.Fonts()


def wanted(movie: Movie) -> list[Wanted]:
    """Return every source a document names: the kind it must be of, its place, and whether it may be a kept one."""
    return [
        Wanted(src, kind, path, project.caches(element, scene))
        for element, project, scene in movie.placed()
        for src, path, kind in sources_of(element, element.pointer)
    ]


def produce(
    movie: Movie,
    workdir: Path,
    checkpoint: Checkpoint,
    *,
    local: Mapping[str, Local],
    recogniser: Line | None = None,
    asking: Asking = NOBODY,
    journal: Journal = unheard,
    others: Others | None = None,
) -> Production:
    """Turn a document into films in `workdir`, which must be empty.

    Steps: fetch every source once; probe it; decide every project's timeline; recognise the speech that is to be
    captioned; render one film after another.
    `local` maps sources that need no fetching to where they are; without a `recogniser` there is one for as long as
    this takes. What is kept of sources for who is `asking` is used. `journal` hears of each step, and `others` say what
    they are making, which is then not made here.
    Raises MediaError.
    """
    sources = gather(movie, workdir / "sources", checkpoint, local=local, asking=asking, journal=journal)
    timelines = timelines_of(movie, sources)
    check_models(timelines)
    beside = others or Nobody()
    conditions = conditions_for(beside, journal)
    with nullcontext(recogniser) if recogniser else Recogniser() as listener:
        captioned = caption_all(
            timelines,
            threads=settings.VIDEOCRAFT.cores_per_job,
            report=lambda f: checkpoint(Stage.TRANSCRIBING, overall(Stage.TRANSCRIBING, f)),
            recogniser=listener,
            others=beside,
            journal=journal,
        )
    fetched = {src: source.sha256 for (src, _), source in sources.items() if src not in local}
    with invitation(beside, fetched):
        films = _rendered(movie, timelines, captioned, workdir, checkpoint, conditions)
    warnings = [warning for timeline in timelines for warning in timeline.warnings]
    warnings += [warning for subtitles in captioned for warning in subtitles.warnings]
    warnings += [warning for timeline in timelines for warning in _text_warnings(timeline)]
    return Production(films, warnings)


def _rendered(
    movie: Movie,
    timelines: Sequence[Timeline],
    captioned: Sequence[Captioned],
    workdir: Path,
    checkpoint: Checkpoint,
    conditions: Conditions,
) -> list[Film]:
    """Render one film after another, each in a folder of its own."""
    films = []
    parts = Parts(
        lambda f: checkpoint(Stage.RENDERING, overall(Stage.RENDERING, f)),
        total=sum(_work(timeline) for timeline in timelines),
    )
    for number, (timeline, subtitles) in enumerate(zip(timelines, captioned, strict=True)):
        folder = workdir / f"film-{number}"
        folder.mkdir()
        films.append(
            render(
                timeline,
                folder,
                report=parts.next(_work(timeline)),
                conditions=conditions,
                subtitles=subtitles,
                project=number,
                project_id=movie.projects[number].id,
            )
        )
    return films


def conditions_for(others: Others, journal: Journal) -> Conditions:
    """Return the conditions that the settings put rendering under: as many lanes as cores, if their memory allows."""
    configured = settings.VIDEOCRAFT
    lanes = max(1, min(configured.cores_per_job, configured.job_memory_limit // _LANE_BYTES))
    return Conditions(lanes, configured.job_process_timeout.total_seconds(), others, journal)


def plan(
    movie: Movie,
    folder: Path,
    checkpoint: Checkpoint,
    *,
    local: Mapping[str, Local],
    asking: Asking = NOBODY,
    journal: Journal = unheard,
) -> list[Timeline]:
    """Gather the sources of a document, as `gather` does, and decide the timeline of each project."""
    return timelines_of(movie, gather(movie, folder, checkpoint, local=local, asking=asking, journal=journal))


def gather(
    movie: Movie,
    folder: Path,
    checkpoint: Checkpoint,
    *,
    local: Mapping[str, Local],
    asking: Asking = NOBODY,
    journal: Journal = unheard,
) -> Sources:
    """Fetch and probe every source of a document.

    What is kept of sources for who is `asking` is used; `journal` hears of each source.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = wanted(movie)
    fetched = fetch_all(
        named,
        folder,
        local=local,
        report=lambda f: checkpoint(Stage.FETCHING, overall(Stage.FETCHING, f)),
        asking=asking,
        journal=journal,
    )
    return probe_all(
        named,
        fetched,
        report=lambda f: checkpoint(Stage.ANALYZING, overall(Stage.ANALYZING, f)),
        asking=asking,
        journal=journal,
    )


def timelines_of(movie: Movie, sources: Sources) -> list[Timeline]:
    """Decide the timeline of each project of a document."""
    limit_ms = round(settings.VIDEOCRAFT.film_max_duration.total_seconds() * 1000)

    def timeline(project: Project, pointer: str) -> Timeline:
        return compute(project, pointer, sources, max_duration_ms=limit_ms)

    return [timeline(project, pointer) for project, pointer in zip(movie.projects, movie.pointers, strict=True)]


def _text_warnings(timeline: Timeline) -> Iterator[Problem]:
    """Yield what is to be said of the fonts of text elements."""
    for layer in timeline.layers:
        if layer.text is not None:
            for warning in warnings_of(layer.text, layer.font.file if layer.font else None):
                yield Problem(layer.path, "font", warning)


def _work(timeline: Timeline) -> float:
    """Return how much work a film is, in frames of its size."""
    output = OUTPUTS[timeline.format]
    return timeline.frames * timeline.width * timeline.height * (output.frame_cost + output.finishing_cost)
