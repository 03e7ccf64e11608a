"""Owns where a picture goes: from the keys of an element and its natural size to a rectangle of the canvas."""

from dataclasses import dataclass

from media_services.movie.document import Picture, Resize
from media_services.movie.settings import Crop
from media_services.movie.values import length_px

Size = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels; x and y may be negative."""

    x: int
    y: int
    width: int
    height: int

    def within(self, other: "Box") -> "Box":
        """Return what two rectangles share; its width or height is 0 when that is nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Box(x, y, max(right - x, 0), max(bottom - y, 0))


@dataclass(frozen=True)
class Placement:
    """Scale the source to `scaled`, cut the box's size out of it at `offset`, lay that at the box's place.

    Of the source, upright, only the part `cut` is used; None is all of it.
    """

    box: Box
    scaled: Size
    offset: tuple[int, int] = (0, 0)
    cut: Box | None = None

    @classmethod
    def whole(cls, width: int, height: int) -> "Placement":
        """Return the placement of what is exactly the canvas."""
        return cls(Box(0, 0, width, height), (width, height))


def place(
    element: Picture, *, natural: Size, canvas: Size, fills_canvas: bool = False, even: bool = False
) -> Placement:
    """Return where a picture of a natural size goes on the canvas.

    `fills_canvas` is for a background without any place: it covers the canvas unless it says how to resize. `even`
    rounds everything to even pixels, which moving pictures with halved chroma need: an odd place shifts them by one.
    """
    cut = _cut(element.crop, natural, canvas)
    natural = (cut.width, cut.height) if cut else natural
    resize = element.resize or (Resize.COVER if fills_canvas else None)
    step = 2 if even else 1
    asked = _asked_size(element, canvas)
    if resize is None:
        size = _without_resize(asked, natural, canvas)
        area = scaled = _round_size(size, step)
    else:
        area = _round_size((asked[0] or canvas[0], asked[1] or canvas[1]), step)
        scaled = _scaled(natural, area, resize, step)
    x, y = _corner(element, area, canvas)
    visible = (min(scaled[0], area[0]), min(scaled[1], area[1]))
    x, y = x + (area[0] - visible[0]) / 2, y + (area[1] - visible[1]) / 2
    offset = tuple(_round((whole - part) / 2, step) for whole, part in zip(scaled, visible, strict=True))
    return Placement(Box(_round(x, step), _round(y, step), *visible), scaled, (offset[0], offset[1]), cut)


def _cut(crop: Crop | None, natural: Size, canvas: Size) -> Box | None:
    """Return the part of a source that is used, within it and at least a pixel large."""
    if crop is None:
        return None
    wanted = [
        length_px(value, along_px=along, canvas=canvas)
        for value, along in zip((crop.x, crop.y, crop.width, crop.height), natural * 2, strict=True)
    ]
    x, y = (min(max(round(start), 0), whole - 1) for start, whole in zip(wanted[:2], natural, strict=True))
    width, height = (
        min(max(round(size), 1), left) if size >= 0 else left
        for size, left in zip(wanted[2:], (natural[0] - x, natural[1] - y), strict=True)
    )
    return Box(x, y, width, height)


def _asked_size(element: Picture, canvas: Size) -> tuple[float | None, float | None]:
    """Return the stated width and height in pixels, None for each that is left to the ratio."""
    width = length_px(element.width, along_px=canvas[0], canvas=canvas)
    height = length_px(element.height, along_px=canvas[1], canvas=canvas)
    return (width if width > 0 else None, height if height > 0 else None)


def _without_resize(asked: tuple[float | None, float | None], natural: Size, canvas: Size) -> tuple[float, float]:
    width, height = asked
    if width is not None and height is not None:
        return width, height
    if width is not None:
        return width, natural[1] * width / natural[0]
    if height is not None:
        return natural[0] * height / natural[1], height
    shrink = min(1.0, canvas[0] / natural[0], canvas[1] / natural[1])
    return natural[0] * shrink, natural[1] * shrink


def _scaled(natural: Size, area: Size, resize: Resize, step: int) -> Size:
    """Return the size the source is scaled to, to meet its area."""
    ratios = area[0] / natural[0], area[1] / natural[1]
    if resize is Resize.COVER:
        width, height = _round_size((natural[0] * max(ratios), natural[1] * max(ratios)), step)
        return max(width, area[0]), max(height, area[1])
    if resize in (Resize.CONTAIN, Resize.FIT):
        width, height = _round_size((natural[0] * min(ratios), natural[1] * min(ratios)), step)
        return min(width, area[0]), min(height, area[1])
    return area


def _corner(element: Picture, area: Size, canvas: Size) -> tuple[float, float]:
    """Return the top left corner of an area at its position, or at x and y where the position is custom."""
    if element.position == "custom":
        x = length_px(element.x, along_px=canvas[0], canvas=canvas)
        return x, length_px(element.y, along_px=canvas[1], canvas=canvas)
    row, column = element.position.split("-")
    share = {"top": 0.0, "left": 0.0, "center": 0.5, "bottom": 1.0, "right": 1.0}
    return (canvas[0] - area[0]) * share[column], (canvas[1] - area[1]) * share[row]


def _round(value: float, step: int) -> int:
    return round(value / step) * step


def _round_size(size: tuple[float, float], step: int) -> Size:
    return max(_round(size[0], step), step), max(_round(size[1], step), step)
