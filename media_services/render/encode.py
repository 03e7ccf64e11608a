"""Owns rendering: runs FFmpeg for each segment and for the sound, joins them, and has the film's pictures taken."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from media_services import ffmpeg, results
from media_services.captioning import Captioned
from media_services.movie.document import Format
from media_services.placing import Box, Size
from media_services.render.builder import Graph
from media_services.render.burning import Burner, Burnt
from media_services.render.checking import verify
from media_services.render.graph import MakePlates, compile_graph
from media_services.render.keys import film_name, segment_inputs, sound_inputs
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
from media_services.render.passes import frames_to_prepare, prepare, with_plain_passes
from media_services.render.pixels import picture_of
from media_services.render.plates import Plates, make_plates, write_frames
from media_services.render.segments import Segment, is_in, part_of, segments_of
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


@dataclass(frozen=True)
class Part:
    """A part of a film: its segment, what is burnt into it, and the file its pictures come to.

    `name` is what the file is kept under; `stills` is how many still layers it shows. `cache` says whether it may be
    what was kept before.
    """

    segment: Segment
    burnt: Burnt | None
    name: str
    file: Path
    stills: int
    cache: bool


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

    Steps: take the segments that were made before; make the passes of what loops in others; encode those, one after
    another, and the sound; join them; check; take the poster and the contact sheet. A film that was made before is
    taken as it is. The subtitles are drawn over the whole picture, and their files lie beside the film.
    Raises MediaError: FFMPEG_FAILED when FFmpeg fails or what it wrote is not the film that was asked for,
    STORAGE_FAILED when the disk is full.
    """
    beside = _subtitle_files(folder, subtitles) if subtitles else {}
    burner = _burner(timeline, beside["ass"], subtitles, folder) if subtitles and beside else None
    timeline = with_plain_passes(timeline)
    encoder = _Encoder(timeline, folder, threads, timeout_s, burner)
    parts = encoder.parts()
    name = film_name("films", [*(part.name for part in parts), encoder.sound_name], poster=poster_time_s(timeline))
    film = folder / f"film.{OUTPUTS[timeline.format].suffix}"
    poster, sheet = folder / "poster.jpg", folder / "contact.jpg"
    files = {name: film, f"{name}.poster": poster, f"{name}.sheet": sheet}
    is_kept = _may_be_kept(timeline) and all(results.take_file(*each) for each in files.items())
    if not is_kept:
        _make(encoder, parts, film, poster, sheet, report)
        for each in files.items():
            results.put_file(*each)
    report(1.0)
    facts = (*timeline.film_size, shown_fps(timeline), shown_frames(timeline), timeline.duration_ms)
    return Film(film, poster, *facts, sheet, beside)


def _make(encoder: "_Encoder", parts: Sequence[Part], film: Path, poster: Path, sheet: Path, report: Report) -> None:
    """Make what is not kept of a film's parts, join them, check the film and take its pictures."""
    timeline = encoder.timeline
    kept = encoder.kept(parts)
    missing = [part for part in parts if part not in kept]
    passes, *drawing, hearing, finishing, checking, taking = _reports(timeline, missing, report)
    encoder.prepare(missing, passes)
    for part, drawn in zip(missing, drawing, strict=True):
        encoder.picture(part, drawn)
    sound = encoder.sound(hearing) if OUTPUTS[timeline.format].has_sound else None
    joined = encoder.join(parts, sound)
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


def _reports(timeline: Timeline, missing: Sequence[Part], report: Report) -> list[Report]:
    """Return what hears of each step: the passes, every segment, the sound, the end of a GIF, the check, the sheet."""
    output = OUTPUTS[timeline.format]
    costs = [
        frames_to_prepare(_needed(timeline, missing)) * PASS_FRAME_COST,
        *(part.segment.frames * FILM_FRAME_COST * output.frame_cost + part.stills * PLATE_COST for part in missing),
        timeline.duration_ms / 1000 * SOUND_SECOND_COST,
        timeline.frames * output.finishing_cost,
        timeline.frames * CHECKED_FRAME_COST,
        decoded_frames(timeline.frames, keyframe_interval(timeline)) * SHEET_FRAME_COST,
    ]
    steps = Parts(report, sum(costs))
    return [steps.next(cost) for cost in costs]


def _needed(timeline: Timeline, parts: Sequence[Part]) -> Timeline:
    """Return a film without the layers that none of its parts shows."""
    segments = [part.segment for part in parts]
    seen = [layer for layer in timeline.layers if any(is_in(layer.span, segment) for segment in segments)]
    return replace(timeline, layers=tuple(seen))


class _Encoder:
    """Writes the parts of a film into a folder, and puts them together; what was made before is not made again."""

    def __init__(self, timeline: Timeline, folder: Path, threads: int, timeout_s: float, burner: Burner | None) -> None:
        self.timeline, self._prepared = timeline, timeline
        self._folder, self._threads, self._timeout_s, self._burner = folder, threads, timeout_s, burner
        self.sound_name = results.key("sounds", **sound_inputs(timeline))

    def parts(self) -> list[Part]:
        """Return the parts of the film's pictures, in the order of time."""
        return [self._part(segment) for segment in segments_of(self.timeline)]

    def _part(self, segment: Segment) -> Part:
        part = part_of(self.timeline, segment)
        burnt = self._burner.burnt(segment) if self._burner else None
        return Part(
            segment,
            burnt,
            name=results.key("segments", **segment_inputs(part, burnt, self._threads)),
            file=self._folder / f"segment-{segment.first_frame}.mp4",
            stills=sum(layer.is_still for layer in part.layers),
            cache=all(layer.cache for layer in part.layers),
        )

    def kept(self, parts: Sequence[Part]) -> list[Part]:
        """Take what is kept of the film's parts, and return which those are."""
        return [part for part in parts if part.cache and results.take_file(part.name, part.file)]

    def prepare(self, missing: Sequence[Part], report: Report) -> None:
        """Prepare the sources of the parts that are missing."""
        needed = _needed(self.timeline, missing)
        self._prepared = prepare(needed, self._folder, report=report, timeout_s=self._timeout_s)

    def picture(self, part: Part, report: Report) -> None:
        """Write the pictures of a part."""
        shown = part_of(self._prepared, part.segment)
        work = part.file.with_suffix("")
        work.mkdir()
        steps = Parts(report, part.stills * PLATE_COST + shown.frames)
        plates, encoding = steps.next(part.stills * PLATE_COST), steps.next(shown.frames)
        graph = compile_graph(
            shown,
            _plates_maker(shown, work, Parts(plates, part.stills)),
            _picture_maker(shown, work),
            subtitles=part.burnt.filters(work) if part.burnt else [],
        )
        options = [*self._drawn(graph, work), *picture_options(shown, self._threads), f"../{part.file.name}"]
        environment = self._burner.environment if self._burner else None
        self._run(options, work, lambda frames: encoding(frames / shown.frames), environment)
        shutil.rmtree(work)
        results.put_file(part.name, part.file)

    def sound(self, report: Report) -> Path:
        """Write the sound of all of the film."""
        file, length_us, mixed_us = self._folder / "sound", self.timeline.duration_ms * 1000, 0
        if all(sound.cache for sound in self.timeline.sounds) and results.take_file(self.sound_name, file):
            return file

        def mix(graph: Graph, options: Sequence[str], file: Path) -> None:
            nonlocal mixed_us
            last_us = 0

            def tick(done_us: int) -> None:
                nonlocal last_us
                last_us = max(last_us, done_us)
                report(risen(mixed_us + last_us, length_us))

            self._run(
                [*self._drawn(graph, self._folder), *options, file.name], self._folder, tick, counted="out_time_us"
            )
            mixed_us += last_us

        mix(track(self.timeline, self._folder, mix), sound_options(self.timeline), file)
        for bundle in self._folder.glob("bundle-*"):
            bundle.unlink()
        results.put_file(self.sound_name, file)
        return file

    def join(self, parts: Sequence[Part], sound: Path | None) -> Path:
        """Join the parts and the sound as they are; what was joined is removed."""
        joined, names = (
            self._folder / f"joined{'.webm' if self.timeline.format is Format.WEBM else '.mp4'}",
            "parts.txt",
        )
        ends = [part.segment.end_frame / self.timeline.fps for part in parts]
        (self._folder / names).write_text(segment_list([part.file.name for part in parts], ends))
        self._run([*joined_options(self.timeline, names, sound.name if sound else None), joined.name], self._folder)
        for file in (*(part.file for part in parts), *([sound] if sound else [])):
            file.unlink()
        return joined

    def gif(self, pictures: Path, film: Path, report: Report) -> None:
        """Make a GIF of pictures that have all of their colours."""
        palette, frames = self._folder / "palette.png", shown_frames(self.timeline)
        steps = Parts(report, 1)
        counting, dithering = steps.next(_PALETTE_SHARE), steps.next(1 - _PALETTE_SHARE)
        self._run([*palette_options(self.timeline, pictures=pictures.name), palette.name], self._folder)
        counting(1.0)
        options = gif_options(self.timeline, pictures=pictures.name, palette=palette.name)
        self._run([*options, film.name], self._folder, lambda done: dithering(done / frames))

    def _drawn(self, graph: Graph, folder: Path) -> list[str]:
        """Return the options that make FFmpeg draw or mix what a graph says."""
        script = folder / "graph.txt"
        script.write_text(graph.filters)
        return [*graph.inputs, "-/filter_complex", script.name, "-filter_complex_threads", str(self._threads)]

    def _run(
        self,
        options: Sequence[str],
        folder: Path,
        tick: Callable[[int], None] = lambda count: None,
        environment: Mapping[str, str] | None = None,
        counted: str = "frame",
    ) -> None:
        ffmpeg.render(
            options, cwd=folder, tick=tick, counted=counted, environment=environment, timeout_s=self._timeout_s
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


def _burner(timeline: Timeline, ass: Path, subtitles: Captioned, folder: Path) -> Burner:
    fonts = [captions.font for captions in timeline.captions if captions.font]
    return Burner(ass, fonts, timeline.fps, subtitles.fonts.environment(folder))


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
