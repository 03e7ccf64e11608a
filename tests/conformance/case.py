"""A case of the movie format: a document, what is to be seen in its film, and whether the reference can make it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance import material
from tests.conformance.rendered import Rendered

GREY = "#303030"  # of the scene, where nothing lies
QUARTERS = "red lime blue yellow"

Point = tuple[int, int, int, str]  # frame, x, y, colour
Check = Callable[[Rendered], None]
Document = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`seen` is checked by itself; `compared` frames are compared to the reference, none where it cannot make them.

    `wrong` and `unlike` say what is wrong with the engine where it fails at the one or the other.
    """

    name: str
    document: Document
    seen: Sequence[Point] = ()
    checks: Sequence[Check] = ()
    compared: Sequence[int] = (0, 4)
    wrong: str = ""
    unlike: str = ""


def element(type_: str, file: Path, **keys: Any) -> Document:
    """Return an element; `_` in a key stands for `-`."""
    return {"type": type_, "src": str(file), **{key.replace("_", "-"): value for key, value in keys.items()}}


def image(file: Path | None = None, **keys: Any) -> Document:
    return element("image", file or material.quarters(), **keys)


def video(file: Path | None = None, **keys: Any) -> Document:
    return element("video", file or material.footage(material.quarters()), **keys)


def scene(*elements: Document, seconds: float = 0.5, color: str = GREY, **keys: Any) -> Document:
    return {"duration": seconds, "background-color": color, "elements": list(elements), **keys}


def one(*elements: Document, seconds: float = 0.5, **keys: Any) -> Document:
    """Return a document of one grey scene."""
    return {"scenes": [scene(*elements, seconds=seconds)], **keys}


def quarters_in(
    x: int, y: int, width: int, height: int, colours: str = QUARTERS, *, frame: int = 0, outside: str = GREY
) -> list[Point]:
    """Return points within and without the edges of a picture of four quarters, as far as they are on the canvas."""
    left, top, right, bottom = x + 3, y + 3, x + width - 4, y + height - 4
    corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
    points = [(frame, *corner, colour) for corner, colour in zip(corners, colours.split(), strict=True)]
    rim = [(x - 4, top), (x + width + 3, bottom), (left, y - 4), (right, y + height + 3)]
    points += [(frame, *corner, outside) for corner in rim]
    return [point for point in points if 0 <= point[1] < 320 and 0 <= point[2] < 180]
