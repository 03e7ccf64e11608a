"""Owns what a film is: its layers and sounds, when and where each is; pure data, computed once by `timing`.

Times are integer milliseconds from the start of the film, placed once on the exact frame grid of the film's rate, so
nothing drifts.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from media_services.errors import Problem
from media_services.media import MediaKind, Source
from media_services.movie.document import Format, Quality, Subtitles, Text
from media_services.movie.settings import ChromaKey, Correction, TransitionStyle
from media_services.placing import Placement

SAMPLE_RATE = 48_000


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
class Transition:
    """The stretch in which a scene, by its number, comes in over the one before it; over black for the first."""

    style: TransitionStyle
    scene: int
    span: Span


@dataclass(frozen=True)
class Turn:
    """A turn about the middle, in degrees clockwise: at once, or growing from 0 within so many milliseconds."""

    angle: float
    during_ms: int = 0


@dataclass(frozen=True)
class Motion:
    """How the view wanders over a picture: how much larger the picture is at first and last, and which way it goes.

    The view's middle goes from -pan / 2 to +pan / 2 of the picture's sides (x, y) about its middle. Where it may not
    leave the picture (`stays`) the picture is enlarged enough.
    """

    first_scale: float = 1.0
    last_scale: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)
    stays: bool = True

    @property
    def enlarged(self) -> float:
        """By what the picture is enlarged at least, so that the view stays in it."""
        return 1 / (1 - max(map(abs, self.pan))) if self.stays else 1.0

    @property
    def largest(self) -> float:
        """The largest scale on the way."""
        return max(self.first_scale, self.last_scale) * self.enlarged


@dataclass(frozen=True)
class Look:
    """What is done to the pixels of a layer, in this order, and how it moves."""

    chroma_key: ChromaKey | None = None
    correction: Correction | None = None
    flip_horizontal: bool = False
    flip_vertical: bool = False
    motion: Motion | None = None
    turn: Turn | None = None
    opacity: float = 1.0
    fade_in_ms: int = 0
    fade_out_ms: int = 0

    @property
    def changes(self) -> bool:
        """Whether it looks different from frame to frame."""
        turns = self.turn is not None and self.turn.during_ms > 0
        return turns or self.motion is not None or self.fade_in_ms > 0 or self.fade_out_ms > 0

    @property
    def needs_filters(self) -> bool:
        """Whether FFmpeg's filters make it, so that it cannot be part of a plate."""
        return self.changes or self.chroma_key is not None or self.correction is not None

    @property
    def shows_through(self) -> bool:
        """Whether something beneath may be seen in its rectangle."""
        leaves = self.motion is not None and not self.motion.stays
        return leaves or self.chroma_key is not None or self.turn is not None or self.fades

    @property
    def fades(self) -> bool:
        return self.opacity < 1 or self.fade_in_ms > 0 or self.fade_out_ms > 0


@dataclass(frozen=True)
class Layer:
    """Something seen during a span: a colour over the whole canvas, a text, a still picture or a moving one.

    `source` is None for a colour and for a text. One pass of a moving source is `pass_ms` from `seek_ms`; `loops` says
    whether it is played over until the span ends, or its last picture stays. `prepared` says that the source is one
    pass already, as it is shown; where it is not, `plain` says that such a pass is not to be compressed. `scene` is the
    number of its scene; None at project level. `cache` says whether what was made of it may be used again.
    """

    span: Span
    placement: Placement
    path: str
    source: Source | None = None
    colour: str | None = None
    text: Text | None = None
    font: Source | None = None
    seek_ms: int = 0
    pass_ms: int = 0
    loops: bool = False
    prepared: bool = False
    plain: bool = False
    scene: int | None = None
    look: Look = Look()
    cache: bool = True

    @property
    def moves(self) -> bool:
        """Whether its source has more than one picture."""
        return self.source is not None and (
            self.source.probe.kind is MediaKind.VIDEO or (self.source.probe.frames or 1) > 1
        )

    @property
    def is_still(self) -> bool:
        """Whether it can be part of a plate."""
        return not self.moves and not self.look.needs_filters

    @property
    def is_opaque(self) -> bool:
        """Whether nothing beneath is seen in its rectangle."""
        if self.look.shows_through or self.text is not None:
            return False
        return not self.source.probe.has_alpha if self.source else len(self.colour or "") == 7


@dataclass(frozen=True)
class SoundFade:
    """A sound that rises from silence (or falls to it) during a stretch of the film."""

    rises: bool
    start_ms: int
    end_ms: int


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
    fades: tuple[SoundFade, ...] = ()
    cache: bool = True


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
    cache: bool = True

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
    transitions: tuple[Transition, ...] = ()
    warnings: tuple[Problem, ...] = ()
    format: Format = Format.MP4
    draft: bool = False

    @property
    def samples(self) -> int:
        """The length of the sound track, in samples at 48 kHz: exactly as long as the frames are."""
        return round(self.frames * SAMPLE_RATE / self.fps)

    @property
    def film_size(self) -> tuple[int, int]:
        """The width and height of the film; a draft's sides are half the canvas's."""
        if not self.draft:
            return self.width, self.height
        return max(2, self.width // 4 * 2), max(2, self.height // 4 * 2)


def frame_at(time_ms: int, fps: Fraction) -> int:
    """Return the number of the frame nearest to a time, half a frame rounding up."""
    return int(Fraction(time_ms) * fps / 1000 + Fraction(1, 2))
