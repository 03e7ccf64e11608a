"""Owns time: turns a project and what was probed into a Timeline; the only place that computes when and where."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate
from typing import Any

from media_services.errors import ErrorCode, MediaError, Problem
from media_services.looks import look_of
from media_services.media import MediaKind, Source
from media_services.movie.document import (
    Audio,
    Element,
    Image,
    Picture,
    Project,
    Scene,
    Sounding,
    Subtitles,
    Text,
    Video,
)
from media_services.placing import Placement, place
from media_services.timeline import (
    Captions,
    Layer,
    SceneSpan,
    Sound,
    SoundFade,
    Span,
    Timeline,
    Transition,
    frame_at,
)

SILENT_SCENE_MS = 5_000
FALLBACK_MS = {MediaKind.AUDIO: 10_000, MediaKind.VIDEO: 30_000}
DEFAULT_SIZE = (1920, 1080)
MAX_SCALED_PX = 8192  # of what moves or turns, on each side: all of it is in memory

Sources = Mapping[tuple[str, MediaKind], Source]


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
        starts, lengths, overlaps = self.scene_times()
        film_ms = starts[-1] + lengths[-1] if self.project.scenes else self.longest_element_ms()
        if not 0 < film_ms <= self.max_duration_ms:
            raise MediaError(
                ErrorCode.INVALID_INPUT,
                f"the film would last {film_ms / 1000:g} s; this service renders films of up to "
                f"{self.max_duration_ms / 1000:g} s",
                path=self.pointer,
            )
        scenes = [self.span(start, start + length) for start, length in zip(starts, lengths, strict=True)]
        film = self.span(0, film_ms)
        transitions = self.transitions(scenes, overlaps)
        layers = sorted(self.ordered_layers(scenes, film), key=lambda pair: pair[0])
        return Timeline(
            *self.size,
            fps=self.fps,
            frames=film.end_frame,
            duration_ms=film_ms,
            quality=self.project.quality,
            scenes=tuple(SceneSpan(scene.id, span) for scene, span in zip(self.project.scenes, scenes, strict=True)),
            layers=tuple(layer for _, layer in layers if layer.span.frames > 0),
            sounds=tuple(
                faded(sound, transitions) for sound in self.all_sounds(scenes, film) if sound.span.duration_ms > 0
            ),
            captions=tuple(self.all_captions(scenes, film)),
            transitions=transitions,
            warnings=tuple(self.warnings),
            format=self.project.format,
            draft=self.project.draft,
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
        if element.duration == -1 and isinstance(element, Audio | Video):
            return self.pass_ms(element, path) * (1 + max(element.loop, 0))
        return None

    def warn(self, path: str, message: str) -> None:
        problem = Problem(path, "unknown-length", message)
        if problem not in self.warnings:
            self.warnings.append(problem)

    def scene_times(self) -> tuple[list[int], list[int], list[int]]:
        """Return where each scene starts, how long it is and for how long it lies over the one before it, in ms."""
        lengths = [self.scene_ms(scene, scene.pointer) for scene in self.project.scenes]
        overlaps = self.overlaps(lengths)
        starts = list(accumulate((a - b for a, b in zip(lengths, overlaps[1:], strict=False)), initial=0))
        return starts[: len(lengths)], lengths, overlaps

    def overlaps(self, lengths: Sequence[int]) -> list[int]:
        """Return for how long each scene comes in; shorter than asked for where scenes are too short for it."""
        overlaps: list[int] = []
        for number, scene in enumerate(self.project.scenes):
            asked = milliseconds(scene.transition.duration) if scene.transition else 0
            free = lengths[number - 1] - overlaps[-1] if number else asked
            overlaps.append(min(asked, lengths[number], free))
            if overlaps[-1] < asked:
                path = f"{scene.pointer}/transition/duration"
                lasts = f"it lasts {overlaps[-1] / 1000:g} s"
                message = f"the scenes are too short for a transition of {asked / 1000:g} s; {lasts}"
                self.warnings.append(Problem(path, "short-transition", message))
        return overlaps

    def transitions(self, scenes: Sequence[Span], overlaps: Sequence[int]) -> tuple[Transition, ...]:
        """Return the stretches in which scenes come in."""
        found = []
        for number, (scene, span, overlap) in enumerate(zip(self.project.scenes, scenes, overlaps, strict=True)):
            during = self.span(span.start_ms, span.start_ms + overlap)
            if scene.transition and during.frames:
                found.append(Transition(scene.transition.style, number, during))
        return tuple(found)

    def scene_ms(self, scene: Scene, path: str) -> int:
        """Return a scene's length: stated, or the latest end of what has a length of its own in it, or the default."""
        if scene.duration > 0:
            return milliseconds(scene.duration)
        ends = []
        for element, place_ in _placed(scene.elements):
            own_ms = self.own_ms(element, place_)
            if own_ms is not None:
                ends.append(milliseconds(element.start) + own_ms + milliseconds(element.extra_time))
        if ends:
            return max(ends)
        if any(isinstance(element, Image | Text) for element in scene.elements):
            return SILENT_SCENE_MS
        return self.borrowed_ms(path)

    def borrowed_ms(self, path: str) -> int:
        """Return the length of the first project-level video or audio, for a film that is one empty scene."""
        if len(self.project.scenes) == 1:
            for element, place_ in _placed(self.project.elements):
                own_ms = self.own_ms(element, place_) if isinstance(element, Sounding) else None
                if own_ms:
                    return own_ms
        raise MediaError(ErrorCode.INVALID_INPUT, "nothing gives this scene a length; give it a duration", path=path)

    def longest_element_ms(self) -> int:
        """Return the length of a project without scenes: its longest project-level element."""
        ends = [0]
        for element, path in _placed(self.project.elements):
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
            path = scene.pointer
            if scene.background_color and scene.background_color != "#00000000":
                lowest = min((element.z_index for element in scene.elements), default=0)
                canvas = Placement.whole(*self.size)
                cache = self.project.caches(scene)
                layer = Layer(span, canvas, path, colour=scene.background_color, scene=number, cache=cache)
                yield (min(lowest, 0), 1, -1), layer
            for order, (element, place_) in enumerate(_placed(scene.elements)):
                if isinstance(element, Picture):
                    yield (element.z_index, 2, order), self.layer(element, span, place_, number)
        for order, (element, place_) in enumerate(_placed(self.project.elements)):
            if isinstance(element, Picture):
                rank = 0 if self.is_backdrop(element) else 3
                yield (element.z_index, rank, order), self.layer(element, film, place_, None)

    def is_backdrop(self, element: Picture) -> bool:
        return not element.is_placed and (isinstance(element, Video) or element.resize is not None)

    def layer(self, element: Picture, inside: Span, path: str, scene: int | None) -> Layer:
        span = self.element_span(element, inside, path, top_level=scene is None)
        look = look_of(element)
        if isinstance(element, Text):
            font = element.settings.font_url
            uncropped = element.model_copy(update={"crop": None})  # there is no source to be cropped
            return Layer(
                span,
                place(uncropped, natural=self.size, canvas=self.size, even=look.needs_filters),
                path,
                text=element,
                font=self.sources[font, MediaKind.FONT] if font else None,
                scene=scene,
                look=look,
                cache=self.project.caches(element, scene),
            )
        source = self.source(element)
        moves = isinstance(element, Video) or (source.probe.frames or 1) > 1
        placement = place(
            element,
            natural=(source.probe.width, source.probe.height),
            canvas=self.size,
            fills_canvas=scene is None and isinstance(element, Video) and not element.is_placed,
            even=moves or look.needs_filters,
        )
        played: dict[str, Any] = {}
        if isinstance(element, Video):
            played = self.playback(element, path, top_level=scene is None)
        elif isinstance(element, Image) and moves:
            one_pass = source.probe.duration_ms or FALLBACK_MS[MediaKind.VIDEO]
            played = {"pass_ms": one_pass, "loops": element.loop != 0}
        if moves or look.needs_filters or look.turn:
            self.refuse_giant(placement, path)
        cache = self.project.caches(element, scene)
        return Layer(span, placement, path, source, scene=scene, look=look, cache=cache, **played)

    def refuse_giant(self, placement: Placement, path: str) -> None:
        """Raise MediaError for what is too large to be scaled as a whole."""
        width, height = placement.scaled
        if max(width, height) > MAX_SCALED_PX:
            most = f"what moves or turns is {MAX_SCALED_PX} pixels wide and high at most"
            message = f"it would be scaled to {width}x{height}; {most}"
            raise MediaError(ErrorCode.INVALID_INPUT, message, path=path)

    def playback(self, element: Sounding, path: str, *, top_level: bool) -> dict[str, Any]:
        """Return which part of a source is played and whether it loops; a project-level video always does."""
        pass_ms = self.pass_ms(element, path)
        loops = element.loop != 0
        if top_level and isinstance(element, Video):
            frame_ms = math.ceil(1000 / self.fps)
            pass_ms = min(pass_ms, max(milliseconds(element.duration), frame_ms)) if element.duration > 0 else pass_ms
            loops = True
        return {"seek_ms": milliseconds(element.seek), "pass_ms": pass_ms, "loops": loops}

    def all_sounds(self, scenes: Sequence[Span], film: Span) -> Iterator[Sound]:
        for number, (scene, span) in enumerate(zip(self.project.scenes, scenes, strict=True)):
            yield from self.sounds(scene.elements, span, number)
        yield from self.sounds(self.project.elements, film, None)

    def sounds(self, elements: Sequence[Element], inside: Span, scene: int | None) -> Iterator[Sound]:
        top_level = scene is None
        for element, place_ in _placed(elements):
            if not isinstance(element, Audio | Video) or element.muted or element.volume == 0:
                continue
            source = self.source(element)
            if source.probe.has_sound:
                span = self.element_span(element, inside, place_, top_level=top_level)
                playback = self.playback(element, place_, top_level=top_level)
                fades = element_fades(element, span)
                cache = self.project.caches(element, scene)
                yield Sound(span, source, place_, element.volume, **playback, scene=scene, fades=fades, cache=cache)

    def all_captions(self, scenes: Sequence[Span], film: Span) -> Iterator[Captions]:
        for number, (scene, span) in enumerate(zip(self.project.scenes, scenes, strict=True)):
            yield from self.captions(scene.elements, span, number)
        yield from self.captions(self.project.elements, film, None)

    def captions(self, elements: Sequence[Element], inside: Span, scene: int | None) -> Iterator[Captions]:
        for element, place_ in _placed(elements):
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
                    cache=self.project.caches(element, scene),
                )


def element_fades(element: Element, span: Span) -> tuple[SoundFade, ...]:
    """Return the fades that an element states of its sound."""
    rise, fall = milliseconds(element.fade_in), milliseconds(element.fade_out)
    fades = [SoundFade(True, span.start_ms, span.start_ms + rise)] if rise else []
    return tuple(fades + ([SoundFade(False, span.end_ms - fall, span.end_ms)] if fall else []))


def faded(sound: Sound, transitions: Sequence[Transition]) -> Sound:
    """Return a sound that rises as its scene comes in and falls as the next one does."""
    if sound.scene is None:
        return sound
    fades = [
        SoundFade(transition.scene == sound.scene, transition.span.start_ms, transition.span.end_ms)
        for transition in transitions
        if transition.scene in (sound.scene, sound.scene + 1)
    ]
    near = [fade for fade in fades if fade.start_ms < sound.span.end_ms and fade.end_ms > sound.span.start_ms]
    return replace(sound, fades=(*sound.fades, *near))


def _placed(elements: Sequence[Element]) -> Iterator[tuple[Element, str]]:
    """Yield elements with their JSON pointers in the document that was posted."""
    return ((element, element.pointer) for element in elements)
