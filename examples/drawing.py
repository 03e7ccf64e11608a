"""A canvas for flat landscapes: filled polygons, and light; (0, 0) is the top left corner, (1, 1) the lower right."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

WIDTH_PX, HEIGHT_PX = 1600, 900
RATIO = WIDTH_PX / HEIGHT_PX
_FINER = 2  # shapes are drawn at twice the size and scaled down, for smooth edges
Point = tuple[float, float]
Outline = list[Point]
Floats = NDArray[np.float64]


class Picture:
    """A picture being painted, from the back to the front."""

    def __init__(self, *sky: str, seed: int) -> None:
        self.image = gradient(WIDTH_PX, HEIGHT_PX, *sky)
        self.random = np.random.default_rng(seed)

    def fill(self, outlines: Sequence[Outline], *colours: str, opacity: float = 1, soft: float = 0) -> None:
        """Fill polygons with a colour, or a gradient from their top to their bottom; `soft` blurs the edge."""
        margin_px = 3 * soft * HEIGHT_PX
        box = _box_px([point for outline in outlines for point in outline], margin_px)
        if box is None:
            return
        left, top, right, bottom = box
        mask = Image.new("L", ((right - left) * _FINER, (bottom - top) * _FINER))
        pen = ImageDraw.Draw(mask)
        for outline in outlines:
            pen.polygon([((x * WIDTH_PX - left) * _FINER, (y * HEIGHT_PX - top) * _FINER) for x, y in outline], 255)
        mask = mask.reduce(_FINER).point(lambda value: int(value * opacity))
        if soft:
            mask = mask.filter(ImageFilter.GaussianBlur(soft * HEIGHT_PX))
        self.image.paste(gradient(right - left, bottom - top, *colours), (left, top), mask)

    def shape(self, outline: Iterable[Point], *colours: str, opacity: float = 1) -> None:
        """Fill one polygon."""
        self.fill([list(outline)], *colours, opacity=opacity)

    def disc(self, x: float, y: float, radius: float, *colours: str, opacity: float = 1) -> None:
        """Fill a circle; its radius is in heights."""
        self.fill([oval(x, y, radius / RATIO, radius)], *colours, opacity=opacity)

    def glow(self, x: float, y: float, radius: float, colour: str, strength: float = 1) -> None:
        """Add light around a point."""
        box = _box_px([(x - radius * 2 / RATIO, y - radius * 2), (x + radius * 2 / RATIO, y + radius * 2)], 0)
        if box is None:
            return
        left, top, right, bottom = box
        across = np.arange(left, right)[None, :] / WIDTH_PX
        down = np.arange(top, bottom)[:, None] / HEIGHT_PX
        nearness = np.exp(-(((across - x) * RATIO) ** 2 + (down - y) ** 2) / radius**2)
        self.add(np.clip((nearness - 0.018) * strength, 0, 1), colour, left, top)

    def add(self, light: Floats, colour: str, left: int = 0, top: int = 0) -> None:
        """Add light of one colour at a place, by a map of its strength from 0 to 1."""
        noise = np.random.default_rng(1).uniform(-0.5, 0.5, light.shape)
        shine = _image(light[..., None] * np.asarray(ImageColor.getrgb(colour)[:3]) + noise[..., None])
        there = (left, top, left + light.shape[1], top + light.shape[0])
        self.image.paste(ImageChops.screen(self.image.crop(there), shine), there)

    def stars(self, count: int, lowest: float) -> None:
        """Scatter stars of different size and brightness above a height."""
        for faintness in (0.45, 0.7, 1.0):
            places = self.random.random((count // 3, 3))
            sizes = 0.0006 + 0.0014 * places[:, 2] ** 6
            dots = [oval(x, y * lowest, size / RATIO, size, 8) for (x, y, _), size in zip(places, sizes, strict=True)]
            self.fill(dots, "#fff8e6", opacity=faintness)

    def ridge(self, base: float, height: float, roughness: int = 5) -> Outline:
        """Return a rolling skyline, the outline of the ground from there to the lower edge."""
        across = np.linspace(0, 1, 200)
        waves = np.zeros_like(across)
        for number in range(1, roughness + 1):
            stretch, shift = self.random.uniform(0.5, 1), self.random.uniform(0, 6.3)
            waves += np.sin(across * np.pi * 2 * number * stretch + shift) / number**1.3
        return ground(across, base - height * waves)

    def firs(self, soil: Outline, count: int, size: float, *colours: str) -> None:
        """Plant firs along a skyline."""
        places = self.random.choice(len(soil) - 2, count) + 1
        sizes = size * self.random.uniform(0.6, 1.15, count)
        self.fill([fir(soil[at], height) for at, height in zip(places, sizes, strict=True)], *colours)

    def birds(self, x: float, y: float, count: int, colour: str) -> None:
        """Draw a loose flock along a slanting line."""
        for number in range(count):
            left = x + (number - count / 2) * 0.028 + self.random.normal(0, 0.008)
            top = y + 0.02 * np.sin(number * 2.1) + self.random.normal(0, 0.01)
            self.shape(bird(left, top, self.random.uniform(0.007, 0.011)), colour)


def gradient(width_px: int, height_px: int, *colours: str) -> Image.Image:
    """Return colours blended from top to bottom, with a little noise, which keeps bands from showing."""
    stops = np.array([ImageColor.getrgb(colour)[:3] for colour in colours], float)
    places = np.linspace(0, len(stops) - 1, height_px)
    column = np.stack([np.interp(places, range(len(stops)), stops[:, channel]) for channel in range(3)], axis=1)
    if len(colours) == 1:
        return _image(column[:, None, :]).resize((width_px, height_px))
    noise = np.random.default_rng(0).uniform(-0.7, 0.7, (height_px, width_px, 1))
    return _image(column[:, None, :] + noise)


def ground(across: Floats, heights: Floats) -> Outline:
    """Return the outline of everything below a line."""
    return [(0.0, 1.0), *zip(across.tolist(), heights.tolist(), strict=True), (1.0, 1.0)]


def oval(x: float, y: float, radius_x: float, radius_y: float, corners: int = 72) -> Outline:
    """Return an ellipse."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return [(x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)) for angle in angles]


def block(left: float, top: float, right: float, bottom: float) -> Outline:
    """Return a rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def bar(left: float, top: float, right: float, bottom: float) -> Outline:
    """Return a rectangle whose narrower ends are round."""
    radius = min((right - left) * RATIO, bottom - top) / 2
    circle = oval(0, 0, radius / RATIO, radius, 32)
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    reach_x, reach_y = (right - left) / 2 - radius / RATIO, (bottom - top) / 2 - radius
    return [(middle_x + np.copysign(reach_x, dx) + dx, middle_y + np.copysign(reach_y, dy) + dy) for dx, dy in circle]


def lens(x: float, y: float, length: float) -> Outline:
    """Return a flat glint, as on water."""
    return [(x - length, y), (x, y - 0.0022), (x + length, y), (x, y + 0.0022)]


def fir(foot: Point, size: float) -> Outline:
    """Return a fir in three storeys that stands at a point."""
    right = [(0.04, -0.08), (0.04, 0.1), (0.26, 0.1), (0.13, 0.38), (0.2, 0.38), (0.09, 0.66), (0.14, 0.66), (0.0, 1.0)]
    both = [*right, *((-dx, dy) for dx, dy in reversed(right[:-1]))]
    return [(foot[0] + dx * size / RATIO * 1.3, foot[1] - dy * size) for dx, dy in both]


def bird(x: float, y: float, span: float) -> Outline:
    """Return a bird far away: two wings."""
    wing = [(-1, -1), (-0.5, -1.35), (0, 0), (0.5, -1.35), (1, -1), (0.5, -0.75), (0, 0.6), (-0.5, -0.75)]
    return [(x + dx * span, y + dy * span) for dx, dy in wing]


def curve(start: Point, bend: Point, end: Point) -> Outline:
    """Return points along a quadratic Bézier curve."""
    times = np.linspace(0, 1, 40)
    weights = np.stack([(1 - times) ** 2, 2 * times * (1 - times), times**2], axis=1)
    return [(float(x), float(y)) for x, y in weights @ np.array([start, bend, end])]


def _box_px(points: Sequence[Point], margin_px: float) -> tuple[int, int, int, int] | None:
    """Return the part of the canvas that holds the points, or None when they all lie outside."""
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    left, top = max(int(low[0] * WIDTH_PX - margin_px), 0), max(int(low[1] * HEIGHT_PX - margin_px), 0)
    right = min(int(high[0] * WIDTH_PX + margin_px) + 2, WIDTH_PX)
    bottom = min(int(high[1] * HEIGHT_PX + margin_px) + 2, HEIGHT_PX)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _image(values: Floats) -> Image.Image:
    return Image.fromarray(np.clip(values.round(), 0, 255).astype(np.uint8))
