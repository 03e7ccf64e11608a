"""Owns rendering: runs FFmpeg for each segment and for the sound, joins them, and has the film's pictures taken."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from media_services import ffmpeg
from media_services.captioning import Captioned
from media_services.movie.document import Format
from media_services.placing import Box, Size
from media_services.render.builder import Graph
from media_services.render.burning import Burner
from media_services.render.checking import verify
from media_services.render.graph import MakePlates, compile_graph
from media_services.render.moving import Picture
from media_services.render.output import (
    OUTPUTS,
    gif_options,
    joined_options,
    keyframe_interval,
    palette_options,
    picture_options,
    segment_list,
    shown_fps,
    shown_frames,
    sound_options,
)
from media_services.render.passes import frames_to_prepare, prepare
from media_services.render.pixels import picture_of
from media_services.render.plates import Plates, make_plates, write_frames
from media_services.render.segments import Segment, part_of, segments_of
from media_services.render.sheet import FRAME_COST as SHEET_FRAME_COST
from media_services.render.sheet import decoded_frames, make_sheet, take_poster
from media_services.render.sound import track
from media_services.stage import (
    CHECKED_FRAME_COST,
    FILM_FRAME_COST,
    PASS_FRAME_COST,
    PLATE_COST,
    SOUND_SECOND_COST,
    Parts,
    Report,
    risen,
)
from media_services.timeline import Layer, Timeline

# The shares of what makes a GIF once its pictures are drawn: finding its colours, and using them.
_PALETTE_SHARE = 0.4


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

    Steps: make the passes of what loops; encode one segment after another, and the sound; join them; check; take the
    poster and the contact sheet. The subtitles are drawn over the whole picture, and their files lie beside the film.
    Raises MediaError: FFMPEG_FAILED when FFmpeg fails or what it wrote is not the film that was asked for,
    STORAGE_FAILED when the disk is full.
    """
    segments = segments_of(timeline)
    passes, *drawing, hearing, finishing, checking, taking = _reports(timeline, segments, report)
    timeline = prepare(timeline, folder, report=passes, timeout_s=timeout_s)
    beside = _subtitle_files(folder, subtitles) if subtitles else {}
    burner = Burner(beside["ass"], subtitles.fonts.environment(folder)) if subtitles and beside else None
    encoder = _Encoder(timeline, folder, threads, timeout_s, burner)
    pictures = [encoder.picture(segment, heard) for segment, heard in zip(segments, drawing, strict=True)]
    sound = encoder.sound(hearing) if OUTPUTS[timeline.format].has_sound else None
    joined = encoder.join(pictures, segments, sound)
    film = encoder.gif(joined, finishing) if timeline.format is Format.GIF else joined
    verify(film, timeline, checking)
    poster, sheet = folder / "poster.jpg", folder / "contact.jpg"
    fps, frames = shown_fps(timeline), shown_frames(timeline)
    take_poster(joined, poster, at_s=poster_time_s(timeline))
    make_sheet(joined, sheet, frames=timeline.frames, fps=timeline.fps, report=taking)
    if joined != film:
        joined.unlink()
    report(1.0)
    return Film(film, poster, *timeline.film_size, fps, frames, timeline.duration_ms, sheet, beside)


def _reports(timeline: Timeline, segments: Sequence[Segment], report: Report) -> list[Report]:
    """Return what hears of each part: the passes, every segment, the sound, the end of a GIF, the check, the sheet."""
    output = OUTPUTS[timeline.format]
    drawn = [segment.frames * FILM_FRAME_COST * output.frame_cost for segment in segments]
    stills = [sum(layer.is_still for layer in part_of(timeline, segment).layers) for segment in segments]
    costs = [
        frames_to_prepare(timeline) * PASS_FRAME_COST,
        *(cost + number * PLATE_COST for cost, number in zip(drawn, stills, strict=True)),
        timeline.duration_ms / 1000 * SOUND_SECOND_COST,
        timeline.frames * output.finishing_cost,
        timeline.frames * CHECKED_FRAME_COST,
        decoded_frames(timeline.frames, keyframe_interval(timeline)) * SHEET_FRAME_COST,
    ]
    parts = Parts(report, sum(costs))
    return [parts.next(cost) for cost in costs]


@dataclass
class _Encoder:
    """Writes the parts of a film into a folder, and puts them together."""

    timeline: Timeline
    folder: Path
    threads: int
    timeout_s: float
    burner: Burner | None

    def picture(self, segment: Segment, report: Report) -> Path:
        """Write the pictures of a segment."""
        part = part_of(self.timeline, segment)
        file = self.folder / f"segment-{segment.first_frame}.mp4"
        work = self.folder / f"segment-{segment.first_frame}"
        work.mkdir()
        stills = sum(layer.is_still for layer in part.layers)
        parts = Parts(report, stills * PLATE_COST + part.frames)
        plates, encoding = parts.next(stills * PLATE_COST), parts.next(part.frames)
        burnt = self.burner.filters(segment, self.timeline, work) if self.burner else []
        graph = compile_graph(
            part, _plates_maker(part, work, Parts(plates, stills)), _picture_maker(part, work), subtitles=burnt
        )
        options = [*self._drawn(graph, work), *picture_options(part, self.threads), f"../{file.name}"]
        environment = self.burner.environment if self.burner else {}
        self._run(options, work, lambda frames: encoding(frames / part.frames), environment)
        shutil.rmtree(work)
        return file

    def sound(self, report: Report) -> Path:
        """Write the sound of all of the film."""
        file, length_us = self.folder / "sound", self.timeline.duration_ms * 1000

        def mix(graph: Graph, options: Sequence[str], file: Path) -> None:
            self._run([*self._drawn(graph, self.folder), "-map", "[sound]", *options, file.name], self.folder)

        graph = track(self.timeline, self.folder, mix)
        options = [*self._drawn(graph, self.folder), *sound_options(self.timeline), file.name]
        self._run(options, self.folder, lambda done_us: report(risen(done_us, length_us)), counted="out_time_us")
        for bundle in self.folder.glob("bundle-*"):
            bundle.unlink()
        return file

    def join(self, pictures: Sequence[Path], segments: Sequence[Segment], sound: Path | None) -> Path:
        """Join segments and the sound as they are; what was joined is removed."""
        timeline = self.timeline
        film = self.folder / ("pictures.mp4" if sound is None else f"film.{OUTPUTS[timeline.format].suffix}")
        ends = [segment.end_frame / timeline.fps for segment in segments]
        names = self.folder / "segments.ffconcat"
        names.write_text(segment_list([picture.name for picture in pictures], ends))
        options = joined_options(timeline, names.name, sound.name if sound else None)
        self._run([*options, film.name], self.folder)
        for file in (*pictures, *([sound] if sound else [])):
            file.unlink()
        return film

    def gif(self, pictures: Path, report: Report) -> Path:
        """Make a GIF of pictures that have all of their colours."""
        film, palette, frames = self.folder / "film.gif", self.folder / "palette.png", shown_frames(self.timeline)
        parts = Parts(report, 1)
        counting, dithering = parts.next(_PALETTE_SHARE), parts.next(1 - _PALETTE_SHARE)
        self._run([*palette_options(self.timeline, pictures=pictures.name), palette.name], self.folder)
        counting(1.0)
        options = gif_options(self.timeline, pictures=pictures.name, palette=palette.name)
        self._run([*options, film.name], self.folder, lambda done: dithering(done / frames))
        return film

    def _drawn(self, graph: Graph, folder: Path) -> list[str]:
        """Return the options that make FFmpeg draw or mix what a graph says."""
        script = folder / "graph.txt"
        script.write_text(graph.filters)
        return [*graph.inputs, "-/filter_complex", script.name, "-filter_complex_threads", str(self.threads)]

    def _run(
        self,
        options: Sequence[str],
        folder: Path,
        tick: Callable[[int], None] = lambda count: None,
        environment: Mapping[str, str] | None = None,
        counted: str = "frame",
    ) -> None:
        ffmpeg.render(
            options, cwd=folder, tick=tick, counted=counted, environment=environment, timeout_s=self.timeout_s
        )


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


def poster_time_s(timeline: Timeline) -> float:
    """Return the middle of the first scene, where something typical is seen."""
    span = timeline.scenes[0].span if timeline.scenes else None
    middle = (span.first_frame + span.end_frame) // 2 if span and span.frames else timeline.frames // 2
    return float(min(middle, timeline.frames - 1) / timeline.fps)
