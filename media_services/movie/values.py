"""Owns the small values of the format: lengths, colours, positions, rates, and how loosely they may be written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from PIL import ImageColor
from pydantic import AfterValidator, BeforeValidator, Field

MAX_LENGTH_PX = 100_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_LENGTH = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(px|vw|vh|%)?")
_NTSC = {"23.976": Fraction(24000, 1001), "23.98": Fraction(24000, 1001), "29.97": Fraction(30000, 1001),
         "59.94": Fraction(60000, 1001)}  # fmt: skip
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
    """Read `"true"`, `"false"`, 1 and 0 as booleans."""
    if isinstance(value, str) and value.strip().lower() in {"true", "false", "yes", "no", "1", "0"}:
        return value.strip().lower() in {"true", "yes", "1"}
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


def loose_weight(value: Any) -> Any:
    """Read `normal`, `bold` and 700 as a weight of CSS, which is a word here."""
    named = {"normal": "400", "regular": "400", "bold": "700"}
    return named.get(value.strip().lower(), value) if isinstance(value, str) else str(value)


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
    rgba = re.fullmatch(r"rgba\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(0|1|0?\.\d+|1\.0+)\s*\)", text)
    if rgba:
        red, green, blue = (min(int(part), 255) for part in rgba.groups()[:3])
        return f"#{red:02x}{green:02x}{blue:02x}{round(float(rgba[4]) * 255):02x}"
    try:
        colour = ImageColor.getrgb(text)
    except ValueError:
        raise ValueError(f"{value!r} is not a colour (a name, #rrggbb, #rrggbbaa, rgba() or transparent)") from None
    return "#" + "".join(f"{part:02x}" for part in colour)


def check_length(value: Any) -> Any:
    """Return a length as a number of pixels or `<number><vw|vh|%>`; raise ValueError when it is none."""
    if isinstance(value, str) and _LENGTH.fullmatch(value):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_LENGTH_PX:
        return float(value)
    raise ValueError(f"{value!r} is not a length (a number of pixels, or 60px, 10vw, 10vh, 80%)")


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


Number = Annotated[float, Loose(loose_number), Field(allow_inf_nan=False)]
Flag = Annotated[bool, Loose(loose_flag)]
Length = Annotated[float | str, BeforeValidator(check_length), Loose(loose_length)]
Colour = Annotated[str, AfterValidator(check_colour)]
Seconds = Annotated[float, Loose(loose_number), Field(allow_inf_nan=False, ge=0, le=86_400)]
Duration = Annotated[
    float, Loose(loose_number), Field(allow_inf_nan=False, le=86_400), AfterValidator(check_seconds_or_sentinel)
]
