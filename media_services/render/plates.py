"""Owns plates: MoviePy composes everything that stands still between two moving layers once, for each span of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from moviepy import ColorClip, CompositeVideoClip, ImageClip, VideoClip
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from media_services.placing import Box, Placement
from media_services.stage import Report
from media_services.timeline import Layer

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Plates:
    """A stream of plates in one lossless file: which rectangle of the canvas they show, and during which frames."""

    file: Path
    box: Box
    first_frame: int
    end_frame: int


def make_plates(
    layers: Sequence[Layer], *, canvas: Box, fps: Fraction, file: Path, frames: int, opaque: bool, report: Report
) -> Plates | None:
    """Compose still layers, given from the bottom to the top, into a file with one frame for each change.

    A frame's timestamp is the number of the film's frame it appears at. `opaque` plates cover the whole canvas and
    the whole film, with black where nothing lies; others are transparent there and no larger than they must be.
    Returns None when nothing of them is to be seen. `report` hears of each picture and each frame composed; what it
    raises stops the work at once.
    """
    seen = [layer for layer in layers if (shown := layer.placement.box.within(canvas)).width and shown.height]
    if not seen and not opaque:
        return None
    box = canvas if opaque else _even_hull([layer.placement.box.within(canvas) for layer in seen], canvas)
    first = 0 if opaque else min(layer.span.first_frame for layer in seen)
    end = frames if opaque else max(layer.span.end_frame for layer in seen)
    changes = {first, *(layer.span.first_frame for layer in seen), *(layer.span.end_frame for layer in seen)}
    moments = [
        (number, [layer for layer in seen if layer.span.first_frame <= number < layer.span.end_frame])
        for number in sorted(changes)
        if number < end
    ]
    steps = _Steps(report, sum(len(visible) + 1 for _, visible in moments))
    with av.open(str(file), "w", format="nut") as container:
        stream = container.add_stream("ffv1", rate=fps)
        stream.width, stream.height, stream.pix_fmt = box.width, box.height, "bgra"
        stream.codec_context.time_base = 1 / fps
        for frame_number, visible in moments:
            frame = av.VideoFrame.from_ndarray(compose(visible, box, opaque=opaque, tick=steps.tick), format="rgba")
            frame = frame.reformat(format="bgra")
            frame.pts, frame.time_base = frame_number, 1 / fps
            container.mux(stream.encode(frame))
            steps.tick()
        container.mux(stream.encode())
    return Plates(file, box, first, end)


class _Steps:
    """Counts equal steps of a work, and reports each."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total = report, total
        self._taken = 0

    def tick(self) -> None:
        self._taken += 1
        self._report(self._taken / self._total)


def compose(layers: Sequence[Layer], box: Box, *, opaque: bool, tick: Callable[[], None] = lambda: None) -> Pixels:
    """Return what still layers look like within a rectangle of the canvas, as an RGBA array; tick for each of them."""
    size = (box.width, box.height)
    if not layers:
        empty = np.zeros((box.height, box.width, 4), np.uint8)
        empty[:, :, 3] = 255 if opaque else 0
        return empty
    clips: list[VideoClip] = []
    for layer in layers:
        clips.append(_clip(layer, box))
        tick()
    if opaque:
        base = ColorClip(size, color=(0, 0, 0), duration=1)
        composite = CompositeVideoClip([base, *clips], size=size, use_bgclip=True)
        alpha = np.full((box.height, box.width, 1), 255, np.uint8)
    else:
        composite = CompositeVideoClip(clips, size=size)
        alpha = np.rint(composite.mask.get_frame(0) * 255).astype(np.uint8)[:, :, None]
    return np.concatenate([composite.get_frame(0).astype(np.uint8), alpha], axis=2)


def _clip(layer: Layer, box: Box) -> VideoClip:
    shown = layer.placement.box.within(box)
    place = (shown.x - box.x, shown.y - box.y)
    if layer.source is None:
        pixels = np.empty((shown.height, shown.width, 4), np.uint8)
        pixels[:] = _rgba(layer.colour or "#000000")
    else:
        pixels = picture(layer.source.file, layer.placement, shown)
    return ImageClip(pixels, duration=1).with_position(place)


def _rgba(colour: str) -> tuple[int, ...]:
    return (*ImageColor.getrgb(colour), 255)[:4]


def picture(file: Path, placement: Placement, shown: Box) -> Pixels:
    """Return the part `shown` of a placed picture as RGBA, upright; only that part is ever scaled."""
    with Image.open(file) as image:
        upright = ImageOps.exif_transpose(image)
    upright = (upright if upright.has_transparency_data else upright.convert("RGB")).convert("RGBA")
    scale_x, scale_y = upright.width / placement.scaled[0], upright.height / placement.scaled[1]
    left = (placement.offset[0] + shown.x - placement.box.x) * scale_x
    top = (placement.offset[1] + shown.y - placement.box.y) * scale_y
    region = (left, top, left + shown.width * scale_x, top + shown.height * scale_y)
    return np.asarray(upright.resize((shown.width, shown.height), Image.Resampling.LANCZOS, box=region))


def _even_hull(boxes: Sequence[Box], canvas: Box) -> Box:
    """Return the smallest rectangle with even sides and corners that holds all boxes; the canvas is even too."""
    left, top = min(box.x for box in boxes) // 2 * 2, min(box.y for box in boxes) // 2 * 2
    right = -(-max(box.x + box.width for box in boxes) // 2) * 2
    bottom = -(-max(box.y + box.height for box in boxes) // 2) * 2
    return Box(left, top, right - left, bottom - top).within(canvas)
