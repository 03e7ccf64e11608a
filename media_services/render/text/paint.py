"""Owns the pixels of a text: which of them its letters cover, and the colours that are laid over one another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from media_services.render.text.cut import Mask

Area = tuple[int, int, int, int]  # left, top, right, bottom
_Layer = NDArray[np.floating]


@dataclass(frozen=True)
class Colours:
    """What a text is painted in: colours as `#rrggbb` or `#rrggbbaa`."""

    letters: str
    outline: str
    shadow: str
    background: str


class Ink:
    """How much of each pixel of a picture is covered, 0 to 255; what lies beyond its edges is cut off."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.cover = np.zeros((size[1], size[0]), np.uint8)

    def add(self, mask: Mask, x: int, y: int) -> None:
        """Cover what a glyph does whose pen stands at a pixel; parts of pixels add up, as where letters join."""
        height, width = mask.pixels.shape
        left, top = x + mask.left, y + mask.top
        across, down = slice(max(left, 0), max(left + width, 0)), slice(max(top, 0), max(top + height, 0))
        under = self.cover[down, across]
        if under.size:
            over = mask.pixels[max(-top, 0) :, max(-left, 0) :][: under.shape[0], : under.shape[1]]
            under += np.minimum(over, 255 - under)

    def area(self) -> Area | None:
        """Return the smallest rectangle with all that is covered; None where nothing is."""
        rows, columns = np.flatnonzero(self.cover.any(axis=1)), np.flatnonzero(self.cover.any(axis=0))
        if not rows.size:
            return None
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def painted(letters: Ink, outlined: Ink | None, background: Area, colours: Colours, shadow_px: int) -> Image.Image:
    """Return letters over their outline, their shadow and a rectangle, as RGBA with straight alpha.

    `outlined` are the letters together with their outline. The shadow lies to the right of and below them, and there
    is none at 0. Where nothing is seen the pixels have the colour of the letters' edge, for what scales or halves the
    colours without a look at the alpha.
    """
    height, width = letters.cover.shape
    whole = outlined or letters
    edge = ImageColor.getrgb(colours.outline if outlined else colours.letters)[:3]
    picture = Image.new("RGBA", (width, height), (*edge, 0))
    left, top, right, bottom = background
    rectangle = _rgba(colours.background)
    if rectangle[3]:
        picture.paste(rectangle, (max(left, 0), max(top, 0), min(right, width), min(bottom, height)))
    area = _shadowed(whole.area(), shadow_px, (width, height))
    if area is None:
        return picture
    part = slice(area[1], area[3]), slice(area[0], area[2])
    layer = _laid(colours.letters, letters.cover[part])
    if outlined:
        beyond = np.maximum(outlined.cover[part], letters.cover[part]) - letters.cover[part]
        layer += _laid(colours.outline, beyond)
    if shadow_px:
        layer = _over(layer, _laid(colours.shadow, _moved(whole.cover, shadow_px)[part]))
    picture.paste(_straight(_over(layer, _premultiplied(picture.crop(area))), edge), area[:2])
    return picture


def _rgba(colour: str) -> tuple[int, int, int, int]:
    red, green, blue, alpha = (*ImageColor.getrgb(colour), 255)[:4]
    return red, green, blue, alpha


def _laid(colour: str, cover: NDArray[np.uint8]) -> _Layer:
    """Return a colour where pixels are covered, its alpha multiplied into it; all from 0 to 1."""
    red, green, blue, alpha = np.array(_rgba(colour), np.float32) / 255
    ink = np.array([red * alpha, green * alpha, blue * alpha, alpha], np.float32) / 255
    return cover[:, :, None] * ink


def _over(upper: _Layer, lower: _Layer) -> _Layer:
    return upper + lower * (1 - upper[:, :, 3:])


def _premultiplied(picture: Image.Image) -> _Layer:
    pixels = np.asarray(picture, np.float32) / 255
    pixels[:, :, :3] *= pixels[:, :, 3:]
    return pixels


def _straight(layer: _Layer, unseen: tuple[int, ...]) -> Image.Image:
    alpha = layer[:, :, 3:]
    colour = np.divide(layer[:, :, :3], alpha, out=np.full_like(layer[:, :, :3], 0), where=alpha > 0)
    pixels = np.rint(np.concatenate([colour, alpha], axis=2) * 255).clip(0, 255).astype(np.uint8)
    pixels[pixels[:, :, 3] == 0, :3] = unseen
    return Image.fromarray(pixels)


def _moved(cover: NDArray[np.uint8], by_px: int) -> NDArray[np.uint8]:
    """Return what is covered, moved to the right and down, or to the left and up."""
    moved = np.zeros_like(cover)
    to, of = (slice(by_px, None), slice(None, -by_px)) if by_px > 0 else (slice(None, by_px), slice(-by_px, None))
    moved[to, to] = cover[of, of]
    return moved


def _shadowed(area: Area | None, shadow_px: int, size: tuple[int, int]) -> Area | None:
    if area is None:
        return None
    left, top, right, bottom = area
    least, most = min(shadow_px, 0), max(shadow_px, 0)
    return max(left + least, 0), max(top + least, 0), min(right + most, size[0]), min(bottom + most, size[1])
