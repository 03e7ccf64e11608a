"""Owns the nested settings of the format: of text and subtitles, of crops, turns, colours and transitions."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from media_services.movie.report import brief
from media_services.movie.values import (
    NUMERIC,
    Colour,
    Flag,
    Length,
    Loose,
    Seconds,
    loose_number,
    loose_position,
    loose_subtitle_weight,
    loose_word,
    plain_weight,
    subtitle_weight,
)

POSITIONS = [f"{row}-{column}" for row in ("top", "center", "bottom") for column in ("left", "center", "right")]


def _check_position(value: str) -> str:
    if value in POSITIONS or value == "custom":
        return value
    raise ValueError(f"{brief(value)} is not a position ({', '.join(POSITIONS)} or custom)")


def _check_source(value: str) -> str:
    if not value.strip():
        raise ValueError("src is empty")
    return value.strip()


Position = Annotated[str, Loose(loose_position), AfterValidator(_check_position)]


Src = Annotated[str, Field(max_length=4096), AfterValidator(_check_source)]


FontFamily = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^,{}\\\n]+$")]


class Settings(BaseModel):
    """Nested settings, with the format's own keys; `single` is the key that a plain value in their place stands for."""

    single: ClassVar[str | None] = None

    model_config = ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
    )


class Crop(Settings):
    """The part of a source that is used, in pixels of the source or `%` of it; -1 is all that is left."""

    x: Length = 0.0
    y: Length = 0.0
    width: Length = -1.0
    height: Length = -1.0


class Rotate(Settings):
    """A turn about the middle, in degrees clockwise; with a speed it takes so many seconds and stays where it ends."""

    single = "angle"
    angle: Annotated[float, Loose(loose_number), Field(ge=-3600, le=3600), NUMERIC] = 0
    speed: Seconds = 0


class Correction(Settings):
    """How the colours of a picture are changed, in the units of FFmpeg's filter `eq`."""

    brightness: Annotated[float, Loose(loose_number), Field(ge=-1, le=1), NUMERIC] = 0
    contrast: Annotated[float, Loose(loose_number), Field(ge=-1000, le=1000), NUMERIC] = 1
    gamma: Annotated[float, Loose(loose_number), Field(ge=0.1, le=10), NUMERIC] = 1
    saturation: Annotated[float, Loose(loose_number), Field(ge=0, le=3), NUMERIC] = 1


class ChromaKey(Settings):
    """The colour that is made transparent, and how far from it others may be: 1 is that colour, 100 is all."""

    single = "color"
    color: Colour
    tolerance: Annotated[float, Loose(loose_number), Field(ge=1, le=100), NUMERIC] = 25


class TransitionStyle(StrEnum):
    """How a scene comes in."""

    FADE = "fade"
    DISSOLVE = "dissolve"
    WIPE_LEFT = "wipeleft"
    WIPE_RIGHT = "wiperight"
    WIPE_UP = "wipeup"
    WIPE_DOWN = "wipedown"
    SLIDE_LEFT = "slideleft"
    SLIDE_RIGHT = "slideright"
    SLIDE_UP = "slideup"
    SLIDE_DOWN = "slidedown"
    CIRCLE_OPEN = "circleopen"
    CIRCLE_CLOSE = "circleclose"
    FADE_BLACK = "fadeblack"
    FADE_WHITE = "fadewhite"


class Transition(Settings):
    """How a scene comes in over the end of the one before, and for how many seconds both are seen."""

    single = "style"
    style: Annotated[TransitionStyle, Loose(loose_word)] = TransitionStyle.FADE
    duration: Seconds = 1


class SubtitleStyle(StrEnum):
    """How words are shown while they are spoken."""

    CLASSIC = "classic"
    PROGRESSIVE = "progressive"
    ONE_WORD = "one-word"
    BOXED_LINE = "boxed-line"
    BOXED_WORD = "boxed-word"


def _loose_style(value: Any) -> Any:
    """Read the format's other names of two styles."""
    other = {"classic-progressive": "progressive", "classic-one-word": "one-word"}
    return other.get(loose_word(value), loose_word(value)) if isinstance(value, str) else value


class SubtitleSettings(Settings):
    """How subtitles look; lengths are pixels of the film unless they carry a unit."""

    style: Annotated[SubtitleStyle, Loose(_loose_style)] = SubtitleStyle.PROGRESSIVE
    font_family: FontFamily | None = None
    font_url: Src | None = None
    font_weight: Annotated[
        str, Loose(loose_subtitle_weight), Field(pattern="^(normal|bold)$"), BeforeValidator(subtitle_weight)
    ] = "bold"
    all_caps: Flag = False
    font_size: Length = "5vw"
    word_color: Colour = "#ffff00"
    line_color: Colour = "#ffffff"
    outline_color: Colour = "#000000"
    outline_width: Annotated[float, Loose(loose_number), Field(ge=0, le=100), NUMERIC] = 2
    shadow_color: Colour = "#000000"
    shadow_offset: Annotated[float, Loose(loose_number), Field(ge=0, le=100), NUMERIC] = 0
    box_color: Colour = "#000000"
    position: Position = "bottom-center"
    x: Length = 0.0
    y: Length = 0.0
    max_words_per_line: Annotated[int, Loose(loose_number), Field(ge=1, le=50), NUMERIC] = 4
    keywords: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] = []
    replace: Annotated[dict[str, str], Field(max_length=1000)] = {}


class TextSettings(Settings):
    """How a text looks; lengths are pixels of the film unless they carry a unit."""

    font_family: FontFamily | None = None
    font_url: Src | None = None
    font_size: Length = "5vw"
    font_weight: Annotated[str, Field(pattern="^([1-9]00)$"), BeforeValidator(plain_weight)] = "400"
    font_style: Annotated[str, Loose(loose_word), Field(pattern="^(normal|italic)$")] = "normal"
    color: Colour = "#ffffff"
    background_color: Colour = "#00000000"
    text_align: Annotated[str, Loose(loose_word), Field(pattern="^(left|center|right|justify)$")] = "center"
    vertical_position: Annotated[str, Loose(loose_word), Field(pattern="^(top|center|bottom)$")] = "center"
    horizontal_position: Annotated[str, Loose(loose_word), Field(pattern="^(left|center|right)$")] = "center"
    line_height: Annotated[float, Loose(loose_number), Field(ge=0.5, le=5), NUMERIC] = 1.2
    letter_spacing: Length = 0.0
    outline_color: Colour = "#000000"
    outline_width: Length = 0.0
    shadow_color: Colour = "#000000"
    shadow_offset: Length = 0.0
    padding: Length = 0.0
