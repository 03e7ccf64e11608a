"""Owns the streams of layers that change from frame to frame: footage, and pictures that fade, wander or turn."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from media_services.movie.settings import ChromaKey, Correction
from media_services.opening import OWN_INPUT, SAFE_INPUT
from media_services.placing import Box, Placement, Size
from media_services.render.builder import ACCURATE, TAGGED_BT709, TO_BT709, Builder
from media_services.render.footage import Footage, footage
from media_services.render.playing import Piece, pieces_of
from media_services.render.segments import Segment
from media_services.render.stretches import Shown
from media_services.render.turning import turned_box, turned_size
from media_services.timeline import Layer, Motion, Turn

_MOST_DETAIL = 2.0  # by what a picture that wanders is at most larger than its box, for it to be sharp when it is near
_MOST_PX = 8190  # the sides that MPEG-4 can have
_KEY_SIMILARITY = 0.65  # the distance in chroma, of the largest there is, that a tolerance of 100 takes away
_KEY_BLEND = 0.04
_RIM_PX = 2  # of nothing, around what turns

Picture = Callable[[Layer, Size], Path]  # makes the one picture of a layer that is still but for its look


class Streams:
    """The streams of a graph's layers, each made once and dealt out to where parts of it are seen."""

    def __init__(self, builder: Builder, frames: int, uses: Counter[int], make_picture: Picture) -> None:
        self._builder, self._frames, self._uses, self._make_picture = builder, frames, uses, make_picture
        self._labels: dict[int, list[str]] = {}

    def take(self, shown: Shown) -> str:
        """Return the label of a part of a layer, at its time in its stretch."""
        layer = shown.layer
        if id(layer) not in self._labels:
            self._labels[id(layer)] = self._made(layer)
        label = self._labels[id(layer)].pop()
        window = self._window(layer)
        skip = shown.skip - window.first_frame
        steps = []
        if skip or shown.frames < window.frames:
            steps += [f"trim=start_frame={skip}:end_frame={skip + shown.frames}", "setpts=PTS-STARTPTS"]
        if shown.first_frame:
            steps += [f"setpts=PTS+{self._ticks(shown.first_frame)}"]
        return self._builder.chain(label, steps) if steps else label

    def box(self, layer: Layer) -> Box:
        """Return the rectangle a layer's stream covers, which is larger than its own where it turns."""
        return turned_box(layer.placement.box, layer.look.turn)

    def _window(self, layer: Layer) -> Segment:
        """Return which frames of a layer are made: those that are in the film."""
        span = layer.span
        return Segment(max(0, -span.first_frame), min(span.frames, self._frames - span.first_frame))

    def _ticks(self, frames: int) -> str:
        """Return how long frames last, in the unit of timestamps, in FFmpeg's words."""
        return f"{frames}/({self._builder.rate}*TB)"

    def _made(self, layer: Layer) -> list[str]:
        """Add the stream of a layer's window, from time 0, and return as many labels of it as there are uses.

        While it is made its timestamps are the layer's own, so that all that changes in time goes on where it was.
        """
        builder, window = self._builder, self._window(layer)
        size = detailed_size(layer)
        label = self._footage(layer, size, window) if layer.moves else self._picture(layer, size)
        changes = layer.look.changes and window.first_frame > 0
        for step in _effects(layer, size, window, builder, has_alpha=self._has_alpha(layer)):
            label = step(builder, label)
        count = self._uses[id(layer)]
        back = [f"setpts=PTS-{self._ticks(window.first_frame)}"] if changes else []
        if count == 1:
            return [builder.chain(label, back) if back else label]
        labels = [builder.label() for _ in range(count)]
        builder.chain(label, [*back, f"split={count}"], "".join(labels))
        return labels[::-1]

    def _has_alpha(self, layer: Layer) -> bool:
        return layer.text is not None or (layer.source is not None and layer.source.probe.has_alpha)

    def _footage(self, layer: Layer, size: Size, window: Segment) -> str:
        """Add a moving source: its part at the film's rate, scaled and cut to a size, as long as the window."""
        played = pieces_of(layer, window.first_frame, window.end_frame, self._builder.fps)
        pieces = [self._piece(layer, size, piece) for piece in played]
        if len(pieces) == 1:
            return pieces[0]
        joined = [f"concat=n={len(pieces)}", f"settb={self._builder.time_base}", "setpts=N"]
        return self._builder.chain("".join(pieces), joined)

    def _piece(self, layer: Layer, size: Size, piece: Piece) -> str:
        """Add a part of one pass through a source, or of a pass played over and over."""
        assert layer.source is not None
        builder, place, probe = self._builder, layer.placement, layer.source.probe
        reading = Footage(before=(TAGGED_BT709,)) if layer.prepared else footage(layer.source)
        number = builder.input(*SAFE_INPUT, *reading.options, *piece.options, "-an", file=layer.source.file)
        rate = f"fps={builder.rate}:start_time=0"
        steps = [*reading.before, *piece.filters]
        scale = [] if layer.prepared else scaled(place, size, reading.after)
        slow = probe.fps is not None and probe.fps < builder.fps and not piece.is_cut
        steps += [*scale, rate] if slow else [rate, *scale]
        steps += ["setsar=1", f"format={'yuva420p' if probe.has_alpha else 'yuv420p'}"]
        steps += ["tpad=stop=-1:stop_mode=clone", f"trim=end_frame={piece.frames}"]
        return builder.chain(f"[{number}:v:0]", steps)

    def _picture(self, layer: Layer, size: Size) -> str:
        """Add one picture that is seen as long as the layer is; what its pixels need is done to it once."""
        builder = self._builder
        number = builder.input(*OWN_INPUT, "-f", "nut", file=self._make_picture(layer, size))
        pixels = "yuva420p" if self._has_alpha(layer) else "yuv420p"
        return builder.chain(f"[{number}:v:0]", [f"scale={ACCURATE}:{TO_BT709}", f"format={pixels}", "setsar=1"])


def detailed_size(layer: Layer) -> Size:
    """Return the even size a layer is made at: larger than its box where it comes nearer and has the detail."""
    box, motion = layer.placement.box, layer.look.motion
    if layer.prepared and layer.source:
        return layer.source.probe.width, layer.source.probe.height
    if motion is None:
        return box.width, box.height
    natural = layer.source.probe.width / layer.placement.scaled[0] if layer.source and not layer.placement.cut else 1.0
    larger = max(1.0, min(motion.largest, natural, _MOST_DETAIL))
    width, height = (min(max(2, round(side * larger / 2) * 2), _MOST_PX) for side in (box.width, box.height))
    return width, height


def scaled(place: Placement, size: Size, after: Iterable[str]) -> list[str]:
    """Return the filters that bring footage to its place's cut, at a size that may be larger than its box."""
    larger = (size[0] / place.box.width, size[1] / place.box.height)
    whole = tuple(
        max(side, round(whole * more / 2) * 2) for side, whole, more in zip(size, place.scaled, larger, strict=True)
    )
    steps = [f"scale={whole[0]}:{whole[1]}:flags=bicubic:{TO_BT709}", *after]
    if place.cut:
        steps.insert(0, f"crop={place.cut.width}:{place.cut.height}:{place.cut.x}:{place.cut.y}:exact=1")
    if whole != size:
        offset = [
            min(round(part * more / 2) * 2, all_of_it - side)
            for part, more, all_of_it, side in zip(place.offset, larger, whole, size, strict=True)
        ]
        steps += [f"crop={size[0]}:{size[1]}:{offset[0]}:{offset[1]}"]
    return steps


Step = Callable[[Builder, str], str]


def _effects(layer: Layer, size: Size, window: Segment, builder: Builder, *, has_alpha: bool) -> Iterator[Step]:
    """Yield what is to be done to a layer's stream, made at a size, in order."""
    look, box = layer.look, layer.placement.box
    if look.chroma_key:
        yield _keyed(look.chroma_key, has_alpha=has_alpha)
        has_alpha = True
    if look.correction:
        yield _corrected(look.correction, has_alpha=has_alpha)
    if look.flip_horizontal or look.flip_vertical:
        yield _filters(*["hflip"] * look.flip_horizontal, *["vflip"] * look.flip_vertical)
    if not layer.moves:
        steps = ["loop=loop=-1:size=1", f"settb={builder.time_base}", "setpts=N", f"trim=end_frame={window.frames}"]
        yield _filters(*steps)
    if look.changes and window.first_frame:
        yield _filters(f"setpts=PTS+{window.first_frame}/({builder.rate}*TB)")
    if look.shows_through and not has_alpha:
        yield _filters("format=yuva420p")
    if look.motion:
        yield _filters(*_wandering(look.motion, size, (box.width, box.height), layer.span.frames, window.first_frame))
    if look.turn:
        yield _filters(*_turning(look.turn, (box.width, box.height)))
    if look.opacity < 1:
        yield _filters(f"lutyuv=a=val*{look.opacity:g}")
    if fades := list(_fades(layer, builder.fps)):
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


def _wandering(motion: Motion, size: Size, out: Size, frames: int, gone: int) -> Iterator[str]:
    """Yield the filters that let a view wander: a perspective whose corners are those of the view, in parts of a pixel.

    Of all its frames so many are `gone` before the first.
    A view that may leave the picture sees nothing there: the picture gets a transparent rim first.
    """
    rim = 0.0 if motion.stays else max(map(abs, motion.pan)) / 2
    if rim:
        wide, high = (round(side * (1 + 2 * rim) / 2) * 2 for side in size)
        yield f"pad={wide}:{high}:(ow-iw)/2:(oh-ih)/2:color=black@0"
    done = f"((on+{gone - 1})/{max(frames - 1, 1)})"
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


def _fades(layer: Layer, fps: Fraction) -> Iterator[str]:
    """Yield the filters that fade a layer, whose timestamps are its own."""
    look, frames, duration_ms = layer.look, layer.span.frames, max(layer.span.duration_ms, 1)
    for way, length_ms in (("in", look.fade_in_ms), ("out", look.fade_out_ms)):
        length = min(max(round(length_ms * frames / duration_ms), 1), frames)
        if length_ms:
            start = 0 if way == "in" else frames - length
            yield f"fade=t={way}:start_time={float(start / fps):.6f}:duration={float(length / fps):.6f}:alpha=1"
