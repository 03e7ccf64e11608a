"""Owns time: turns a project and what was probed into a Timeline; the only place that computes when and where.

Everything is pure data: times are integer milliseconds from the start of the film, placed once on the exact frame
grid of the film's rate, so nothing drifts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from media_services.errors import ErrorCode, MediaError, Problem
from media_services.media import MediaKind, Source
from media_services.movie.document import (
    Audio,
    Element,
    Image,
    Picture,
    Project,
    Quality,
    Scene,
    Sounding,
    Subtitles,
    Video,
)
from media_services.placing import Placement, place

SILENT_SCENE_MS = 5_000
FALLBACK_MS = {MediaKind.AUDIO: 10_000, MediaKind.VIDEO: 30_000}
DEFAULT_SIZE = (1920, 1080)
SAMPLE_RATE = 48_000

Sources = Mapping[tuple[str, MediaKind], Source]


@dataclass(frozen=True)
class Span:
    """A stretch of the film: milliseconds from its start, and the frames [first_frame, end_frame) that show it."""

    start_ms: int
    end_ms: int
    first_frame: int
    end_frame: int

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def frames(self) -> int:
        return self.end_frame - self.first_frame


@dataclass(frozen=True)
class SceneSpan:
    """Where a scene lies in the film."""

    id: Any
    span: Span


@dataclass(frozen=True)
class Layer:
    """Something seen during a span: a colour over the whole canvas, a still picture or a moving one.

    `source` is None for a colour. One pass of a moving source is `pass_ms` from `seek_ms`; `loops` says whether it is
    played over until the span ends, or its last picture stays.
    """

    span: Span
    placement: Placement
    path: str
    source: Source | None = None
    colour: str | None = None
    seek_ms: int = 0
    pass_ms: int = 0
    loops: bool = False

    @property
    def moves(self) -> bool:
        return self.source is not None and self.source.probe.kind is MediaKind.VIDEO


@dataclass(frozen=True)
class Sound:
    """Something heard during a span: `pass_ms` of a source from `seek_ms`, over and over if it loops, else once."""

    span: Span
    source: Source
    path: str
    volume: float
    seek_ms: int
    pass_ms: int
    loops: bool
    scene: int | None = None  # the number of the scene it belongs to; None at project level


@dataclass(frozen=True)
class Captions:
    """Subtitles to be drawn during a span: of one scene, or of the whole film where `scene` is None.

    `given` is the file of captions that are used instead of speech, `font` that of the letters; None where the
    document names none.
    """

    element: Subtitles
    path: str
    span: Span
    scene: int | None = None
    given: Source | None = None
    font: Source | None = None

    def hears(self, sound: Sound) -> bool:
        """Say whether words of a sound belong into these subtitles."""
        return self.scene is None or sound.scene == self.scene


@dataclass(frozen=True)
class Timeline:
    """A film, fully decided: size, exact rate and number of frames, and its layers from the bottom to the top."""

    width: int
    height: int
    fps: Fraction
    frames: int
    duration_ms: int
    quality: Quality
    scenes: tuple[SceneSpan, ...]
    layers: tuple[Layer, ...]
    sounds: tuple[Sound, ...]
    captions: tuple[Captions, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def samples(self) -> int:
        """The length of the sound track, in samples at 48 kHz: exactly as long as the frames are."""
        return round(self.frames * SAMPLE_RATE / self.fps)


def frame_at(time_ms: int, fps: Fraction) -> int:
    """Return the number of the frame nearest to a time, half a frame rounding up."""
    return int(Fraction(time_ms) * fps / 1000 + Fraction(1, 2))


def milliseconds(seconds: float) -> int:
    """Return seconds as whole milliseconds."""
    return round(seconds * 1000)


def compute(project: Project, pointer: str, sources: Sources, *, max_duration_ms: int) -> Timeline:
    """Decide when and where everything in a project is seen and heard.

    `sources` holds a Source for every (src, kind) of the project. Raises MediaError for a film without a length or
    longer than `max_duration_ms`.
    """
    return _Computation(project, pointer, sources, max_duration_ms).timeline()


@dataclass
class _Computation:
    project: Project
    pointer: str
    sources: Sources
    max_duration_ms: int
    warnings: list[Problem] = field(default_factory=list)

    def timeline(self) -> Timeline:
        starts, lengths = self.scene_times()
        film_ms = sum(lengths) if self.project.scenes else self.longest_element_ms()
        if not 0 < film_ms <= self.max_duration_ms:
            raise MediaError(
                ErrorCode.INVALID_INPUT,
                f"the film would last {film_ms / 1000:g} s; this service renders films of up to "
                f"{self.max_duration_ms / 1000:g} s",
                path=self.pointer,
            )
        scenes = [self.span(start, start + length) for start, length in zip(starts, lengths, strict=True)]
        film = self.span(0, film_ms)
        layers = sorted(self.ordered_layers(scenes, film), key=lambda pair: pair[0])
        return Timeline(
            *self.size,
            fps=self.fps,
            frames=film.end_frame,
            duration_ms=film_ms,
            quality=self.project.quality,
            scenes=tuple(SceneSpan(scene.id, span) for scene, span in zip(self.project.scenes, scenes, strict=True)),
            layers=tuple(layer for _, layer in layers if layer.span.frames > 0),
            sounds=tuple(sound for sound in self.all_sounds(scenes, film) if sound.span.duration_ms > 0),
            captions=tuple(self.all_captions(scenes, film)),
            warnings=tuple(self.warnings),
        )

    @property
    def fps(self) -> Fraction:
        return self.project.frame_rate

    @property
    def size(self) -> tuple[int, int]:
        stated = self.project.stated_size()
        if stated:
            return stated
        for element in self.project.elements:
            if isinstance(element, Video):
                probe = self.source(element).probe
                return probe.width + probe.width % 2, probe.height + probe.height % 2
        return DEFAULT_SIZE

    def source(self, element: Element) -> Source:
        kind = MediaKind(element.type)  # type: ignore[attr-defined]
        return self.sources[element.src, kind]  # type: ignore[attr-defined]

    def span(self, start_ms: int, end_ms: int) -> Span:
        end_ms = max(start_ms, end_ms)
        return Span(start_ms, end_ms, frame_at(start_ms, self.fps), frame_at(end_ms, self.fps))

    def pass_ms(self, element: Sounding, path: str) -> int:
        """Return the length of one pass through a source, after its seek."""
        probe = self.source(element).probe
        if probe.duration_ms is None:
            fallback_ms = FALLBACK_MS[probe.kind]
            self.warn(path, f"its length could not be found even by decoding; {fallback_ms / 1000:g} s are assumed")
            return fallback_ms
        if milliseconds(element.seek) >= probe.duration_ms:
            message = f"seek {element.seek:g} s is past the end of a source of {probe.duration_ms / 1000:g} s"
            raise MediaError(ErrorCode.INVALID_INPUT, message, path=f"{path}/seek")
        return probe.duration_ms - milliseconds(element.seek)

    def own_ms(self, element: Element, path: str) -> int | None:
        """Return the length an element asks for: the stated one or its natural one; None for one that fills."""
        if element.duration > 0:
            return milliseconds(element.duration)
        if element.duration == -1 and isinstance(element, Sounding):
            return self.pass_ms(element, path) * (1 + max(element.loop, 0))
        return None

    def warn(self, path: str, message: str) -> None:
        problem = Problem(path, "unknown-length", message)
        if problem not in self.warnings:
            self.warnings.append(problem)

    def scene_times(self) -> tuple[list[int], list[int]]:
        """Return where each scene starts and how long it is, in milliseconds."""
        lengths = [self.scene_ms(scene, f"{self.pointer}/scenes/{n}") for n, scene in enumerate(self.project.scenes)]
        return [sum(lengths[:number]) for number in range(len(lengths))], lengths

    def scene_ms(self, scene: Scene, path: str) -> int:
        """Return a scene's length: stated, or the latest end of what has a length of its own in it, or the default."""
        if scene.duration > 0:
            return milliseconds(scene.duration)
        ends = []
        for element, place_ in _numbered(scene.elements, path):
            own_ms = self.own_ms(element, place_)
            if own_ms is not None:
                ends.append(milliseconds(element.start) + own_ms + milliseconds(element.extra_time))
        if ends:
            return max(ends)
        if any(isinstance(element, Image) for element in scene.elements):
            return SILENT_SCENE_MS
        return self.borrowed_ms(path)

    def borrowed_ms(self, path: str) -> int:
        """Return the length of the first project-level video or audio, for a film that is one empty scene."""
        if len(self.project.scenes) == 1:
            for element, place_ in _numbered(self.project.elements, self.pointer):
                own_ms = self.own_ms(element, place_) if isinstance(element, Sounding) else None
                if own_ms:
                    return own_ms
        raise MediaError(ErrorCode.INVALID_INPUT, "nothing gives this scene a length; give it a duration", path=path)

    def longest_element_ms(self) -> int:
        """Return the length of a project without scenes: its longest project-level element."""
        ends = [0]
        for element, path in _numbered(self.project.elements, self.pointer):
            own_ms = self.own_ms(element, path)
            ends.append(
                milliseconds(element.start + element.extra_time) + (SILENT_SCENE_MS if own_ms is None else own_ms)
            )
        return max(ends)

    def element_span(self, element: Element, inside: Span, path: str, *, top_level: bool) -> Span:
        """Return when an element is on, cut to what it lies in."""
        start_ms = min(inside.start_ms + milliseconds(element.start), inside.end_ms)
        own_ms = None if self.fills(element, top_level=top_level) else self.own_ms(element, path)
        if own_ms is None:
            return self.span(start_ms, inside.end_ms)
        return self.span(start_ms, min(start_ms + own_ms + milliseconds(element.extra_time), inside.end_ms))

    def fills(self, element: Element, *, top_level: bool) -> bool:
        """Say whether an element lasts until its container ends, as all videos at project level do."""
        if top_level:
            return element.duration < 0 or isinstance(element, Video)
        return element.duration < 0 and isinstance(element, Sounding) and element.loop == -1

    def ordered_layers(self, scenes: Sequence[Span], film: Span) -> Iterator[tuple[tuple[int, int, int], Layer]]:
        """Yield every layer with its place in the pile: z-index, then backdrop < scene < project, then document order.

        What would cover the whole film lies beneath the scenes, whatever is placed lies over them. A scene's stated
        colour lies under all of the scene; the default black is what is seen where nothing is.
        """
        for number, (scene, span) in enumerate(zip(self.project.scenes, scenes, strict=True)):
            path = f"{self.pointer}/scenes/{number}"
            if scene.background_color and scene.background_color != "#00000000":
                lowest = min((element.z_index for element in scene.elements), default=0)
                canvas = Placement.whole(*self.size)
                yield (min(lowest, 0), 1, -1), Layer(span, canvas, path, colour=scene.background_color)
            for order, (element, place_) in enumerate(_numbered(scene.elements, path)):
                if isinstance(element, Picture):
                    yield (element.z_index, 2, order), self.layer(element, span, place_, top_level=False)
        for order, (element, place_) in enumerate(_numbered(self.project.elements, self.pointer)):
            if isinstance(element, Picture):
                rank = 0 if self.is_backdrop(element) else 3
                yield (element.z_index, rank, order), self.layer(element, film, place_, top_level=True)

    def is_backdrop(self, element: Picture) -> bool:
        return not element.is_placed and (isinstance(element, Video) or element.resize is not None)

    def layer(self, element: Picture, inside: Span, path: str, *, top_level: bool) -> Layer:
        source = self.source(element)
        placement = place(
            element,
            natural=(source.probe.width, source.probe.height),
            canvas=self.size,
            fills_canvas=top_level and isinstance(element, Video) and not element.is_placed,
            even=isinstance(element, Video),
        )
        span = self.element_span(element, inside, path, top_level=top_level)
        if isinstance(element, Video):
            return Layer(span, placement, path, source, **self.playback(element, path, top_level=top_level))
        return Layer(span, placement, path, source)

    def playback(self, element: Sounding, path: str, *, top_level: bool) -> dict[str, Any]:
        """Return which part of a source is played and whether it loops; a project-level video always does."""
        pass_ms = self.pass_ms(element, path)
        loops = element.loop != 0
        if top_level and isinstance(element, Video):
            pass_ms = min(pass_ms, milliseconds(element.duration)) if element.duration > 0 else pass_ms
            loops = True
        return {"seek_ms": milliseconds(element.seek), "pass_ms": pass_ms, "loops": loops}

    def all_sounds(self, scenes: Sequence[Span], film: Span) -> Iterator[Sound]:
        for number, (scene, span) in enumerate(zip(self.project.scenes, scenes, strict=True)):
            yield from self.sounds(scene.elements, f"{self.pointer}/scenes/{number}", span, number)
        yield from self.sounds(self.project.elements, self.pointer, film, None)

    def sounds(self, elements: Sequence[Element], path: str, inside: Span, scene: int | None) -> Iterator[Sound]:
        top_level = scene is None
        for element, place_ in _numbered(elements, path):
            if not isinstance(element, Audio | Video) or element.muted or element.volume == 0:
                continue
            source = self.source(element)
            if source.probe.has_sound:
                span = self.element_span(element, inside, place_, top_level=top_level)
                playback = self.playback(element, place_, top_level=top_level)
                yield Sound(span, source, place_, element.volume, **playback, scene=scene)

    def all_captions(self, scenes: Sequence[Span], film: Span) -> Iterator[Captions]:
        for number, (scene, span) in enumerate(zip(self.project.scenes, scenes, strict=True)):
            yield from self.captions(scene.elements, f"{self.pointer}/scenes/{number}", span, number)
        yield from self.captions(self.project.elements, self.pointer, film, None)

    def captions(self, elements: Sequence[Element], path: str, inside: Span, scene: int | None) -> Iterator[Captions]:
        for element, place_ in _numbered(elements, path):
            if isinstance(element, Subtitles):
                span = self.element_span(element, inside, place_, top_level=scene is None)
                given, font = element.captions_src, element.settings.font_url
                yield Captions(
                    element,
                    place_,
                    span,
                    scene,
                    given=self.sources[given, MediaKind.CAPTIONS] if given else None,
                    font=self.sources[font, MediaKind.FONT] if font else None,
                )


def _numbered(elements: Sequence[Element], pointer: str) -> Iterator[tuple[Element, str]]:
    return ((element, f"{pointer}/elements/{number}") for number, element in enumerate(elements))
