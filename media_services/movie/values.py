"""Owns the small values of the format: lengths, colours, positions, rates, and how loosely they may be written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from PIL import ImageColor
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from media_services.movie.arithmetic import plain_text as text_of
from media_services.movie.report import brief

MAX_LENGTH_PX = 100_000
_MOST = 10**18
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_LENGTH = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(px|vw|vh|%)?")
_NTSC = {"23.976": Fraction(24000, 1001), "23.98": Fraction(24000, 1001), "29.97": Fraction(30000, 1001),
         "59.94": Fraction(60000, 1001)}  # fmt: skip
_FLAGS = dict.fromkeys(("true", "yes", "on", "y", "t", "1"), True)
_FLAGS |= dict.fromkeys(("false", "no", "off", "n", "f", "0"), False)
_WEIGHTS = {"normal": "400", "regular": "400", "bold": "700"}
_ROWS, _COLUMNS = {"top", "center", "bottom"}, {"left", "center", "right"}


@dataclass(frozen=True)
class Loose:
    """Marks a field whose value may be written loosely.

    `convert` returns the value as the format wants it, or the value itself where it cannot help; a changed value
    is reported as a warning.
    """

    convert: Callable[[Any], Any]


def loose_number(value: Any) -> Any:
    """Read `"12"` and `"12px"` as 12."""
    if isinstance(value, str):
        text = value.strip().removesuffix("px").strip()
        if _NUMBER.fullmatch(text):
            number = float(text)
            return int(number) if number.is_integer() else number
    return value


def loose_flag(value: Any) -> Any:
    """Read `"true"`, `"no"`, 1 and the like as booleans."""
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower(), value)
    return bool(value) if value in (0, 1) else value


def loose_length(value: Any) -> Any:
    """Read `"60px"` as 60; leave `"10vw"` and `"80%"` for when the film's size is known."""
    number = loose_number(value)
    return number.strip() if isinstance(number, str) else number


def loose_position(value: Any) -> Any:
    """Read `bottom`, `center-top` and `bottom_center` as the two words of the format, row first."""
    if not isinstance(value, str):
        return value
    words = re.split(r"[-_ ]+", value.strip().lower())
    if len(words) == 1 and words[0] in _ROWS | _COLUMNS:
        words = [words[0], "center"] if words[0] in _ROWS else ["center", words[0]]
    if len(words) == 2 and (words[0] in {"left", "right"} or words[1] in {"top", "bottom"}):
        words.reverse()
    return "-".join(words)


def loose_direction(value: Any) -> Any:
    """Read `left-top` and `top_left` as `top-left`, `up` and `down` as `top` and `bottom`."""
    if not isinstance(value, str):
        return value
    other = {"up": "top", "down": "bottom"}
    words = [other.get(word, word) for word in re.split(r"[-_ ]+", value.strip().lower())]
    return "-".join(sorted(words, key=lambda word: word in _COLUMNS))


def plain_weight(value: Any) -> Any:
    """Return a weight of CSS as the word it is here: `normal` and 400 as `400`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1000:
        return f"{value:g}"
    return _WEIGHTS.get(value.strip().lower(), value.strip()) if isinstance(value, str) else value


def subtitle_weight(value: Any) -> Any:
    """Return 400 and 700 as the words of CSS that they are."""
    weight = plain_weight(value)
    return {"400": "normal", "700": "bold"}.get(weight, value) if isinstance(weight, str) else value


def loose_subtitle_weight(value: Any) -> Any:
    """Read the weights between as the nearest of the two that subtitles have."""
    weight = plain_weight(value)
    if value in ("normal", "bold") or not isinstance(weight, str) or not re.fullmatch("[1-9]00", weight):
        return value
    return value if weight in {"400", "700"} else "bold" if int(weight) >= 600 else "normal"


def plain_text(value: Any) -> Any:
    """Return a number or a boolean as it stands in a text."""
    return text_of(value) if isinstance(value, bool | int | float) else value


def loose_word(value: Any) -> Any:
    """Read words in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def check_colour(value: str) -> str:
    """Return a colour as `#rrggbb` or `#rrggbbaa`; raise ValueError when it is none.

    Reads names, `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb()`, `rgba()` (alpha 0-1) and `transparent`.
    """
    text = value.strip().lower()
    if text == "transparent":
        return "#00000000"
    rgba = re.fullmatch(r"rgba\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(0|1|0?\.\d+|1\.0+)\s*\)", text)
    if rgba:
        red, green, blue = (min(int(part), 255) for part in rgba.groups()[:3])
        return f"#{red:02x}{green:02x}{blue:02x}{round(float(rgba[4]) * 255):02x}"
    try:
        colour = ImageColor.getrgb(text)
    except ValueError:
        raise ValueError(
            f"{brief(value)} is not a colour (a name, #rrggbb, #rrggbbaa, rgba() or transparent)"
        ) from None
    return "#" + "".join(f"{min(part, 255):02x}" for part in colour)


def check_length(value: Any) -> Any:
    """Return a length as a number of pixels or `<number><vw|vh|%>`; raise ValueError when it is none."""
    match = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if match is not None and abs(float(match[1])) <= MAX_LENGTH_PX:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_LENGTH_PX:
        return float(value)
    raise ValueError(f"{brief(value)} is not a length (a number of pixels, or 60px, 10vw, 10vh, 80%)")


def check_number(value: Any) -> Any:
    """Return a number as it is; raise for what only Python takes for one, as `true` and `"1_000"`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "a number is expected")
    if isinstance(value, int) and abs(value) > _MOST:
        raise PydanticCustomError("finite_number", "a smaller number is expected")
    return value


def length_px(value: float | str, *, along_px: int, canvas: tuple[int, int]) -> float:
    """Return a length in pixels; `%` is of `along_px`, `vw` and `vh` of the canvas (width, height)."""
    if not isinstance(value, str):
        return float(value)
    match = _LENGTH.fullmatch(value)
    if match is None:
        raise ValueError(value)
    number, unit = float(match[1]), match[2]
    whole = {"%": along_px, "vw": canvas[0], "vh": canvas[1]}.get(unit, 100)
    return number * whole / 100


def check_seconds_or_sentinel(value: float) -> float:
    """Return a duration: seconds above 0, -1 (natural) or -2 (the container's); raise ValueError otherwise."""
    if value > 0 or value in (-1, -2):
        return value
    raise ValueError(
        f"a duration is a number of seconds above 0, -1 (natural length) or -2 (the container's), not {value:g}"
    )


def exact_fps(value: float) -> Fraction:
    """Return the exact rate meant by a number: 29.97 is 30000/1001."""
    return _NTSC.get(f"{value:g}", Fraction(value).limit_denominator(1001))


NUMERIC = BeforeValidator(check_number)
Number = Annotated[float, Loose(loose_number), Field(allow_inf_nan=False), NUMERIC]
Flag = Annotated[bool, Loose(loose_flag)]
Length = Annotated[float | str, BeforeValidator(check_length), Loose(loose_length)]
Colour = Annotated[str, AfterValidator(check_colour)]
Seconds = Annotated[float, Loose(loose_number), Field(allow_inf_nan=False, ge=0, le=86_400), NUMERIC]
Duration = Annotated[
    float,
    Loose(loose_number),
    Field(allow_inf_nan=False, le=86_400),
    AfterValidator(check_seconds_or_sentinel),
    NUMERIC,
]
