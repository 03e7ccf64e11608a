"""Frames of a Timeline by MoviePy, NumPy and Pillow alone, to which the engine's are compared.

Nothing of `media_services.render` and none of FFmpeg's filters is used: what a picture looks like is worked out here
from the movie format once more. MoviePy owns time, opacity, fades and what lies over what.
"""

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
from moviepy import ColorClip, CompositeVideoClip, VideoClip, vfx
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from media_services.movie.settings import TransitionStyle
from media_services.timeline import Layer, Motion, Timeline, Transition
from tests.conformance import colours, material

Pixels = NDArray[np.uint8]
_MOMENT = 1e-4  # of a frame: no number of a frame is then rounded down


class Reference:
    """A film's frames, made one by one."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._clips = [_clip(layer, timeline) for layer in timeline.layers]

    def frame(self, number: int) -> Pixels:
        """Return one frame as RGB pixels."""
        crossing = next((t for t in self._timeline.transitions if _is_during(t, number)), None)
        layers = self._timeline.layers
        if crossing is None:
            return self._composed(number, lambda layer: True)
        scenes = crossing.scene - 1, crossing.scene
        highest = max((n for n, layer in enumerate(layers) if layer.scene in scenes), default=-1)
        above = {id(layer) for layer in layers[highest + 1 :]}
        going, coming = (
            self._composed(number, lambda layer, scene=scene: layer.scene in (None, scene) and id(layer) not in above)
            for scene in scenes
        )
        done = (number - crossing.span.first_frame) / crossing.span.frames
        crossed = cross(going, coming, crossing.style, done)
        return self._composed(number, lambda layer: id(layer) in above, base=crossed)

    def _composed(self, number: int, is_seen: Callable[[Layer], bool], base: Pixels | None = None) -> Pixels:
        timeline = self._timeline
        size = (timeline.width, timeline.height)
        black: VideoClip = ColorClip(size, color=(0, 0, 0))
        if base is not None:
            black = VideoClip(lambda t: base)
        seconds = float(timeline.frames / timeline.fps)
        clips = [clip for layer, clip in zip(timeline.layers, self._clips, strict=True) if is_seen(layer)]
        if not clips:
            return np.asarray(black.get_frame(0), np.uint8)
        film = CompositeVideoClip([black.with_duration(seconds), *clips], size=size, use_bgclip=True)
        return np.asarray(film.get_frame((number + _MOMENT) / float(timeline.fps))).astype(np.uint8)


def _is_during(transition: Transition, number: int) -> bool:
    return transition.span.first_frame <= number < transition.span.end_frame


def cross(going: Pixels, coming: Pixels, style: TransitionStyle, done: float) -> Pixels:
    """Return what is seen when a share of a transition is done; names say where the edge or the pictures move."""
    height, width = going.shape[:2]
    if style in _EDGES:
        across, down = _EDGES[style]
        length = width if across else height
        place = np.arange(length) if across else np.arange(length)[:, None]
        is_new = place <= int(length * done) if across + down > 0 else place > int(length * (1 - done))
        return np.where(np.broadcast_to(is_new, (height, width))[:, :, None], coming, going)
    if style in _SLIDES:
        across, down = _SLIDES[style]
        strip = np.concatenate([going, coming] if across + down < 0 else [coming, going], axis=1 if across else 0)
        length = width if across else height
        left = int(length * (1 - done))
        first = length - left if across + down < 0 else left
        return strip[:, first : first + width] if across else strip[first : first + height]
    if style in _COLOURS:
        return _through(going, coming, _COLOURS[style], done)
    if style is TransitionStyle.FADE:
        return np.rint(going * (1 - done) + coming * done).astype(np.uint8)
    raise NotImplementedError(style)


_EDGES = {"wipeleft": (-1, 0), "wiperight": (1, 0), "wipeup": (0, -1), "wipedown": (0, 1)}
_SLIDES = {"slideleft": (-1, 0), "slideright": (1, 0), "slideup": (0, -1), "slidedown": (0, 1)}
_COLOURS = {"fadeblack": 0, "fadewhite": 255}


def _through(going: Pixels, coming: Pixels, level: int, done: float) -> Pixels:
    """Return a fade through a colour: the old picture goes in a fifth of the time, the new one comes in all of it."""
    left = 1 - done
    old = going * _smooth(0.8, 1, left) + level * (1 - _smooth(0.8, 1, left))
    new = level * _smooth(0.2, 1, left) + coming * (1 - _smooth(0.2, 1, left))
    return np.rint(old * left + new * done).astype(np.uint8)


def _smooth(low: float, high: float, value: float) -> float:
    share = min(max((value - low) / (high - low), 0), 1)
    return share * share * (3 - 2 * share)


def _clip(layer: Layer, timeline: Timeline) -> VideoClip:
    """Return a layer as a clip of the whole canvas, at its time."""
    fps, look, frames = timeline.fps, layer.look, layer.span.frames
    canvas = (timeline.width, timeline.height)
    pictures = _pictures(layer, fps)

    @functools.lru_cache(maxsize=4)
    def pixels(number: int) -> Pixels:
        return _on_canvas(pictures(number), layer, float(number / fps), canvas)

    def number_at(t: float) -> int:
        return min(max(int(t * float(fps) + _MOMENT), 0), frames - 1)

    seconds = float(frames / fps)
    mask = VideoClip(lambda t: pixels(number_at(t))[:, :, 3] / 255, is_mask=True, duration=seconds)
    clip = VideoClip(lambda t: pixels(number_at(t))[:, :, :3], duration=seconds).with_mask(mask)
    fades = []
    if look.fade_in_ms:
        fades.append(vfx.CrossFadeIn(look.fade_in_ms / 1000))
    if look.fade_out_ms:
        fades.append(vfx.CrossFadeOut(look.fade_out_ms / 1000))
    faded = clip.with_effects(fades) if fades else clip
    opaque = faded.with_opacity(look.opacity) if look.opacity < 1 else faded
    return opaque.with_start(float(layer.span.first_frame / fps))


def _pictures(layer: Layer, fps: float) -> Callable[[int], Image.Image]:
    """Return what makes the picture of a layer in its box, number by number, flipped and moved but not turned."""
    look, box = layer.look, layer.placement.box

    def finished(image: Image.Image, number: int) -> Image.Image:
        if look.chroma_key:
            image = colours.keyed(image, look.chroma_key)
        if look.correction:
            image = colours.corrected(image, look.correction)
        image = ImageOps.mirror(image) if look.flip_horizontal else image
        image = ImageOps.flip(image) if look.flip_vertical else image
        if look.motion:
            return _viewed(image, look.motion, number / max(layer.span.frames - 1, 1), (box.width, box.height))
        return image.resize((box.width, box.height), Image.Resampling.LANCZOS)

    if layer.source is None:
        colour = Image.new("RGBA", (box.width, box.height), ImageColor.getrgb(layer.colour or "#000000"))
        return lambda number: finished(colour, number)
    if not layer.moves:
        with Image.open(layer.source.file) as image:
            still = _in_box(ImageOps.exif_transpose(image).convert("RGBA"), layer)
        return lambda number: finished(still, number)
    codec = layer.source.probe.video_codec
    decoder = "libvpx-vp9" if layer.source.probe.has_alpha and codec == "vp9" else None
    frames = material.decoded(layer.source.file, decoder)
    quarter_turns = -layer.source.probe.rotation // 90
    return lambda number: finished(
        _in_box(Image.fromarray(np.rot90(_played(frames, layer, float(number / fps)), quarter_turns)), layer), number
    )


def _played(frames: Sequence[tuple[float, Pixels]], layer: Layer, at_s: float) -> Pixels:
    """Return the frame of a source that is shown at a time of its layer; the last one stays if it does not loop."""
    pass_s = layer.pass_ms / 1000
    within = at_s % pass_s if layer.loops else at_s
    wanted = layer.seek_ms / 1000 + within + 1e-3
    return [pixels for time_s, pixels in frames if time_s <= wanted or time_s == frames[0][0]][-1]


def _in_box(image: Image.Image, layer: Layer) -> Image.Image:
    """Return what is in a layer's box, in twice the detail."""
    place = layer.placement
    if place.cut:
        cut = place.cut
        image = image.crop((cut.x, cut.y, cut.x + cut.width, cut.y + cut.height))
    across, down = image.width / place.scaled[0], image.height / place.scaled[1]
    left, top = place.offset[0] * across, place.offset[1] * down
    part = (left, top, left + place.box.width * across, top + place.box.height * down)
    detail = 2 if layer.look.motion else 1
    size = place.box.width * detail, place.box.height * detail
    return image.resize(size, Image.Resampling.LANCZOS, box=part)


def _viewed(image: Image.Image, motion: Motion, done: float, size: tuple[int, int]) -> Image.Image:
    """Return the view of a picture when a share of its way is done."""
    scale = (motion.first_scale + (motion.last_scale - motion.first_scale) * done) * motion.enlarged
    x, y = (0.5 + way * (done - 0.5) for way in motion.pan)
    width, height = image.width / scale, image.height / scale
    left, top = x * image.width - width / 2, y * image.height - height / 2
    detailed = size[0] * 2, size[1] * 2
    across, down = width / detailed[0], height / detailed[1]
    moved = image.transform(detailed, Image.Transform.AFFINE, (across, 0, left, 0, down, top), Image.Resampling.BICUBIC)
    return moved.resize(size, Image.Resampling.BOX)


def _on_canvas(image: Image.Image, layer: Layer, at_s: float, canvas: tuple[int, int]) -> Pixels:
    """Return a canvas with a picture in its box, turned about its middle as far as it is at a time."""
    box, turn = layer.placement.box, layer.look.turn
    if turn is None:
        lying = Image.new("RGBA", canvas)
        lying.paste(image, (box.x, box.y))
        return np.asarray(lying)
    share = min(at_s * 1000 / turn.during_ms, 1) if turn.during_ms else 1
    angle = math.radians(turn.angle * share)
    sine, cosine = math.sin(angle), math.cos(angle)
    # The canvas's point (x, y) shows the picture's: turned back about the box's middle, then from the picture's corner.
    middle = box.x + box.width / 2, box.y + box.height / 2
    left = box.width / 2 - cosine * middle[0] - sine * middle[1] + 1
    top = box.height / 2 + sine * middle[0] - cosine * middle[1] + 1
    rimmed = ImageOps.expand(image, 1, (0, 0, 0, 0))
    coefficients = (cosine, sine, left, -sine, cosine, top)
    return np.asarray(rimmed.transform(canvas, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC))
