"""Owns encoding: runs the compiled graph, checks that the film is what was asked for, and has its pictures taken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from media_services import ffmpeg
from media_services.captioning import Captioned
from media_services.errors import ErrorCode, MediaError
from media_services.movie.document import Format
from media_services.placing import Box, Size
from media_services.render.builder import Graph
from media_services.render.graph import MakePlates, compile_graph
from media_services.render.moving import Picture
from media_services.render.output import (
    OUTPUTS,
    film_options,
    gif_options,
    gif_pass_filters,
    gif_pass_options,
    keyframe_interval,
    shown_fps,
    shown_frames,
)
from media_services.render.passes import frames_to_prepare, prepare
from media_services.render.pixels import picture_of
from media_services.render.plates import Plates, make_plates, write_frames
from media_services.render.sheet import FRAME_COST as SHEET_FRAME_COST
from media_services.render.sheet import decoded_frames, make_sheet, take_poster
from media_services.stage import CHECKED_FRAME_COST, FILM_FRAME_COST, PASS_FRAME_COST, PLATE_COST, Parts, Report
from media_services.timeline import Layer, Timeline

_AUDIO_TOLERANCE_S = 0.03
_REPORT_PACKETS = 256
# The shares of a GIF's two passes: drawing, and the palette of it, takes about as long as the palette's use.
_GIF_PASS_SHARES = (0.5, 0.5)

Run = Callable[[Sequence[str], Callable[[int], None]], object]  # runs FFmpeg; hears how many frames it has written


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
    threads: int,
    timeout_s: float,
    subtitles: Captioned | None = None,
) -> Film:
    """Render a timeline into `folder`; `report` hears how much of it is done.

    Steps: cut the passes of what loops; make the plates of what stands still; encode; check; take the poster and the
    contact sheet. The subtitles are drawn over the whole picture, and their files lie beside the film.
    Raises MediaError: FFMPEG_FAILED when FFmpeg fails or what it wrote is not the film that was asked for,
    STORAGE_FAILED when the disk is full.
    """
    stills = sum(layer.is_still for layer in timeline.layers)
    costs = [
        frames_to_prepare(timeline) * PASS_FRAME_COST,
        stills * PLATE_COST,
        timeline.frames * FILM_FRAME_COST * OUTPUTS[timeline.format].frame_cost,
        timeline.frames * CHECKED_FRAME_COST,
        decoded_frames(timeline.frames, keyframe_interval(timeline)) * SHEET_FRAME_COST,
    ]
    parts = Parts(report, sum(costs))
    passes, plates, encoding, checking, taking = map(parts.next, costs)
    timeline = prepare(timeline, folder, report=passes, timeout_s=timeout_s)
    beside = _subtitle_files(folder, subtitles) if subtitles else {}
    drawn = [f"ass={beside['ass'].name}"] if beside else []
    graph = compile_graph(
        timeline,
        _plates_maker(timeline, folder, Parts(plates, stills)),
        _picture_maker(timeline, folder),
        subtitles=drawn,
    )
    environment = subtitles.fonts.environment(folder) if subtitles and beside else {}

    def run(arguments: Sequence[str], tick: Callable[[int], None]) -> None:
        ffmpeg.render(arguments, cwd=folder, tick=tick, environment=environment, timeout_s=timeout_s)

    encode = _encode_gif if timeline.format is Format.GIF else _encode
    film, pictures = encode(graph, timeline, folder, run, threads=threads, report=encoding)
    verify(film, timeline, checking)
    poster, sheet = folder / "poster.jpg", folder / "contact.jpg"
    fps, frames = shown_fps(timeline), shown_frames(timeline)
    take_poster(pictures, poster, at_s=poster_time_s(timeline))
    make_sheet(pictures, sheet, frames=frames, fps=fps, report=taking)
    if pictures != film:
        pictures.unlink()
    report(1.0)
    return Film(film, poster, *timeline.film_size, fps, frames, timeline.duration_ms, sheet, beside)


def _encode(
    graph: Graph, timeline: Timeline, folder: Path, run: Run, *, threads: int, report: Report
) -> tuple[Path, Path]:
    """Write the film; return it and the file that pictures of it are taken from, which is the film."""
    film = folder / f"film.{OUTPUTS[timeline.format].suffix}"
    arguments = [*_drawn(graph, folder, threads), *film_options(timeline, threads), film.name]
    run(arguments, lambda frames: report(frames / timeline.frames))
    return film, film


def _encode_gif(
    graph: Graph, timeline: Timeline, folder: Path, run: Run, *, threads: int, report: Report
) -> tuple[Path, Path]:
    """Write the film in two passes; return it and the file of the first, which has all of its colours."""
    film, pictures, palette = folder / "film.gif", folder / "pictures.mp4", folder / "palette.png"
    names = {"pictures": pictures.name, "palette": palette.name}
    frames, parts = shown_frames(timeline), Parts(report, sum(_GIF_PASS_SHARES))

    def tick(part: Report, done: int) -> None:
        part(done / frames)

    drawing, dithering = map(parts.next, _GIF_PASS_SHARES)
    drawn = _drawn(graph, folder, threads, gif_pass_filters(timeline))
    run([*drawn, *gif_pass_options(timeline, threads, **names)], partial(tick, drawing))
    run([*gif_options(timeline, **names), film.name], partial(tick, dithering))
    return film, pictures


def _drawn(graph: Graph, folder: Path, threads: int, *more: str) -> list[str]:
    """Return the options that make FFmpeg draw the film, with more filters behind the graph."""
    script = folder / "graph.txt"
    script.write_text(";".join([graph.filters, *more]))
    return [*graph.inputs, "-/filter_complex", script.name, "-filter_complex_threads", str(threads)]


def _plates_maker(timeline: Timeline, folder: Path, parts: Parts) -> MakePlates:
    """Return what makes the plates of each run of still layers, as a part that costs as much as the run has layers."""
    canvas = Box(0, 0, timeline.width, timeline.height)

    def make(layers: Sequence[Layer], opaque: bool, frames: int) -> Plates | None:
        file = folder / f"plates-{len(list(folder.glob('plates-*')))}.nut"
        return make_plates(
            layers, canvas=canvas, fps=timeline.fps, file=file, frames=frames, opaque=opaque,
            report=parts.next(len(layers)),
        )  # fmt: skip

    return make


def _picture_maker(timeline: Timeline, folder: Path) -> Picture:
    """Return what makes the one picture of a layer that is still but for its look."""
    canvas = (timeline.width, timeline.height)

    def make(layer: Layer, size: Size) -> Path:
        file = folder / f"picture-{len(list(folder.glob('picture-*')))}.nut"
        write_frames(file, [(0, picture_of(layer, size, canvas))], size, timeline.fps)
        return file

    return make


def _subtitle_files(folder: Path, subtitles: Captioned) -> dict[str, Path]:
    """Write the files of a film's subtitles, under names that need no escaping in a filtergraph."""
    files = {kind: folder / f"subtitles.{kind}" for kind in subtitles.files}
    for kind, file in files.items():
        file.write_text(subtitles.files[kind], encoding="utf-8")
    return files


def verify(film: Path, timeline: Timeline, report: Report) -> None:
    """Raise MediaError unless a film has exactly its frames, size and length, and sound that ends with the picture."""
    frames, fps, size = shown_frames(timeline), shown_fps(timeline), timeline.film_size
    found = _measure(film, lambda done: report(done / frames))
    wanted_s = float(timeline.frames / timeline.fps)
    if found.frames != frames or found.size != size:
        raise MediaError(
            ErrorCode.FFMPEG_FAILED,
            f"the film that was written has {found.frames} frames of {found.size[0]}x{found.size[1]} "
            f"instead of {frames} of {size[0]}x{size[1]}",
        )
    if abs(found.picture_s - wanted_s) > float(1 / fps):
        raise MediaError(
            ErrorCode.FFMPEG_FAILED,
            f"the film that was written lasts {found.picture_s:.3f} s instead of {wanted_s:.3f} s",
        )
    if (found.sound_s is not None) != OUTPUTS[timeline.format].has_sound:
        raise MediaError(
            ErrorCode.FFMPEG_FAILED, f"the film that was written has {'no ' * (found.sound_s is None)}sound"
        )
    if found.sound_s is not None and abs(found.sound_s - wanted_s) > max(_AUDIO_TOLERANCE_S, float(1 / fps)):
        raise MediaError(
            ErrorCode.FFMPEG_FAILED, f"the film's sound lasts {found.sound_s:.3f} s and its picture {wanted_s:.3f} s"
        )


@dataclass(frozen=True)
class _Found:
    """What a file has: its frames, their size, and when its streams end; None for a sound that it does not have."""

    frames: int
    size: tuple[int, int]
    picture_s: float
    sound_s: float | None


def _measure(film: Path, tick: Callable[[int], None]) -> _Found:
    """Read every packet of a film, for not every container states how long its streams are.

    `tick` hears how many frames were read.
    """
    frames = 0
    ends_s = {"video": 0.0, "audio": 0.0}
    try:
        with av.open(str(film), options={"protocol_whitelist": "file"}) as container:
            video, has_sound = container.streams.video[0], bool(container.streams.audio)
            size = (video.codec_context.width, video.codec_context.height)
            for packet in container.demux():
                if not packet.size or packet.pts is None:
                    continue
                kind = packet.stream.type
                ends_s[kind] = max(ends_s[kind], float((packet.pts + (packet.duration or 0)) * packet.time_base))
                frames += kind == "video"
                if kind == "video" and frames % _REPORT_PACKETS == 0:
                    tick(frames)
    except (av.FFmpegError, IndexError) as problem:
        raise MediaError(ErrorCode.FFMPEG_FAILED, f"the film that was written cannot be read: {problem}") from problem
    return _Found(frames, size, ends_s["video"], ends_s["audio"] if has_sound else None)


def poster_time_s(timeline: Timeline) -> float:
    """Return the middle of the first scene, where something typical is seen."""
    span = timeline.scenes[0].span if timeline.scenes else None
    middle = (span.first_frame + span.end_frame) // 2 if span and span.frames else timeline.frames // 2
    return float(min(middle, timeline.frames - 1) / timeline.fps)
