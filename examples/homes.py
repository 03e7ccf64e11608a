"""Pictures of four homes from outside."""

from itertools import pairwise

import numpy as np
from drawing import HEIGHT_PX, WIDTH_PX, Picture, block, curve, ground, lens, oval
from landscapes import curtain, peak, streak
from PIL import Image


def villa() -> Image.Image:
    """Paint a modern house with a pool, lit from within, in the evening."""
    picture = Picture("#26356b", "#5b5a9c", "#c9829c", "#ffb68a", "#ffdcae", seed=4)
    picture.stars(90, 0.28)
    picture.glow(0.82, 0.58, 0.6, "#ffb27a", 0.6)
    for x, y, length in ((0.2, 0.2, 0.24), (0.78, 0.26, 0.2), (0.55, 0.14, 0.14)):
        streak(picture, x, y, length, "#ffcbb8")
    picture.shape(picture.ridge(0.56, 0.03), "#8c6a98", "#6f5688")
    picture.shape(picture.ridge(0.61, 0.02), "#5a4a7d", "#40376a")
    for x, foot, size in ((0.06, 0.68, 0.3), (0.15, 0.68, 0.2), (0.95, 0.68, 0.34), (0.86, 0.67, 0.2)):
        tree(picture, x, foot, size, "#2f3d63", "#3f4c74")
    lawn = ground(np.linspace(0, 1, 60), np.full(60, 0.665))
    picture.shape(lawn, "#4f6b58", "#33513f", "#1f3a31")
    picture.shape(block(0.2, 0.44, 0.62, 0.67), "#e9e2e4", "#c9bfcb")
    glazing(picture, (0.225, 0.47, 0.595, 0.665), 5, "#ffe2a6", "#ffc067")
    picture.shape(block(0.18, 0.415, 0.66, 0.445), "#fffaf6", "#ddd3da")
    picture.shape(block(0.42, 0.24, 0.8, 0.42), "#f6efef", "#d8ccd4")
    glazing(picture, (0.45, 0.275, 0.66, 0.405), 3, "#fff0c4", "#ffcf83")
    picture.shape(block(0.7, 0.275, 0.775, 0.405), "#a8744f", "#8a5a3f")
    picture.shape(block(0.4, 0.215, 0.82, 0.243), "#ffffff", "#e2d8de")
    picture.shape(block(0.62, 0.445, 0.8, 0.668), "#b98560", "#8d5e43")
    picture.fill(
        [block(0.62 + n * 0.0164, 0.445, 0.6215 + n * 0.0164, 0.668) for n in range(11)], "#6f4732", opacity=0.5
    )
    picture.shape(block(0.685, 0.5, 0.74, 0.668), "#40302f", "#2c2124")
    picture.glow(0.712, 0.49, 0.05, "#ffd694", 0.8)
    picture.shape([(0.08, 0.7), (0.9, 0.7), (0.97, 0.75), (0.02, 0.75)], "#d9cfd0", "#bfb3b8")
    picture.shape([(0.16, 0.775), (0.8, 0.775), (0.92, 0.97), (0.04, 0.97)], "#e6dcd9", "#c8bcbe")
    picture.shape([(0.18, 0.79), (0.785, 0.79), (0.885, 0.95), (0.075, 0.95)], "#4ac3cf", "#2598b8", "#166f9c")
    for light in ("#fff0cf", "#8ff0f0"):
        places = picture.random.random((26, 2))
        picture.fill([lens(0.15 + 0.64 * x, 0.805 + y * 0.13, 0.02 + 0.03 * y) for x, y in places], light, opacity=0.42)
    picture.glow(0.41, 0.58, 0.34, "#ffb765", 0.38)
    picture.glow(0.45, 0.86, 0.22, "#7ef0ff", 0.3)
    for x in (0.12, 0.9):
        shrub(picture, x, 0.73, 0.05, "#2b4a3c", "#1d3630")
    picture.birds(0.3, 0.16, 5, "#33305e")
    return picture.image


def terrace() -> Image.Image:
    """Paint a terrace with a pool that ends at the sea, by day."""
    picture = Picture("#3fa2dc", "#83cbf0", "#c9ebf6", "#fff2d8", seed=17)
    horizon = 0.5
    picture.glow(0.76, 0.2, 0.5, "#fff5d0", 0.7)
    picture.disc(0.76, 0.2, 0.055, "#fffef6")
    far = [(0.0, horizon), (0.0, 0.44), (0.08, 0.42), (0.17, 0.45), (0.25, 0.43), (0.36, horizon)]
    picture.shape(far, "#8fb8c8", "#aacfd6")
    picture.shape(block(0, horizon, 1, 0.66), "#4fb6d2", "#2b90bb", "#1d78a8")
    places = picture.random.random((46, 2))
    glints = [lens(0.76 + (x - 0.5) * (0.1 + y * 0.4), horizon + 0.006 + y * 0.1, 0.004 + y * 0.02) for x, y in places]
    picture.fill(glints, "#ffffff", opacity=0.6)
    picture.shape([(0.3, 0.62), (1.0, 0.62), (1.0, 0.86), (0.42, 0.86)], "#7fe3e6", "#35bccd", "#1b97b8")
    ripples = [lens(0.5 + x * 0.48, 0.65 + y * 0.19, 0.012 + 0.02 * y) for x, y in picture.random.random((30, 2))]
    picture.fill(ripples, "#e3ffff", opacity=0.45)
    picture.shape([(0.3, 0.612), (1.0, 0.612), (1.0, 0.626), (0.3, 0.626)], "#fffaf0", "#e6dcc8")
    picture.shape([(0, 0.612), (0.3, 0.612), (0.42, 0.86), (1, 0.86), (1, 1), (0, 1)], "#f6e7cd", "#e6cfa9", "#cfb187")
    for n in range(1, 7):
        y = 0.612 + 0.388 * (n / 7) ** 1.5
        picture.shape(
            block(0, y, min(0.3 + (y - 0.612) * 0.484, 1.0 if y > 0.86 else 0.5), y + 0.003), "#b99a70", opacity=0.45
        )
    for x, y in ((0.08, 0.76), (0.24, 0.84)):
        lounger(picture, x, y)
    parasol(picture, 0.19, 0.86, 0.46)
    palm(picture, 0.93, 0.9, 0.62)
    for x, size in ((0.84, 0.05), (0.985, 0.06)):
        shrub(picture, x, 0.93, size, "#3f9a68", "#1f6a4c")
    picture.birds(0.5, 0.2, 5, "#3b7899")
    return picture.image


def cabin() -> Image.Image:
    """Paint a cabin in the snow under northern lights."""
    picture = Picture("#071028", "#0d2344", "#174266", "#2b6c86", seed=29)
    picture.stars(300, 0.5)
    for base, reach, strength, colour in ((0.36, 0.32, 0.8, "#3dffa0"), (0.26, 0.3, 0.5, "#9a78ff")):
        picture.add(curtain(picture.random, base, reach) * strength, colour)
    for x, top, spread in ((0.2, 0.4, 0.34), (0.85, 0.36, 0.36), (0.55, 0.47, 0.26)):
        peak(picture, x, top, spread, "#8fb9cf", "#41698d", "#21456a")
    soil = picture.ridge(0.73, 0.012, 3)
    picture.firs(soil, 70, 0.2, "#123247", "#0c2236")
    picture.shape(soil, "#dcebf0", "#a9c7d8", "#7ba4c0")
    picture.shape([(0.325, 0.84), (0.5, 0.29), (0.675, 0.84)], "#7c4a30", "#5a3324")
    picture.shape([(0.395, 0.84), (0.5, 0.44), (0.605, 0.84)], "#ffe0a0", "#ffb95c")
    for line in (block(0.496, 0.42, 0.504, 0.84), block(0.44, 0.655, 0.56, 0.667), block(0.397, 0.835, 0.604, 0.846)):
        picture.shape(line, "#4a291d")
    picture.shape(block(0.515, 0.69, 0.558, 0.84), "#6f3f2a", "#4a291d")
    for side in (-1, 1):
        roof = [(0.5, 0.235), (0.5 + side * 0.215, 0.845), (0.5 + side * 0.175, 0.845), (0.5, 0.315)]
        picture.shape(roof, "#f6fbfd", "#c4dae6")
        under = [(0.5, 0.315), (0.5 + side * 0.175, 0.845), (0.5 + side * 0.163, 0.845), (0.5, 0.345)]
        picture.shape(under, "#3a2018", "#2a1712")
    picture.shape(block(0.575, 0.33, 0.605, 0.48), "#5c4a4a", "#453738")
    for n in range(4):
        smoke = oval(0.592 + 0.012 * n, 0.3 - 0.045 * n, 0.012 + 0.006 * n, 0.02 + 0.008 * n)
        picture.fill([smoke], "#c9dbe6", opacity=0.32 - 0.06 * n, soft=0.012)
    near = picture.ridge(0.86, 0.014, 3)
    picture.shape(near, "#eef6f8", "#b4cfde")
    picture.shape([(0.515, 0.84), (0.56, 0.84), (0.66, 1.0), (0.46, 1.0)], "#ffdf9f", "#9ab8cc", opacity=0.55)
    picture.glow(0.5, 0.74, 0.3, "#ffb55a", 0.5)
    for x, foot, size in (
        (0.1, 0.9, 0.42),
        (0.19, 0.88, 0.3),
        (0.85, 0.9, 0.46),
        (0.93, 0.89, 0.32),
        (0.77, 0.87, 0.24),
    ):
        snowy_fir(picture, x, foot, size)
    return picture.image


def townhouse() -> Image.Image:
    """Paint a row of old town houses in spring, one of them in coral."""
    picture = Picture("#58b4e4", "#9bd6f0", "#dff2f5", "#fff1dc", seed=41)
    picture.glow(0.16, 0.12, 0.5, "#fff4cf", 0.6)
    rows = (
        (-0.02, 0.16, 0.3, "#e7c98f", "#cda866"), (0.16, 0.34, 0.24, "#8fb6a8", "#6b9688"),
        (0.34, 0.64, 0.17, "#f0806c", "#d65e50"), (0.64, 0.82, 0.27, "#efe4d2", "#d4c3a8"),
        (0.82, 1.02, 0.22, "#7f9ac4", "#5f7aa8"),
    )  # fmt: skip
    for left, right, top, light, shade in rows:
        facade(picture, left, right, top, light, shade)
    picture.shape(block(0, 0.82, 1, 0.9), "#d9cfc2", "#bfb3a4")
    picture.shape(block(0, 0.9, 1, 1), "#7b7f8a", "#5c606c")
    picture.fill([block(0.02 + 0.14 * n, 0.945, 0.1 + 0.14 * n, 0.954) for n in range(7)], "#f4efe0", opacity=0.8)
    for x, size in ((0.1, 0.46), (0.9, 0.5)):
        tree(picture, x, 0.86, size, "#ee9db5", "#f9c9d6")
        petals = picture.random.normal((x, 0.875), (0.05, 0.012), (40, 2))
        picture.fill([oval(px, py, 0.002, 0.0025, 8) for px, py in petals], "#f6b6c8", opacity=0.9)
    return picture.image


def facade(picture: Picture, left: float, right: float, top: float, light: str, shade: str) -> None:
    """Draw a house of a row: roof, cornice, three storeys of windows, a door."""
    wide = right - left
    picture.shape([(left, top), (left + wide * 0.12, top - 0.09), (right - wide * 0.12, top - 0.09), (right, top)],
                  "#6d4a4c", "#54383d")  # fmt: skip
    picture.shape(block(left, top, right, 0.83), light, shade)
    picture.shape(block(left - 0.004, top - 0.008, right + 0.004, top + 0.016), "#fff8ec", "#e2d6c4")
    picture.shape(block(right - 0.012, top + 0.016, right, 0.83), "#000000", opacity=0.12)
    columns = max(2, round(wide / 0.085))
    storeys = np.linspace(top + 0.05, 0.66, 3 if top > 0.2 else 4)[: 3 if top > 0.2 else 4]
    door = columns // 2
    for row, upper in enumerate(storeys):
        for column in range(columns):
            middle = left + wide * (column + 0.5) / columns
            if row == len(storeys) - 1 and column == door:
                picture.shape(block(middle - 0.026, 0.63, middle + 0.026, 0.83), "#fff6e6", "#e5d8c2")
                picture.shape(block(middle - 0.02, 0.65, middle + 0.02, 0.83), "#3c5a63", "#27424c")
                picture.disc(middle + 0.012, 0.75, 0.006, "#f1c76b")
                picture.shape(block(middle - 0.036, 0.818, middle + 0.036, 0.834), "#efe6d8", "#cfc3b2")
            else:
                sash(picture, middle, upper, 0.024, min(0.115, (0.8 - upper) * 0.9))


def sash(picture: Picture, x: float, top: float, half: float, height: float) -> None:
    """Draw a sash window with a box of flowers."""
    picture.shape(block(x - half, top, x + half, top + height), "#fffaf0", "#eadfcc")
    picture.shape(
        block(x - half + 0.005, top + 0.008, x + half - 0.005, top + height - 0.008), "#7fb4d0", "#b9dcea", "#547f9c"
    )
    low, high = (x - half + 0.007, top + height * 0.7), (x + half - 0.01, top + 0.01)
    shine = [low, high, (x + half - 0.005, top + 0.01), (x - half + 0.007, top + height * 0.86)]
    picture.shape(shine, "#ffffff", opacity=0.35)
    picture.shape(block(x - 0.0015, top, x + 0.0015, top + height), "#fffaf0")
    picture.shape(block(x - half, top + height * 0.48, x + half, top + height * 0.52), "#fffaf0")
    picture.shape(block(x - half - 0.004, top + height, x + half + 0.004, top + height + 0.012), "#8b5d42", "#6e4733")
    for colour in ("#4f8a5a", "#ff5f7e", "#ffd166"):
        blooms = picture.random.uniform((x - half, top + height - 0.012), (x + half, top + height + 0.004), (9, 2))
        picture.fill([oval(px, py, 0.003, 0.0055, 10) for px, py in blooms], colour)


def glazing(picture: Picture, box: tuple[float, float, float, float], panes: int, *light: str) -> None:
    """Draw a wall of glass in a box, left, top, right and bottom, lit from within."""
    left, top, right, bottom = box
    picture.shape(block(*box), *light)
    wide, high = right - left, bottom - top
    for n in range(panes):
        middle = left + wide * (n + 0.5) / panes
        picture.shape(block(middle - wide / panes * 0.3, bottom - high * (0.2 + 0.1 * (n % 2)),
                            middle + wide / panes * 0.2, bottom), "#a86a3c", opacity=0.55)  # fmt: skip
        picture.glow(middle, top + high * 0.28, 0.035, "#fff6d6", 0.8)
    lines = [
        block(left + wide * n / panes - 0.0018, top, left + wide * n / panes + 0.0018, bottom) for n in range(panes + 1)
    ]
    picture.fill(lines, "#3c3440")
    for n in range(panes):
        x = left + wide * n / panes
        shine = [
            (x, bottom),
            (x + wide / panes * 0.5, top),
            (x + wide / panes * 0.7, top),
            (x + wide / panes * 0.2, bottom),
        ]
        picture.shape(shine, "#ffffff", opacity=0.1)


def tree(picture: Picture, x: float, foot: float, size: float, shade: str, light: str) -> None:
    """Draw a round tree that stands at a point."""
    picture.shape([(x - size * 0.02, foot), (x - size * 0.01, foot - size * 0.5), (x + size * 0.01, foot - size * 0.5),
                   (x + size * 0.02, foot)], "#4f3a3f")  # fmt: skip
    for colour, shift, share in ((shade, 0.0, 1.0), (light, -0.03, 0.72)):
        crowns = [
            oval(x + (dx + shift) * size, foot - size * (0.62 + dy), radius * share * size, radius * share * size * 1.6)
            for dx, dy, radius in (
                (0, 0, 0.17),
                (-0.12, -0.07, 0.12),
                (0.12, -0.06, 0.12),
                (-0.04, 0.14, 0.13),
                (0.07, 0.12, 0.12),
            )
        ]
        picture.fill(crowns, colour)


def shrub(picture: Picture, x: float, foot: float, size: float, light: str, shade: str) -> None:
    """Draw a low, round bush."""
    puffs = [
        oval(x + dx * size, foot - size * 0.3, size * 0.5, size * h) for dx, h in ((-0.6, 0.8), (0, 1.2), (0.6, 0.9))
    ]
    picture.fill(puffs, light, shade)


def snowy_fir(picture: Picture, x: float, foot: float, size: float) -> None:
    """Draw a fir with snow on its branches."""
    for storey in range(4):
        top, half = foot - size * (1 - storey * 0.21), size * (0.09 + 0.045 * storey) * HEIGHT_PX / WIDTH_PX * 1.3
        low = top + size * 0.36
        picture.shape([(x, top), (x + half, low), (x - half, low)], "#1c4a52", "#0e2c3a")
        snow = [(x, top), (x + half * 0.62, top + (low - top) * 0.62), (x + half * 0.2, top + (low - top) * 0.5),
                (x - half * 0.1, top + (low - top) * 0.72), (x - half * 0.62, top + (low - top) * 0.62)]  # fmt: skip
        picture.shape(snow, "#f4fafc", "#c8dfe8")


def lounger(picture: Picture, x: float, y: float) -> None:
    """Draw a deck chair with a cushion."""
    picture.fill([oval(x + 0.06, y + 0.055, 0.085, 0.012)], "#8d6f4a", opacity=0.4, soft=0.004)
    for leg in (0.0, 0.1):
        picture.shape(block(x + leg, y, x + leg + 0.006, y + 0.055), "#8a5a38")
    picture.shape([(x - 0.012, y), (x + 0.12, y), (x + 0.125, y + 0.016), (x - 0.012, y + 0.016)], "#b87b4e", "#94603c")
    picture.shape([(x - 0.01, y - 0.02), (x + 0.12, y - 0.02), (x + 0.12, y), (x - 0.01, y)], "#ffffff", "#dfe7ea")
    picture.shape(
        [(x - 0.01, y - 0.016), (x - 0.062, y - 0.09), (x - 0.046, y - 0.108), (x + 0.012, y - 0.018)],
        "#ffffff",
        "#e3eaec",
    )
    picture.shape(
        [(x - 0.056, y - 0.083), (x - 0.042, y - 0.104), (x - 0.024, y - 0.076), (x - 0.036, y - 0.056)], "#ff8f70"
    )


def parasol(picture: Picture, x: float, foot: float, size: float) -> None:
    """Draw a striped parasol."""
    picture.shape(block(x - 0.003, foot - size, x + 0.003, foot), "#8a6a4a")
    top, low, half = foot - size, foot - size * 0.72, size * 0.36
    edges = np.linspace(-half, half, 9)
    for n, (begin, end) in enumerate(pairwise(edges)):
        colour = ("#ff7d66", "#e25f50") if n % 2 else ("#fff8ec", "#eadcc6")
        sag = low - 0.02 * (1 - abs((begin + end) / 2 / half))
        left = curve((x, top), (x + begin * 0.75, top + 0.02), (x + begin, low))
        right = curve((x, top), (x + end * 0.75, top + 0.02), (x + end, low))
        picture.shape([*left, (x + (begin + end) / 2, sag + 0.03), *reversed(right)], *colour)
    picture.disc(x, top, 0.009, "#8a6a4a")


def palm(picture: Picture, x: float, foot: float, size: float) -> None:
    """Draw a palm whose trunk bends to the left."""
    crown = (x - size * 0.09, foot - size)
    left = curve((x - 0.014, foot), (x + 0.012, foot - size * 0.5), (crown[0] - 0.006, crown[1]))
    right = curve((x + 0.014, foot), (x + 0.03, foot - size * 0.5), (crown[0] + 0.006, crown[1]))
    picture.shape([*left, *reversed(right)], "#a67c52", "#7a5638")
    for n, angle in enumerate(np.linspace(-2.9, -0.25, 9)):
        reach = size * (0.3 + 0.05 * (n % 3))
        tip = (crown[0] + np.cos(angle) * reach * 0.62, crown[1] + np.sin(angle) * reach * 0.5 + size * 0.16)
        bend = (crown[0] + np.cos(angle) * reach * 0.45, crown[1] + np.sin(angle) * reach * 0.9)
        upper = curve(crown, bend, tip)
        lower = curve(crown, (bend[0], bend[1] + size * 0.075), tip)
        picture.shape([*upper, *reversed(lower)], *(("#3fa46c", "#1f6f4c") if n % 2 else ("#2f8a5b", "#185c40")))
