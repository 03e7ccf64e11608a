"""Owns the shape of a movie document: projects, scenes and elements, as pydantic models with the format's own keys."""

import re
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PrivateAttr

from media_services.movie.report import brief
from media_services.movie.settings import (
    ChromaKey,
    Correction,
    Crop,
    Position,
    Rotate,
    Settings,
    Src,
    SubtitleSettings,
    TextSettings,
    Transition,
)
from media_services.movie.values import (
    NUMERIC,
    Colour,
    Duration,
    Flag,
    Length,
    Loose,
    Number,
    Seconds,
    exact_fps,
    loose_direction,
    loose_number,
    loose_word,
    plain_text,
)
from media_services.subtitles.given import is_inline, parse
from media_services.subtitles.lines import Phrase
from media_services.subtitles.words import parse_words

RESOLUTIONS = {
    "sd": (640, 360),
    "hd": (1280, 720),
    "full-hd": (1920, 1080),
    "squared": (1080, 1080),
    "instagram-feed": (1080, 1080),
    "instagram-story": (1080, 1920),
    "instagram-portrait": (1080, 1350),
    "twitter-portrait": (1080, 1350),
    "twitter-landscape": (1600, 900),
}
MAX_SIDE_PX = 4096
MAX_SCENES = 2000
MAX_ELEMENTS = 500
MAX_PROJECTS = 20


class Quality(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Format(StrEnum):
    """What a film is: H.264 and AAC, VP9 and Opus, or a palette of colours without sound."""

    MP4 = "mp4"
    WEBM = "webm"
    GIF = "gif"


class Pan(StrEnum):
    """Which way a view wanders over a picture."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class Resize(StrEnum):
    """How a picture meets its box: `cover` fills and crops, `contain` and `fit` show all of it, `fill` distorts."""

    COVER = "cover"
    CONTAIN = "contain"
    FIT = "fit"
    FILL = "fill"
    STRETCH = "stretch"


def _check_resolution(value: str) -> str:
    if value in RESOLUTIONS or value == "custom":
        return value
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", value)
    if size is None:
        raise ValueError(f"{brief(value)} is not a resolution ({', '.join(RESOLUTIONS)}, WIDTHxHEIGHT or custom)")
    if not all(2 <= int(side) <= MAX_SIDE_PX for side in size.groups()):
        raise ValueError(f"each side of a film is 2 to {MAX_SIDE_PX} pixels")
    return value


Resolution = Annotated[str, Loose(loose_word), AfterValidator(_check_resolution)]
Volume = Annotated[float, Loose(loose_number), Field(ge=0, le=10), NUMERIC]
Side = Annotated[int, Loose(loose_number), Field(ge=2, le=MAX_SIDE_PX), NUMERIC]


class Part(BaseModel):
    """What projects, scenes and elements have in common: kebab-case keys, and free ones that are only echoed.

    `variables`, `condition` and `iterate` are keys of templates; a document that was read has none of them left.
    """

    model_config = Settings.model_config

    id: Any = None
    comment: Any = None
    variables: dict[str, Any] = {}

    _pointer: str = PrivateAttr("")

    @property
    def pointer(self) -> str:
        """The JSON pointer of what this was made of, in the document that was posted."""
        return self._pointer

    def stand_at(self, pointer: str) -> None:
        self._pointer = pointer


class Element(Part):
    """What all elements have in common; times are seconds from the start of the scene, or of the film."""

    condition: bool | str = True
    start: Seconds = 0
    duration: Duration = -1
    extra_time: Seconds = 0
    z_index: Annotated[int, Loose(loose_number), Field(ge=-99, le=99), NUMERIC] = 0
    fade_in: Seconds = 0
    fade_out: Seconds = 0
    cache: Flag = True


class Picture(Element):
    """An element that is seen: where it lies, how it meets its box, how it moves and what is done to its pixels."""

    x: Length = 0.0
    y: Length = 0.0
    width: Length = -1.0
    height: Length = -1.0
    position: Position = "custom"
    resize: Annotated[Resize, Loose(loose_word)] | None = None
    crop: Crop | None = None
    rotate: Rotate = Rotate()
    flip_horizontal: Flag = False
    flip_vertical: Flag = False
    opacity: Annotated[float, Loose(loose_number), Field(ge=0, le=1), NUMERIC] = 1
    zoom: Annotated[float, Loose(loose_number), Field(ge=-10, le=10), NUMERIC] = 0
    pan: Annotated[Pan, Loose(loose_direction)] | None = None
    pan_distance: Annotated[float, Loose(loose_number), Field(ge=0.01, le=0.5), NUMERIC] = 0.1
    pan_crop: Flag = True
    correction: Correction = Correction()
    chroma_key: ChromaKey | None = None

    @property
    def is_placed(self) -> bool:
        """Whether the document says where on the canvas it goes."""
        return bool({"x", "y", "width", "height"} & self.model_fields_set) or self.position != "custom"


class Sounding(Element):
    """An element that is heard."""

    src: Src
    seek: Seconds = 0
    volume: Volume = 1
    muted: Flag = False
    loop: Annotated[int, Loose(loose_number), Field(ge=-1, le=10_000), NUMERIC] = 0


class Image(Picture):
    """A still picture, or a moving one where the file is an animation."""

    type: Literal["image"]
    src: Src
    loop: Annotated[int, Loose(loose_number), Field(ge=-1, le=10_000), NUMERIC] = -1


class Video(Picture, Sounding):
    """A moving picture, with its sound."""

    type: Literal["video"]


class Audio(Sounding):
    """A sound."""

    type: Literal["audio"]


def _check_captions(value: Any) -> Any:
    """Read captions that stand in the document, so that what is wrong with them is said at once."""
    if not isinstance(value, str) or is_inline(value):
        read_captions(value)
    elif not value.strip():
        raise ValueError("captions is empty")
    return value


def read_captions(value: Any) -> list[Phrase]:
    """Return the phrases of captions: the text of an SRT, VTT, ASS or words JSON file, or that JSON itself."""
    return parse(value) if isinstance(value, str) else parse_words(value)


class Text(Picture):
    """A text, set in a box: of the stated width and height, else the canvas."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=5000), BeforeValidator(plain_text)]
    settings: TextSettings = TextSettings()


class Subtitles(Element):
    """The words of the film, recognised and drawn as they are spoken."""

    type: Literal["subtitles"]
    language: Annotated[str, Loose(loose_word), Field(pattern="^(auto|[a-z]{2,3})$")] | None = None
    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    captions: Annotated[str | dict[str, Any] | list[Any], AfterValidator(_check_captions)] | None = None
    settings: SubtitleSettings = SubtitleSettings()

    @property
    def captions_src(self) -> str | None:
        """Where given captions are to be fetched from; None where there are none, or they stand in the document."""
        return self.captions.strip() if isinstance(self.captions, str) and not is_inline(self.captions) else None

    @property
    def captions_inline(self) -> list[Phrase] | None:
        """The captions that stand in the document; None where there are none."""
        return None if self.captions is None or self.captions_src else read_captions(self.captions)


AnyElement = Annotated[Image | Video | Audio | Text | Subtitles, Field(discriminator="type")]


class Scene(Part):
    """A stretch of the film; scenes play one after another."""

    condition: bool | str = True
    iterate: str | None = None
    duration: Duration = -1
    background_color: Colour | None = None
    transition: Transition | None = None
    cache: Flag = True
    elements: list[AnyElement] = Field([], max_length=MAX_ELEMENTS)


class Project(Part):
    """One film."""

    client_data: Any = None
    resolution: Resolution | None = None
    width: Side | None = None
    height: Side | None = None
    quality: Annotated[Quality, Loose(loose_word)] = Quality.MEDIUM
    fps: Annotated[Number, Field(ge=1, le=60), NUMERIC] = 30
    format: Annotated[Format, Loose(loose_word)] = Format.MP4
    draft: Flag = False
    cache: Flag = True
    scenes: list[Scene] = Field([], max_length=MAX_SCENES)
    elements: list[AnyElement] = Field([], max_length=MAX_ELEMENTS)

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second, exactly."""
        return exact_fps(self.fps)

    def caches(self, part: Scene | Element, scene: int | None = None) -> bool:
        """Say whether what came of a scene, or of an element in the scene of a number, may be used again."""
        inside = scene is None or self.scenes[scene].cache
        return part.cache and inside and self.cache

    def stated_size(self) -> tuple[int, int] | None:
        """The film's size where the document states it, rounded up to even; None where its first video decides."""
        preset = self.resolution if self.resolution != "custom" else None
        width, height = self.width, self.height
        if preset:
            base = RESOLUTIONS.get(preset) or tuple(int(side) for side in preset.split("x"))
            width, height = width or base[0], height or base[1]
        if width is None or height is None:
            return None
        return width + width % 2, height + height % 2


MODELS: dict[str, type[Element]] = {
    "image": Image,
    "video": Video,
    "audio": Audio,
    "text": Text,
    "subtitles": Subtitles,
}
