"""Owns plates: MoviePy composes everything that stands still between two moving layers once, for each span of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from moviepy import CompositeVideoClip, ImageClip

from media_services.placing import Box, Size
from media_services.render.pixels import Pixels, pixels_of
from media_services.render.turning import turned_box
from media_services.stage import Report
from media_services.timeline import Layer


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
    boxes = {id(layer): turned_box(layer.placement.box, layer.look.turn).within(canvas) for layer in layers}
    seen = [layer for layer in layers if boxes[id(layer)].width and boxes[id(layer)].height]
    if not seen and not opaque:
        return None
    box = canvas if opaque else _even_hull([boxes[id(layer)] for layer in seen], canvas)
    first = 0 if opaque else min(layer.span.first_frame for layer in seen)
    end = frames if opaque else max(layer.span.end_frame for layer in seen)
    changes = {first, *(layer.span.first_frame for layer in seen), *(layer.span.end_frame for layer in seen)}
    moments = [
        (number, [layer for layer in seen if layer.span.first_frame <= number < layer.span.end_frame])
        for number in sorted(changes)
        if number < end
    ]
    steps = _Steps(report, sum(len(visible) + 1 for _, visible in moments))

    def composed() -> Iterator[tuple[int, Pixels]]:
        for frame_number, visible in moments:
            yield frame_number, compose(visible, box, canvas=canvas, opaque=opaque, tick=steps.tick)
            steps.tick()

    write_frames(file, composed(), (box.width, box.height), fps, opaque=opaque)
    return Plates(file, box, first, end)


def write_frames(
    file: Path, frames: Iterable[tuple[int, Pixels]], size: Size, fps: Fraction, *, opaque: bool = False
) -> None:
    """Write RGBA pictures of a size, RGB if `opaque`, each with the number of the frame it appears at, losslessly.

    HuffYUV takes a quarter of FFV1's time, there and back, and a third of the room of raw pixels.
    """
    given, stored = ("rgb24", "rgb24") if opaque else ("rgba", "bgra")
    with av.open(str(file), "w", format="nut") as container:
        stream = container.add_stream("huffyuv", rate=fps)
        stream.codec_context.time_base = 1 / fps
        stream.codec_context.thread_count = 1
        stream.width, stream.height = size
        stream.pix_fmt = stored
        for number, pixels in frames:
            frame = av.VideoFrame.from_ndarray(pixels, format=given).reformat(format=stored)
            frame.pts, frame.time_base = number, 1 / fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


class _Steps:
    """Counts equal steps of a work, and reports each."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total = report, total
        self._taken = 0

    def tick(self) -> None:
        self._taken += 1
        self._report(self._taken / self._total)


def compose(
    layers: Sequence[Layer], box: Box, *, canvas: Box, opaque: bool, tick: Callable[[], None] = lambda: None
) -> Pixels:
    """Return what still layers look like within a rectangle of the canvas: RGBA, or RGB over black if `opaque`.

    An array (height, width, channels); tick for each layer.
    """
    size = (box.width, box.height)
    empty = np.zeros((box.height, box.width, 3 if opaque else 4), np.uint8)
    if not layers:
        return empty
    clips = [ImageClip(empty, duration=1)]
    for layer in layers:
        shown = turned_box(layer.placement.box, layer.look.turn).within(box)
        pixels = pixels_of(layer, shown, (canvas.width, canvas.height))
        clips.append(ImageClip(pixels, duration=1).with_position((shown.x - box.x, shown.y - box.y)))
        tick()
    composite = CompositeVideoClip(clips, size=size, use_bgclip=True)
    colours: Pixels = composite.get_frame(0)
    if opaque:
        return np.ascontiguousarray(colours)
    alpha = np.rint(composite.mask.get_frame(0) * 255).astype(np.uint8)
    return np.dstack([colours, alpha])


def _even_hull(boxes: Sequence[Box], canvas: Box) -> Box:
    """Return the smallest rectangle with even sides and corners that holds all boxes; the canvas is even too."""
    left, top = min(box.x for box in boxes) // 2 * 2, min(box.y for box in boxes) // 2 * 2
    right = -(-max(box.x + box.width for box in boxes) // 2) * 2
    bottom = -(-max(box.y + box.height for box in boxes) // 2) * 2
    return Box(left, top, right - left, bottom - top).within(canvas)
