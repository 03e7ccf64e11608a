"""Owns rendering: has the pieces of a film made that are missing, joins them, and has the film's pictures taken."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from media_services import results
from media_services.captioning import Captioned
from media_services.journal import Outcome, Step, Task, step
from media_services.movie.document import Format
from media_services.others import Nobody, made_beside
from media_services.render.burning import Burner
from media_services.render.checking import verify
from media_services.render.crew import Conditions, Crew, Piece
from media_services.render.encoder import Encoder, Part
from media_services.render.keys import film_name
from media_services.render.outline import film_plan
from media_services.render.output import OUTPUTS, keyframe_interval, shown_fps, shown_frames
from media_services.render.sheet import FRAME_COST as SHEET_FRAME_COST
from media_services.render.sheet import decoded_frames, make_sheet, take_poster
from media_services.stage import CHECKED_FRAME_COST, Parts, Report
from media_services.timeline import Timeline


@dataclass(frozen=True)
class Film:
    """A finished, checked film on this machine's disk; `fps` and `frames` are those of its file."""

    file: Path
    poster: Path
    width: int
    height: int
    fps: Fraction
    frames: int
    duration_ms: int
    contact_sheet: Path
    subtitles: Mapping[str, Path] = field(default_factory=dict)


def render(
    timeline: Timeline,
    folder: Path,
    *,
    report: Report,
    conditions: Conditions,
    subtitles: Captioned | None = None,
    project: int = 0,
    project_id: Any = None,
) -> Film:
    """Render a timeline into `folder`; `report` hears how much of it is done.

    Steps: take the segments that were made before; make the passes of what loops in others; encode those, a few at
    once, and the sound; join them; check; take the poster and the contact sheet. A film that was made before is
    taken as it is. The subtitles are drawn over the whole picture, and their files lie beside the film.
    Raises MediaError: FFMPEG_FAILED when FFmpeg fails or what it wrote is not the film that was asked for,
    STORAGE_FAILED when the disk is full.
    """
    beside = _subtitle_files(folder, subtitles) if subtitles else {}
    encoder = _encoder(timeline, folder, conditions, subtitles, project)
    parts = encoder.parts()
    conditions.journal(film_plan(timeline, parts, project, project_id))
    film = folder / f"film.{OUTPUTS[timeline.format].suffix}"
    poster, sheet = folder / "poster.jpg", folder / "contact.jpg"
    with step(conditions.journal, Task.FILM, f"film {project + 1}", project=project) as entry:
        entry.outcome = _come_by(encoder, parts, (film, poster, sheet), conditions, report)
    report(1.0)
    facts = (*timeline.film_size, shown_fps(timeline), shown_frames(timeline), timeline.duration_ms)
    return Film(film, poster, *facts, sheet, beside)


def assist(
    timeline: Timeline,
    folder: Path,
    *,
    report: Report,
    conditions: Conditions,
    subtitles: Captioned | None = None,
    project: int = 0,
) -> None:
    """Make pieces of a film that somebody else renders, the last first, until none is left that nobody makes."""
    if subtitles:
        _subtitle_files(folder, subtitles)
    encoder = _encoder(timeline, folder, conditions, subtitles, project)
    parts = encoder.parts()
    missing = [piece for piece in encoder.pieces(parts) if piece.cache and not results.has(piece.name)]
    if not missing:
        return
    lacking = _of(parts, missing)
    costs = [encoder.cost_to_prepare(lacking), sum(piece.cost for piece in missing)]
    preparing, making = map(Parts(report, sum(costs)).next, costs)
    encoder.prepare(lacking, preparing)
    for_others = [replace(piece, take=partial(results.has, piece.name)) for piece in reversed(missing)]
    Crew(for_others, conditions, making, waits=False).work()


def _come_by(
    encoder: Encoder, parts: Sequence[Part], files: tuple[Path, Path, Path], conditions: Conditions, report: Report
) -> Outcome:
    """Take a film with its pictures from what was made before, or make what is missing of it, and put it together."""
    timeline = encoder.timeline
    name = film_name("films", [*(part.name for part in parts), encoder.sound_name], poster=poster_time_s(timeline))
    kept = dict(zip((name, f"{name}.poster", f"{name}.sheet"), files, strict=True))
    may_be_kept = _may_be_kept(timeline)

    def take() -> bool:
        return may_be_kept and all(results.take_file(*each) for each in kept.items())

    if take():
        return Outcome.KEPT
    missing = [piece for piece in encoder.pieces(parts) if not _is_kept(piece, conditions)]
    lacking = _of(parts, missing)
    costs = [encoder.cost_to_prepare(lacking), sum(piece.cost for piece in missing), sum(_costs_to_finish(timeline))]
    preparing, making, finishing = map(Parts(report, sum(costs)).next, costs)
    encoder.prepare(lacking, preparing)
    Crew(missing, conditions, making).work()

    def make() -> None:
        _finish(encoder, parts, *files, finishing)
        for each in kept.items():
            results.put_file(*each)

    others = conditions.others if may_be_kept else Nobody()
    return made_beside(name, others, take=take, make=make, tick=lambda: finishing(0.0))


def _is_kept(piece: Piece, conditions: Conditions) -> bool:
    """Take a piece if it was made before, and say whether it was."""
    began_at = time.time()
    if not (piece.cache and piece.take()):
        return False
    facts = Outcome.KEPT, began_at, time.time(), piece.project, piece.number
    conditions.journal(Step(piece.task, piece.what, *facts))
    return True


def _of(parts: Sequence[Part], pieces: Sequence[Piece]) -> list[Part]:
    """Return the parts of a film that some of its pieces are."""
    return [parts[piece.number] for piece in pieces if piece.number is not None]


def _costs_to_finish(timeline: Timeline) -> list[float]:
    """Return what the end of a GIF costs, the check, and the contact sheet."""
    return [
        timeline.frames * OUTPUTS[timeline.format].finishing_cost,
        timeline.frames * CHECKED_FRAME_COST,
        decoded_frames(timeline.frames, keyframe_interval(timeline)) * SHEET_FRAME_COST,
    ]


def _finish(encoder: Encoder, parts: Sequence[Part], film: Path, poster: Path, sheet: Path, report: Report) -> None:
    """Join a film's pieces, check the film and take its pictures."""
    timeline, costs = encoder.timeline, _costs_to_finish(encoder.timeline)
    finishing, checking, taking = map(Parts(report, sum(costs)).next, costs)
    joined = encoder.join(parts)
    if timeline.format is Format.GIF:
        encoder.gif(joined, film, finishing)
    else:
        joined.rename(film)
        joined = film
    verify(film, timeline, checking)
    take_poster(joined, poster, at_s=poster_time_s(timeline))
    make_sheet(joined, sheet, frames=timeline.frames, fps=timeline.fps, report=taking)
    if joined != film:
        joined.unlink()


def _encoder(
    timeline: Timeline, folder: Path, conditions: Conditions, subtitles: Captioned | None, project: int
) -> Encoder:
    """Return what makes the pieces of a film; the files of its subtitles lie in the folder."""
    burner = _burner(timeline, subtitles, folder) if subtitles and subtitles.files else None
    return Encoder(timeline, folder, conditions, burner, project)


def _burner(timeline: Timeline, subtitles: Captioned, folder: Path) -> Burner:
    fonts = [captions.font for captions in timeline.captions if captions.font]
    return Burner(folder / "subtitles.ass", fonts, timeline.fps, subtitles.fonts.environment(folder))


def _may_be_kept(timeline: Timeline) -> bool:
    """Say whether the document lets a film that was made before be used again as a whole."""
    drawn, heard = timeline.layers, timeline.sounds
    flags = [*(layer.cache for layer in drawn), *(sound.cache for sound in heard)]
    return all([*flags, *(captions.cache for captions in timeline.captions)])


def _subtitle_files(folder: Path, subtitles: Captioned) -> dict[str, Path]:
    """Write the files of a film's subtitles, under names that need no escaping in a filtergraph."""
    files = {kind: folder / f"subtitles.{kind}" for kind in subtitles.files}
    for kind, file in files.items():
        file.write_text(subtitles.files[kind], encoding="utf-8")
    return files


def poster_time_s(timeline: Timeline) -> float:
    """Return the middle of the first scene, where something typical is seen."""
    span = timeline.scenes[0].span if timeline.scenes else None
    middle = (span.first_frame + span.end_frame) // 2 if span and span.frames else timeline.frames // 2
    return float(min(middle, timeline.frames - 1) / timeline.fps)
