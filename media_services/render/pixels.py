"""Owns what a still layer looks like: its picture, colour or text, placed, flipped, turned and faded."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from media_services.errors import MediaError
from media_services.placing import Box, Placement, Size
from media_services.render.still import open_still
from media_services.render.text import draw
from media_services.render.turning import turned_box
from media_services.timeline import Layer, Look, Span

Pixels = NDArray[np.uint8]

_KEPT_BYTES = 64 * 1024**2
_NO_SPAN = Span(0, 0, 0, 0)


class Memory:
    """Keeps the arrays that were asked for last, up to so many bytes in all; safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[Hashable, Pixels] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Pixels]) -> Pixels:
        """Return what is kept under a key, else make it; it can only be read."""
        with self._lock:
            pixels = self._kept.pop(key, None)
        if pixels is None:
            pixels = make()
            pixels.flags.writeable = False
        with self._lock:
            self._kept[key] = pixels
            while sum(each.nbytes for each in self._kept.values()) > self._most_bytes:
                del self._kept[next(iter(self._kept))]
        return pixels


_memory = Memory(_KEPT_BYTES)


def pixels_of(layer: Layer, shown: Box, canvas: Size) -> Pixels:
    """Return the part `shown` of the canvas of a still layer: an array (height, width, channels) of RGB or RGBA.

    What is seen in many parts of a film is drawn once, while it is remembered.
    """
    bare = replace(layer, span=_NO_SPAN, path="", scene=None, text=None)
    text = (layer.text.text, layer.text.settings) if layer.text else None
    return _memory.get((bare, text, shown, canvas), lambda: _looking(layer, shown, canvas))


def _looking(layer: Layer, shown: Box, canvas: Size) -> Pixels:
    """Draw the part `shown` of a layer, and give it its look."""
    look, whole = layer.look, layer.placement.box
    region = _mirrored(shown, whole, look) if look.turn is None else whole
    drawn = _drawn(layer, region, canvas)
    if look.flip_horizontal:
        drawn = ImageOps.mirror(drawn)
    if look.flip_vertical:
        drawn = ImageOps.flip(drawn)
    if look.turn is not None:
        drawn = _turned(drawn.convert("RGBA"), layer, shown)
    if look.opacity == 1:
        return np.array(drawn)
    pixels = np.array(drawn.convert("RGBA"))
    pixels[:, :, 3] = np.rint(pixels[:, :, 3] * look.opacity)
    return pixels


def picture_of(layer: Layer, size: Size, canvas: Size) -> Pixels:
    """Return all of a layer at a size, without its look: an array (height, width, 4) of RGBA."""
    if layer.source is None:
        return np.array(_drawn(layer, layer.placement.box, canvas).convert("RGBA").resize(size))
    place = layer.placement
    scaled = tuple(round(side * new / old) for side, new, old in zip(place.scaled, size, _size(place.box), strict=True))
    offset = tuple(round(part * new / old) for part, new, old in zip(place.offset, size, _size(place.box), strict=True))
    larger = Placement(Box(0, 0, *size), (scaled[0], scaled[1]), (offset[0], offset[1]), place.cut)
    return np.array(_picture(layer.source.file, larger, larger.box).convert("RGBA"))


def _drawn(layer: Layer, region: Box, canvas: Size) -> Image.Image:
    """Return a part of a layer as it is placed on the canvas."""
    if layer.text is not None:
        box = layer.placement.box
        try:
            text = draw(layer.text, size=_size(box), canvas=canvas, font=layer.font.file if layer.font else None)
        except MediaError as problem:
            raise problem.at(layer.path) from problem
        left, top = region.x - box.x, region.y - box.y
        return text.crop((left, top, left + region.width, top + region.height))
    if layer.source is None:
        colour = ImageColor.getrgb(layer.colour or "#000000")
        return Image.new("RGB" if len(colour) == 3 else "RGBA", _size(region), colour)
    return _picture(layer.source.file, layer.placement, region)


def _picture(file: Path, placement: Placement, shown: Box) -> Image.Image:
    """Return the part `shown` of a placed picture, upright; only that part is ever scaled."""
    upright = open_still(file, at_least=None if placement.cut else placement.scaled)
    cut = placement.cut or Box(0, 0, upright.width, upright.height)
    scale_x, scale_y = cut.width / placement.scaled[0], cut.height / placement.scaled[1]
    left = cut.x + (placement.offset[0] + shown.x - placement.box.x) * scale_x
    top = cut.y + (placement.offset[1] + shown.y - placement.box.y) * scale_y
    region = (left, top, left + shown.width * scale_x, top + shown.height * scale_y)
    return upright.resize(_size(shown), Image.Resampling.LANCZOS, box=region)


def _mirrored(shown: Box, whole: Box, look: Look) -> Box:
    """Return the part of a rectangle that is seen in another part of it once all is flipped."""
    x = 2 * whole.x + whole.width - shown.x - shown.width if look.flip_horizontal else shown.x
    y = 2 * whole.y + whole.height - shown.y - shown.height if look.flip_vertical else shown.y
    return Box(x, y, shown.width, shown.height)


def _turned(drawn: Image.Image, layer: Layer, shown: Box) -> Image.Image:
    """Return what is shown of a picture that was turned about its middle."""
    assert layer.look.turn is not None
    room = turned_box(layer.placement.box, layer.look.turn)
    turned = drawn.rotate(-layer.look.turn.angle, Image.Resampling.BICUBIC, expand=True)
    left = shown.x - room.x - (room.width - turned.width) // 2
    top = shown.y - room.y - (room.height - turned.height) // 2
    return turned.crop((left, top, left + shown.width, top + shown.height))


def _size(box: Box) -> Size:
    return box.width, box.height
