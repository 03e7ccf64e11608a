"""Owns encoding: runs the compiled graph, checks that the film is what was asked for, and takes its poster."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from media_services import ffmpeg
from media_services.captioning import Captioned
from media_services.errors import ErrorCode, MediaError
from media_services.movie.document import Quality
from media_services.placing import Box, Size
from media_services.render.graph import MakePlates, compile_graph
from media_services.render.moving import Picture
from media_services.render.passes import cut_passes, frames_to_cut
from media_services.render.pixels import picture_of
from media_services.render.plates import Plates, make_plates, write_frames
from media_services.stage import CHECKED_FRAME_COST, FILM_FRAME_COST, PASS_FRAME_COST, PLATE_COST, Parts, Report
from media_services.timeline import Layer, Timeline

_CRF = {Quality.LOW: 28, Quality.MEDIUM: 23, Quality.HIGH: 18}
_PRESET = "veryfast"
_GOP_S = 2
_AUDIO_TOLERANCE_S = 0.03
_REPORT_PACKETS = 256


@dataclass(frozen=True)
class Film:
    """A finished, checked film on this machine's disk."""

    file: Path
    poster: Path
    width: int
    height: int
    fps: Fraction
    frames: int
    duration_ms: int
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

    Steps: cut the passes of what loops; make the plates of what stands still; encode; check; take the poster.
    The subtitles are drawn over the whole picture, and their files lie beside the film.
    Raises MediaError: FFMPEG_FAILED when FFmpeg fails or what it wrote is not the film that was asked for,
    STORAGE_FAILED when the disk is full.
    """
    stills = sum(layer.is_still for layer in timeline.layers)
    costs = [
        frames_to_cut(timeline) * PASS_FRAME_COST,
        stills * PLATE_COST,
        timeline.frames * FILM_FRAME_COST,
        timeline.frames * CHECKED_FRAME_COST,
    ]
    parts = Parts(report, sum(costs))
    passes, plates, encoding, checking = map(parts.next, costs)
    timeline = cut_passes(timeline, folder, report=passes, timeout_s=timeout_s)
    beside = _subtitle_files(folder, subtitles) if subtitles else {}
    drawn = [f"ass={beside['ass'].name}"] if beside else []
    graph = compile_graph(
        timeline,
        _plates_maker(timeline, folder, Parts(plates, stills)),
        _picture_maker(timeline, folder),
        subtitles=drawn,
    )
    script = folder / "graph.txt"
    script.write_text(graph.filters)
    film = folder / "film.mp4"
    ffmpeg.render(
        [*graph.inputs, "-/filter_complex", str(script), "-map", "[picture]", "-map", "[sound]",
         *_encoder(timeline, threads), "-filter_complex_threads", str(threads), str(film)],
        cwd=folder, tick=lambda frames: encoding(frames / timeline.frames),
        environment=subtitles.fonts.environment(folder) if subtitles and beside else {}, timeout_s=timeout_s,
    )  # fmt: skip
    verify(film, timeline, checking)
    poster = folder / "poster.jpg"
    take_poster(film, poster, at_s=poster_time_s(timeline))
    report(1.0)
    size = (timeline.width, timeline.height)
    return Film(film, poster, *size, timeline.fps, timeline.frames, timeline.duration_ms, beside)


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


def _encoder(timeline: Timeline, threads: int) -> list[str]:
    gop = math.ceil(_GOP_S * timeline.fps)
    return [
        "-frames:v", str(timeline.frames), "-c:v", "libx264", "-preset", _PRESET, "-crf", str(_CRF[timeline.quality]),
        "-g", str(gop), "-threads:v", str(threads), "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-movflags", "+faststart", "-map_metadata", "-1",
    ]  # fmt: skip


def verify(film: Path, timeline: Timeline, report: Report) -> None:
    """Raise MediaError unless a film has exactly its frames and size, and sound that ends with the picture."""
    try:
        with av.open(str(film), options={"protocol_whitelist": "file"}) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            size = (video.codec_context.width, video.codec_context.height)
            sound_s = float((audio.duration or 0) * (audio.time_base or 0))
            frames = 0
            for packet in container.demux(video):
                frames += bool(packet.size)
                if frames % _REPORT_PACKETS == 0:
                    report(frames / timeline.frames)
    except (av.FFmpegError, IndexError) as problem:
        raise MediaError(ErrorCode.FFMPEG_FAILED, f"the film that was written cannot be read: {problem}") from problem
    wanted_s = float(timeline.frames / timeline.fps)
    if frames != timeline.frames or size != (timeline.width, timeline.height):
        raise MediaError(
            ErrorCode.FFMPEG_FAILED,
            f"the film that was written has {frames} frames of {size[0]}x{size[1]} "
            f"instead of {timeline.frames} of {timeline.width}x{timeline.height}",
        )
    if abs(sound_s - wanted_s) > max(_AUDIO_TOLERANCE_S, float(1 / timeline.fps)):
        raise MediaError(
            ErrorCode.FFMPEG_FAILED, f"the film's sound lasts {sound_s:.3f} s and its picture {wanted_s:.3f} s"
        )


def poster_time_s(timeline: Timeline) -> float:
    """Return the middle of the first scene, where something typical is seen."""
    span = timeline.scenes[0].span if timeline.scenes else None
    middle = (span.first_frame + span.end_frame) // 2 if span and span.frames else timeline.frames // 2
    return float(min(middle, timeline.frames - 1) / timeline.fps)


def take_poster(film: Path, poster: Path, *, at_s: float) -> None:
    """Write the frame shown at a time as a JPEG of the film's own size."""
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(int(at_s / stream.time_base), stream=stream)
        frames = (frame for frame in container.decode(stream) if frame.time is not None and frame.time >= at_s - 0.001)
        frame = next(frames)
        frame.to_image().save(poster, quality=85)
