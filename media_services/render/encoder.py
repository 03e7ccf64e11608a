"""Owns the pieces of a film: its segments and its sound, each kept under the hash of its inputs, and joining them."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from media_services import ffmpeg, results
from media_services.journal import Task
from media_services.movie.document import Format
from media_services.placing import Box, Size
from media_services.render.builder import Graph
from media_services.render.burning import Burner, Burnt
from media_services.render.crew import Conditions, Piece
from media_services.render.graph import MakePlates, compile_graph
from media_services.render.keys import Inputs, segment_inputs, sound_inputs
from media_services.render.moving import Picture
from media_services.render.output import (
    OUTPUTS,
    gif_options,
    joined_options,
    most_bytes,
    palette_options,
    picture_options,
    segment_list,
    shown_frames,
    sound_options,
)
from media_services.render.passes import frames_to_prepare, prepare, with_plain_passes
from media_services.render.pixels import picture_of
from media_services.render.plates import Plates, make_plates, write_frames
from media_services.render.segments import Segment, is_in, part_of, segments_of
from media_services.render.sound import track
from media_services.stage import FILM_FRAME_COST, PASS_FRAME_COST, PLATE_COST, SOUND_SECOND_COST, Parts, Report, risen
from media_services.timeline import Layer, Timeline

# The shares of what makes a GIF once its pictures are drawn: finding its colours, and using them.
_PALETTE_SHARE = 0.4


@dataclass(frozen=True)
class Part:
    """A part of a film's pictures: its segment, what is burnt into it, and the file it comes to.

    `name` is what the file is kept under, the hash of `inputs`. `stills` is how many still layers it shows. `refused`
    is the pointer of what may not be taken from what was made before, if anything.
    """

    segment: Segment
    burnt: Burnt | None
    inputs: Inputs
    name: str
    file: Path
    stills: int
    layers: tuple[str, ...]
    refused: str | None

    @property
    def cache(self) -> bool:
        return self.refused is None


class Encoder:
    """Writes the pieces of a film into a folder, and puts them together; what was made before is not made again."""

    def __init__(
        self, timeline: Timeline, folder: Path, conditions: Conditions, burner: Burner | None = None, project: int = 0
    ) -> None:
        self.timeline = self._prepared = with_plain_passes(timeline)
        self._folder, self._conditions, self._burner, self._project = folder, conditions, burner, project
        self._sound_file = folder / "sound"
        self.sound_name = results.key("sounds", **sound_inputs(timeline))

    def parts(self) -> list[Part]:
        """Return the parts of the film's pictures, in the order of time."""
        return [self._part(segment) for segment in segments_of(self.timeline)]

    def _part(self, segment: Segment) -> Part:
        part = part_of(self.timeline, segment)
        burnt = self._burner.burnt(segment) if self._burner else None
        inputs = segment_inputs(part, burnt)
        return Part(
            segment,
            burnt,
            inputs,
            name=results.key("segments", **inputs),
            file=self._folder / f"segment-{segment.first_frame}.mp4",
            stills=sum(layer.is_still for layer in part.layers),
            layers=tuple(layer.path for layer in part.layers),
            refused=next((layer.path for layer in part.layers if not layer.cache), None),
        )

    def pieces(self, parts: Sequence[Part]) -> list[Piece]:
        """Return what is to be made of a film, each a piece of work: its parts, in their order, and its sound."""
        pictures = [self._picture_piece(part, number, len(parts)) for number, part in enumerate(parts)]
        return pictures + [self._sound_piece()] * OUTPUTS[self.timeline.format].has_sound

    def _picture_piece(self, part: Part, number: int, count: int) -> Piece:
        frames_cost = part.segment.frames * FILM_FRAME_COST * OUTPUTS[self.timeline.format].frame_cost
        return Piece(
            Task.SEGMENT,
            f"{number + 1} of {count}",
            part.name,
            frames_cost + part.stills * PLATE_COST,
            part.cache,
            take=lambda: results.take_file(part.name, part.file),
            make=lambda report: self._picture(part, report),
            project=self._project,
            number=number,
        )

    def _sound_piece(self) -> Piece:
        seconds = self.timeline.duration_ms / 1000
        return Piece(
            Task.SOUND,
            f"{seconds:g} s",
            self.sound_name,
            seconds * SOUND_SECOND_COST,
            cache=all(sound.cache for sound in self.timeline.sounds),
            take=lambda: results.take_file(self.sound_name, self._sound_file),
            make=self._sound,
            project=self._project,
        )

    def cost_to_prepare(self, missing: Sequence[Part]) -> float:
        """Return what it costs to prepare the sources of some parts."""
        return frames_to_prepare(self._needed(missing)) * PASS_FRAME_COST

    def prepare(self, missing: Sequence[Part], report: Report) -> None:
        """Prepare the sources of the parts that are missing."""
        self._prepared = prepare(
            self._needed(missing), self._folder, report=report, conditions=self._conditions, project=self._project
        )

    def _needed(self, parts: Sequence[Part]) -> Timeline:
        """Return the film without the layers that none of some parts shows."""
        segments = [part.segment for part in parts]
        seen = [layer for layer in self.timeline.layers if any(is_in(layer.span, segment) for segment in segments)]
        return replace(self.timeline, layers=tuple(seen))

    def _picture(self, part: Part, report: Report) -> None:
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
        options = [*self._drawn(graph, work), *picture_options(shown), f"../{part.file.name}"]
        environment = self._burner.environment if self._burner else None
        self._run(options, work, lambda frames: encoding(frames / shown.frames), environment)
        shutil.rmtree(work)
        results.put_file(part.name, part.file)

    def _sound(self, report: Report) -> None:
        """Write the sound of all of the film."""
        length_us, mixed_us = self.timeline.duration_ms * 1000, 0

        def mix(graph: Graph, options: Sequence[str], file: Path) -> None:
            nonlocal mixed_us
            last_us = 0

            def tick(done_us: int) -> None:
                nonlocal last_us
                last_us = max(last_us, done_us)
                report(risen(mixed_us + last_us, length_us))

            drawn = self._drawn(graph, self._folder)
            self._run([*drawn, *options, file.name], self._folder, tick, counted="out_time_us")
            mixed_us += last_us

        mix(track(self.timeline, self._folder, mix), sound_options(self.timeline), self._sound_file)
        for bundle in self._folder.glob("bundle-*"):
            bundle.unlink()
        results.put_file(self.sound_name, self._sound_file)

    def join(self, parts: Sequence[Part]) -> Path:
        """Join the parts and the sound as they are; what was joined is removed."""
        joined = self._folder / f"joined{'.webm' if self.timeline.format is Format.WEBM else '.mp4'}"
        names, sound = "parts.txt", [self._sound_file] if OUTPUTS[self.timeline.format].has_sound else []
        ends = [part.segment.end_frame / self.timeline.fps for part in parts]
        (self._folder / names).write_text(segment_list([part.file.name for part in parts], ends))
        options = joined_options(self.timeline, names, sound[0].name if sound else None)
        self._run([*options, joined.name], self._folder)
        for file in (*(part.file for part in parts), *sound):
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
        """Return the options that make FFmpeg draw or mix what a graph says.

        One thread draws: what is to be done sooner is done in several pieces at once.
        """
        script = folder / "graph.txt"
        script.write_text(graph.filters)
        return [*graph.inputs, "-/filter_complex", script.name, "-filter_complex_threads", "1"]

    def _run(
        self,
        options: Sequence[str],
        folder: Path,
        tick: Callable[[int], None] = lambda count: None,
        environment: Mapping[str, str] | None = None,
        counted: str = "frame",
    ) -> None:
        timeout_s = self._conditions.timeout_s
        ffmpeg.render(
            options,
            cwd=folder,
            tick=tick,
            counted=counted,
            environment=environment,
            most_bytes=most_bytes(self.timeline.frames, (self.timeline.width, self.timeline.height)),
            timeout_s=timeout_s,
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
