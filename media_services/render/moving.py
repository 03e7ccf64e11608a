"""Owns the streams of layers that change from frame to frame: footage, and pictures that fade, wander or turn."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from media_services.ffmpeg import SAFE_INPUT
from media_services.movie.settings import ChromaKey, Correction
from media_services.placing import Box, Size
from media_services.render.builder import ACCURATE, TO_BT709, Builder
from media_services.render.footage import footage
from media_services.render.stretches import Shown
from media_services.render.turning import turned_box, turned_size
from media_services.timeline import Layer, Look, Motion, Turn

_MOST_DETAIL = 2.0  # by what a picture that wanders is at most larger than its box, for it to be sharp when it is near
_KEY_SIMILARITY = 0.65  # the distance in chroma, of the largest there is, that a tolerance of 100 takes away
_KEY_BLEND = 0.04
_RIM_PX = 2  # of nothing, around what turns

Picture = Callable[[Layer, Size], Path]  # makes the one picture of a layer that is still but for its look


class Streams:
    """The streams of a graph's layers, each made once and dealt out to where parts of it are seen."""

    def __init__(self, builder: Builder, uses: Counter[int], make_picture: Picture) -> None:
        self._builder, self._uses, self._make_picture = builder, uses, make_picture
        self._labels: dict[int, list[str]] = {}

    def take(self, shown: Shown) -> str:
        """Return the label of a part of a layer, at its time in its stretch."""
        layer = shown.layer
        if id(layer) not in self._labels:
            self._labels[id(layer)] = self._made(layer)
        label = self._labels[id(layer)].pop()
        steps = []
        if shown.skip or shown.frames < layer.span.frames:
            steps += [f"trim=start_frame={shown.skip}:end_frame={shown.skip + shown.frames}", "setpts=PTS-STARTPTS"]
        if shown.first_frame:
            steps += [f"setpts=PTS+{shown.first_frame}/({self._builder.rate}*TB)"]
        return self._builder.chain(label, steps) if steps else label

    def box(self, layer: Layer) -> Box:
        """Return the rectangle a layer's stream covers, which is larger than its own where it turns."""
        return turned_box(layer.placement.box, layer.look.turn)

    def _made(self, layer: Layer) -> list[str]:
        """Add the whole stream of a layer, from time 0, and return as many labels of it as there are uses."""
        builder = self._builder
        size = _detailed(layer)
        source = self._footage(layer, size) if layer.moves else self._picture(layer, size)
        label = source
        for step in _effects(layer.look, layer, size, builder.rate, has_alpha=self._has_alpha(layer)):
            label = step(builder, label)
        count = self._uses[id(layer)]
        if count == 1:
            return [label]
        labels = [builder.label() for _ in range(count)]
        builder.chain(label, [f"split={count}"], "".join(labels))
        return labels[::-1]

    def _has_alpha(self, layer: Layer) -> bool:
        return layer.text is not None or (layer.source is not None and layer.source.probe.has_alpha)

    def _footage(self, layer: Layer, size: Size) -> str:
        """Add a moving source: its part at the film's rate, scaled and cut to a size, as long as the layer is seen."""
        assert layer.source is not None
        builder, place, probe = self._builder, layer.placement, layer.source.probe
        seconds = layer.span.frames / builder.fps + 1
        reading = footage(layer.source)
        number = builder.input(*SAFE_INPUT, *reading.options, *_playback(layer), "-an", file=layer.source.file)
        rate = f"fps={builder.rate}:start_time=0"
        larger = (size[0] / place.box.width, size[1] / place.box.height)
        scaled = tuple(
            max(side, round(whole * more / 2) * 2) for side, whole, more in zip(size, place.scaled, larger, strict=True)
        )
        scale = [f"scale={scaled[0]}:{scaled[1]}:flags=bicubic:{TO_BT709}"]
        if place.cut:
            scale.insert(0, f"crop={place.cut.width}:{place.cut.height}:{place.cut.x}:{place.cut.y}:exact=1")
        scale += reading.after
        steps = [f"trim=end={float(seconds):.6f}", *reading.before]
        steps += [*scale, rate] if probe.fps is not None and probe.fps < builder.fps else [rate, *scale]
        if scaled != size:
            offset = [
                min(round(part * more / 2) * 2, whole - side)
                for part, more, whole, side in zip(place.offset, larger, scaled, size, strict=True)
            ]
            steps += [f"crop={size[0]}:{size[1]}:{offset[0]}:{offset[1]}"]
        steps += ["setsar=1", f"format={'yuva420p' if probe.has_alpha else 'yuv420p'}"]
        steps += ["tpad=stop=-1:stop_mode=clone", f"trim=end_frame={layer.span.frames}"]
        return builder.chain(f"[{number}:v:0]", steps)

    def _picture(self, layer: Layer, size: Size) -> str:
        """Add one picture that is seen as long as the layer is; what its pixels need is done to it once."""
        builder = self._builder
        number = builder.input("-f", "nut", file=self._make_picture(layer, size))
        pixels = "yuva420p" if self._has_alpha(layer) else "yuv420p"
        return builder.chain(f"[{number}:v:0]", [f"scale={ACCURATE}:{TO_BT709}", f"format={pixels}", "setsar=1"])


def _detailed(layer: Layer) -> Size:
    """Return the even size a layer is made at: larger than its box where it comes nearer and has the detail."""
    box, motion = layer.placement.box, layer.look.motion
    if motion is None:
        return box.width, box.height
    natural = layer.source.probe.width / layer.placement.scaled[0] if layer.source and not layer.placement.cut else 1.0
    larger = max(1.0, min(motion.largest, natural, _MOST_DETAIL))
    return max(2, round(box.width * larger / 2) * 2), max(2, round(box.height * larger / 2) * 2)


def _playback(layer: Layer) -> list[str]:
    """Return the input options that play a source from its seek, over and over if it loops."""
    if layer.loops and layer.pass_ms < layer.span.duration_ms:
        return ["-stream_loop", "-1"]
    return ["-ss", f"{layer.seek_ms / 1000:.3f}"] if layer.seek_ms else []


Step = Callable[[Builder, str], str]


def _effects(look: Look, layer: Layer, size: Size, rate: str, *, has_alpha: bool) -> Iterator[Step]:
    """Yield what is to be done to a layer's stream, made at a size, in order."""
    frames, box = layer.span.frames, layer.placement.box
    if look.chroma_key:
        yield _keyed(look.chroma_key, has_alpha=has_alpha)
        has_alpha = True
    if look.correction:
        yield _corrected(look.correction, has_alpha=has_alpha)
    if look.flip_horizontal or look.flip_vertical:
        yield _filters(*["hflip"] * look.flip_horizontal, *["vflip"] * look.flip_vertical)
    if not layer.moves:
        yield _filters("loop=loop=-1:size=1", f"settb=1/({rate})", "setpts=N", f"trim=end_frame={frames}")
    if look.shows_through and not has_alpha:
        yield _filters("format=yuva420p")
    if look.motion:
        yield _filters(*_wandering(look.motion, size, (box.width, box.height), frames))
    if look.turn:
        yield _filters(*_turning(look.turn, (box.width, box.height)))
    if look.opacity < 1:
        yield _filters(f"lutyuv=a=val*{look.opacity:g}")
    if fades := list(_fades(look, layer)):
        yield _filters(*fades)


def _filters(*filters: str) -> Step:
    return lambda builder, label: builder.chain(label, filters)


def _corrected(correction: Correction, *, has_alpha: bool) -> Step:
    """Return the step that changes colours; the filter knows no transparency, which goes around it."""
    change = (
        f"eq=brightness={correction.brightness:g}:contrast={correction.contrast:g}"
        f":gamma={correction.gamma:g}:saturation={correction.saturation:g}"
    )
    if not has_alpha:
        return _filters(change)

    def step(builder: Builder, label: str) -> str:
        colours, mask = builder.label(), builder.label()
        builder.chain(label, ["split"], colours + mask)
        changed = builder.chain(colours, ["format=yuv420p", change])
        return builder.chain(changed + builder.chain(mask, ["alphaextract"]), ["alphamerge"])

    return step


def _keyed(key: ChromaKey, *, has_alpha: bool) -> Step:
    """Return the step that makes a colour transparent, told as it is in BT.709; what was transparent stays so."""
    red, green, blue = (int(key.color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    coded = (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748)
    colour = "".join(f"{round(part):02x}" for part in coded)
    similarity = max(key.tolerance / 100 * _KEY_SIMILARITY, 0.00001)
    keyed = f"format=yuva420p,chromakey=color=0x{colour}:yuv=1:similarity={similarity:.5f}:blend={_KEY_BLEND}"
    if not has_alpha:
        return _filters(keyed)

    def step(builder: Builder, label: str) -> str:
        picture, own, colours, key_mask = (builder.label() for _ in range(4))
        builder.chain(label, ["split"], picture + own)
        builder.chain(picture, [keyed, "split"], colours + key_mask)
        masks = (builder.chain(mask, ["alphaextract"]) for mask in (own, key_mask))
        return builder.chain(colours + builder.chain("".join(masks), ["blend=all_mode=multiply"]), ["alphamerge"])

    return step


def _wandering(motion: Motion, size: Size, out: Size, frames: int) -> Iterator[str]:
    """Yield the filters that let a view wander: a perspective whose corners are those of the view, in parts of a pixel.

    A view that may leave the picture sees nothing there: the picture gets a transparent rim first.
    """
    rim = 0.0 if motion.stays else max(map(abs, motion.pan)) / 2
    if rim:
        wide, high = (round(side * (1 + 2 * rim) / 2) * 2 for side in size)
        yield f"pad={wide}:{high}:(ow-iw)/2:(oh-ih)/2:color=black@0"
    done = f"((on-1)/{max(frames - 1, 1)})"
    change = motion.last_scale - motion.first_scale
    share = f"(1/(({motion.first_scale:.6f}+{change:.6f}*{done})*{motion.enlarged:.6f}*{1 + 2 * rim:.6f}))"
    middle = [f"(0.5+{way / (1 + 2 * rim):.6f}*({done}-0.5))" for way in motion.pan]
    left, right = (f"W*({middle[0]}{sign}{share}/2)" for sign in "-+")
    top, bottom = (f"H*({middle[1]}{sign}{share}/2)" for sign in "-+")
    corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
    places = ":".join(f"x{number}='{x}':y{number}='{y}'" for number, (x, y) in enumerate(corners))
    yield f"perspective=interpolation=linear:eval=frame:{places}"
    if size != out or rim:
        yield f"scale={out[0]}:{out[1]}:flags=bicubic"
        yield "setsar=1"  # what was made for detail is not exactly of the box's ratio


def _turning(turn: Turn, size: Size) -> Iterator[str]:
    """Yield the filters that turn a picture with smooth edges: those mix with a rim of nothing, so alpha must be in."""
    angle = f"{math.radians(turn.angle):.6f}"
    if turn.during_ms:
        angle += f"*min(t/{turn.during_ms / 1000:.3f},1)"
    width, height = turned_size(size, turn)
    yield from ("scale=in_color_matrix=bt709:in_range=tv", "format=gbrap", "premultiply=inplace=1")
    yield f"pad=iw+{2 * _RIM_PX}:ih+{2 * _RIM_PX}:{_RIM_PX}:{_RIM_PX}:color=black@0"
    yield f"rotate=a='{angle}':ow={width}:oh={height}:c=black@0"
    yield from ("unpremultiply=inplace=1", f"scale={TO_BT709}", "format=yuva420p")


def _fades(look: Look, layer: Layer) -> Iterator[str]:
    frames, duration_ms = layer.span.frames, max(layer.span.duration_ms, 1)
    for way, length_ms in (("in", look.fade_in_ms), ("out", look.fade_out_ms)):
        length = min(max(round(length_ms * frames / duration_ms), 1), frames)
        if length_ms:
            yield f"fade=t={way}:start_frame={0 if way == 'in' else frames - length}:nb_frames={length}:alpha=1"
