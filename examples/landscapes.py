"""The five example pictures."""

from itertools import pairwise

import numpy as np
from drawing import HEIGHT_PX, WIDTH_PX, Floats, Outline, Picture, bar, curve, ground, lens, oval
from PIL import Image, ImageFilter


def sunrise() -> Image.Image:
    """Paint hills in the haze of a morning."""
    picture = Picture("#31356e", "#7c4d8b", "#e0728a", "#ffb07c", "#ffe0a3", "#fff0c9", seed=3)
    picture.stars(60, 0.15)
    picture.glow(0.64, 0.52, 0.75, "#ff9f6b", 0.55)
    picture.glow(0.64, 0.52, 0.28, "#fff1c4", 0.8)
    picture.disc(0.64, 0.52, 0.105, "#fffdf0", "#ffe9ae")
    for x, y, length in ((0.16, 0.24, 0.26), (0.34, 0.31, 0.17), (0.8, 0.2, 0.22), (0.93, 0.34, 0.2), (0.5, 0.4, 0.13)):
        streak(picture, x, y, length, "#ffd9c4")
    light = ("#f3b391", "#d98a80", "#a8617d", "#6d4572", "#33264f")
    dark = ("#e8a088", "#bd6c7c", "#814c74", "#47305e", "#1d1a3b")
    for number, colours in enumerate(zip(light, dark, strict=True)):
        soil = picture.ridge(0.59 + number * 0.085, 0.028 + number * 0.003)
        picture.shape(soil, *colours)
        if number >= 2:
            picture.firs(soil, 20 + 14 * number, 0.02 + 0.022 * number, *colours)
        picture.glow(0.64, 0.62 + number * 0.08, 0.3, "#ff9d76", 0.16 - number * 0.025)
    picture.birds(0.36, 0.19, 7, "#463062")
    return picture.image


def sea() -> Image.Image:
    """Paint a sailing boat on a bright day."""
    picture = Picture("#3f9fd6", "#7cc6ea", "#bfe6f2", "#fdf3dc", seed=8)
    horizon = 0.56
    picture.glow(0.22, 0.2, 0.5, "#fff6d8", 0.7)
    picture.disc(0.22, 0.2, 0.065, "#fffef6")
    for x, y, size in ((0.5, 0.2, 1.0), (0.83, 0.13, 0.8), (0.07, 0.4, 0.6), (0.93, 0.38, 0.75)):
        cloud(picture, x, y, size)
    island = [(0.03, 0.53), (0.1, 0.505), (0.16, 0.52), (0.22, 0.495), (0.3, 0.54), (0.36, horizon)]
    picture.shape([(0.0, horizon), *island], "#8fb9c4", "#a8ccd0")
    picture.shape([(0, horizon), (1, horizon), (1, 1), (0, 1)], "#8fd3df", "#3aa3c4", "#1f79ab", "#14507f")
    glitter(picture, horizon)
    boat(picture, 0.63, 0.72)
    across = np.linspace(0, 1, 300)
    for number, colours in enumerate((("#1a6aa0", "#135488"), ("#12568b", "#0c3f6e"), ("#0d4477", "#082d55"))):
        swell = 0.009 * np.sin(across * (34 - number * 8) + number * 2) + 0.006 * np.sin(across * 13)
        picture.shape(ground(across, 0.855 + number * 0.05 + swell), *colours, opacity=0.82)
    picture.birds(0.42, 0.37, 6, "#37678a")
    return picture.image


def desert() -> Image.Image:
    """Paint dunes under a low sun."""
    picture = Picture("#b8442f", "#e3683a", "#f79447", "#ffc76b", "#ffe4a1", seed=21)
    picture.glow(0.3, 0.4, 0.62, "#ffdf8e", 0.75)
    picture.disc(0.3, 0.4, 0.15, "#fffbe0", "#ffe79c")
    for x, y, length in ((0.75, 0.16, 0.28), (0.92, 0.24, 0.18), (0.1, 0.2, 0.2), (0.56, 0.28, 0.12)):
        streak(picture, x, y, length, "#ffd08a")
    for left, right, top in ((0.55, 0.71, 0.46), (0.74, 0.82, 0.42), (0.86, 1.02, 0.49), (-0.02, 0.09, 0.5)):
        mesa(picture, left, right, top)
    dune(picture, 0.25, 0.62, 0.16, "#f7b15c", "#d9783a")
    dune(picture, 0.78, 0.66, 0.2, "#f2a04c", "#c65f30")
    dune(picture, 0.42, 0.75, 0.22, "#ea8a3d", "#a94a2b")
    for x, y, size in ((0.7, 0.8, 0.1), (0.76, 0.79, 0.055), (0.13, 0.83, 0.14)):
        cactus(picture, x, y, size, "#6b2c26")
    dune(picture, 0.9, 0.87, 0.2, "#d76f33", "#7d3326")
    cactus(picture, 0.83, 1.0, 0.3, "#4a1d20")
    picture.birds(0.52, 0.21, 4, "#7d3326")
    return picture.image


def city() -> Image.Image:
    """Paint a city at night, its windows lit, its lights in the water."""
    picture = Picture("#070b24", "#101a47", "#26306f", "#5a4487", "#a45c8c", "#e58b7b", seed=5)
    shore = 0.74
    picture.stars(240, 0.45)
    picture.glow(0.79, 0.2, 0.3, "#c9d4ff", 0.4)
    picture.disc(0.79, 0.2, 0.07, "#fffdf2", "#e9e6d8")
    picture.disc(0.775, 0.185, 0.016, "#d9d6c9", opacity=0.6)
    picture.disc(0.803, 0.222, 0.011, "#d9d6c9", opacity=0.6)
    picture.glow(0.45, shore, 0.5, "#ff9a76", 0.4)
    skyline(picture, shore, 30, 0.3, ("#4a3f7e", "#5c4585"), lit=0.2)
    skyline(picture, shore, 20, 0.42, ("#272858", "#332c63"), lit=0.4)
    skyline(picture, shore, 13, 0.29, ("#10132f", "#181838"), lit=0.55)
    reflect(picture, shore)
    picture.shape([(0, shore - 0.004), (1, shore - 0.004), (1, shore + 0.006), (0, shore + 0.006)], "#0a0c22")
    return picture.image


def mountains() -> Image.Image:
    """Paint northern lights over snow."""
    picture = Picture("#050b1f", "#0a1c3a", "#11365a", "#1d5a75", seed=13)
    picture.stars(330, 0.6)
    lights = ((0.43, 0.34, 1.0, "#3dffa0"), (0.33, 0.36, 0.7, "#35e6c4"), (0.24, 0.3, 0.55, "#b06bff"))
    for base, reach, strength, colour in lights:
        picture.add(curtain(picture.random, base, reach) * strength, colour)
    for x, top, spread in ((0.12, 0.47, 0.3), (0.86, 0.44, 0.34), (0.3, 0.55, 0.24), (0.7, 0.54, 0.24)):
        peak(picture, x, top, spread, "#4d7f9f", "#24496b", "#173553")
    for x, top, spread in ((0.03, 0.62, 0.22), (0.98, 0.6, 0.24), (0.5, 0.36, 0.36)):
        peak(picture, x, top, spread, "#d9eef2", "#6a9bb8", "#2c557a")
    far, near = picture.ridge(0.81, 0.012, 3), picture.ridge(0.9, 0.014, 3)
    picture.shape(far, "#9cc9d6", "#5b93b2")
    picture.firs(far, 60, 0.075, "#123049", "#0d2540")
    picture.shape(near, "#cfe6ea", "#7fb2c8")
    picture.firs(near, 24, 0.16, "#0a1d33", "#061426")
    return picture.image


def streak(picture: Picture, x: float, y: float, length: float, colour: str) -> None:
    """Draw a thin evening cloud: a few flat bars."""
    bars = []
    for shift, drop, part in ((0.0, 0.0, 1.0), (0.18, 0.014, 0.7), (-0.22, 0.027, 0.5)):
        middle, half = x + shift * length, length * part / 2
        bars.append(bar(middle - half, y + drop, middle + half, y + drop + 0.011))
    picture.fill(bars, colour, opacity=0.5, soft=0.0015)


def cloud(picture: Picture, x: float, y: float, size: float) -> None:
    """Draw a fair-weather cloud, flat below."""
    puffs = []
    for dx, radius in ((-0.085, 0.035), (-0.04, 0.06), (0.005, 0.078), (0.05, 0.058), (0.09, 0.036)):
        lift = abs(picture.random.normal(0.02, 0.012)) * size
        round_puff = oval(x + dx * size, y - lift, radius * size * HEIGHT_PX / WIDTH_PX, radius * size)
        puffs.append([(left, min(top, y + 0.022 * size)) for left, top in round_puff])
    puffs.append(bar(x - 0.105 * size, y - 0.02 * size, x + 0.112 * size, y + 0.022 * size))
    picture.fill(puffs, "#ffffff", "#fffdf6", "#dcebf2", opacity=0.93, soft=0.002)


def glitter(picture: Picture, horizon: float) -> None:
    """Scatter the sun, and light and dark ripples, over the water."""
    for opacity in (0.25, 0.4, 0.55):
        depths = picture.random.random(24) ** 1.6
        drift = picture.random.normal(0, 1, 24)
        glints = zip(depths, drift, strict=True)
        sparkle = [lens(0.22 + d * (0.03 + y * 0.1), horizon + 0.01 + y * 0.42, 0.006 + y * 0.03) for y, d in glints]
        picture.fill(sparkle, "#ffffff", opacity=opacity)
    for colour in ("#bfeaf0", "#0f5f93", "#d9f4f4"):
        places = picture.random.random((50, 2))
        ripples = [lens(x, horizon + 0.008 + y**1.3 * 0.43, 0.008 + y**1.3 * 0.045) for x, y in places]
        picture.fill(ripples, colour, opacity=0.3)


def boat(picture: Picture, x: float, y: float) -> None:
    """Draw a sailing boat whose water line is at a point, with its reflection."""

    def at(*points: tuple[float, float]) -> Outline:
        return [(x + dx, y + dy) for dx, dy in points]

    picture.shape(at((-0.075, 0.012), (0.085, 0.012), (0.03, 0.13), (-0.03, 0.11)), "#ffffff", "#3f9cc2", opacity=0.35)
    picture.shape(at((-0.003, -0.4), (0.001, -0.4), (0.003, 0), (-0.003, 0)), "#6b4a36")
    main = curve((0.006, -0.38), (0.095, -0.15), (0.105, -0.05))
    picture.shape(at((0.006, -0.38), *main, (0.006, -0.05)), "#ffffff", "#e9eef0")
    stripe = [point for point in main if -0.2 < point[1] < -0.13]
    picture.shape(at((0.006, stripe[0][1]), *stripe, (0.006, stripe[-1][1])), "#e5533d", "#d2432f")
    jib = curve((-0.007, -0.35), (-0.03, -0.13), (-0.085, -0.05))
    picture.shape(at((-0.007, -0.35), *jib, (-0.012, -0.065)), "#fdf8ea", "#cfdde3")
    picture.shape(at((-0.003, -0.4), (0.028, -0.388), (-0.003, -0.374)), "#e5533d")
    bow = curve((0.11, -0.04), (0.09, 0.03), (0.06, 0.03))
    stern = curve((-0.06, 0.03), (-0.08, 0.02), (-0.092, -0.035))
    picture.shape(at((-0.092, -0.035), *bow, *stern), "#a8402f", "#7a2a25")
    picture.shape(at((-0.092, -0.035), (0.11, -0.04), (0.107, -0.025), (-0.089, -0.02)), "#fff6e6")
    picture.shape(lens(x - 0.02, y + 0.03, 0.11), "#ffffff", opacity=0.7)


def mesa(picture: Picture, left: float, right: float, top: float) -> None:
    """Draw a flat-topped rock far away, its layers showing."""
    width = right - left
    rise = [(left - width * 0.25, 0.64), (left - width * 0.04, top + 0.07), (left + width * 0.03, top)]
    fall = [(right - width * 0.05, top), (right + width * 0.03, top + 0.07), (right + width * 0.25, 0.64)]
    picture.shape([*rise, *fall], "#d9703f", "#f09a55")
    for drop in (0.022, 0.05):
        inset = width * (0.02 - drop)
        picture.fill([bar(left + inset, top + drop, right - inset, top + drop + 0.006)], "#c25d38", opacity=0.55)


def dune(picture: Picture, x: float, base: float, height: float, light: str, shade: str) -> None:
    """Draw a dune from edge to edge, its crest at x, lit from the left."""
    crest = (x, base - height * 0.45)
    left = curve((-0.02, base + height * 0.3), (x - 0.22, base + height * 0.1), crest)
    right = curve(crest, (x + 0.2, base + height * 0.05), (1.02, base + height * 0.22))
    picture.shape([(-0.02, 1.0), *left, *right, (1.02, 1.0)], light, shade)
    knee = (x - 0.03, base + height * 0.55)
    edge = [*curve(crest, (x + 0.05, base + 0.05), knee), *curve(knee, (x - 0.1, 0.9), (x - 0.02, 1.02))]
    picture.shape([*edge, (1.02, 1.0), *reversed(right)], shade, opacity=0.62)


def cactus(picture: Picture, x: float, foot: float, size: float, colour: str) -> None:
    """Draw a saguaro with two arms."""
    thick = size * 0.067
    trunk, arms = (-0.5, -1.0, 0.5, 0.1), ((-2.6, -0.5, -0.2, -0.4), (0.2, -0.36, 2.5, -0.26))
    hands = ((-2.6, -0.78, -1.85, -0.4), (1.75, -0.66, 2.5, -0.26))
    limbs = (trunk, *arms, *hands)
    picture.fill([bar(x + a * thick, foot + b * size, x + c * thick, foot + d * size) for a, b, c, d in limbs], colour)


def skyline(
    picture: Picture, shore: float, count: int, tallest: float, colours: tuple[str, str], *, lit: float
) -> None:
    """Draw a row of houses, some windows lit."""
    edges = np.linspace(-0.01, 1.01, count + 1)
    for begin, end in pairwise(edges):
        height = tallest * picture.random.uniform(0.4, 1.0) * (1 - 0.5 * abs((begin + end) / 2 - 0.45))
        left, right = begin - picture.random.uniform(0, 0.006), end - picture.random.uniform(0, 0.012)
        house(picture, left, right, shore - height, shore, colours)
        windows(picture, left, right, shore - height, shore, lit)


def house(picture: Picture, left: float, right: float, top: float, foot: float, colours: tuple[str, str]) -> None:
    """Draw a house with one of several kinds of roof."""
    roof = picture.random.choice(["flat", "flat", "step", "mast", "slant"])
    slant = 0.03 if roof == "slant" else 0.0
    picture.shape([(left, foot), (left, top), (right, top - slant), (right, foot)], *colours)
    middle = (left + right) / 2
    if roof == "step":
        inner = [(left + 0.008, top), (left + 0.008, top - 0.025), (right - 0.008, top - 0.025), (right - 0.008, top)]
        picture.shape(inner, colours[0])
    if roof == "mast":
        picture.shape([(middle - 0.001, top), (middle, top - 0.07), (middle + 0.001, top)], colours[0])
        picture.glow(middle, top - 0.07, 0.014, "#ff5a4d", 0.9)


def windows(picture: Picture, left: float, right: float, top: float, foot: float, lit: float) -> None:
    """Light some of a house's windows."""
    across, down = np.arange(left + 0.006, right - 0.009, 0.0095), np.arange(top + 0.02, foot - 0.03, 0.024)
    light = picture.random.random((len(across), len(down)))
    for number, colour in enumerate(("#ffd98a", "#fff0c4", "#ffb45e")):
        places = np.argwhere((light >= lit * number / 3) & (light < lit * (number + 1) / 3))
        panes = [(across[column], down[row]) for column, row in places]
        if panes:
            outlines = [[(x, y), (x + 0.0045, y), (x + 0.0045, y + 0.0125), (x, y + 0.0125)] for x, y in panes]
            picture.fill(outlines, colour, opacity=0.92)


def reflect(picture: Picture, shore: float) -> None:
    """Mirror what stands on the shore in the water, each row shifted by the waves, more so nearer by."""
    top_px = int(shore * HEIGHT_PX)
    depth_px = HEIGHT_PX - top_px
    above = picture.image.crop((0, top_px - int(depth_px * 1.6), WIDTH_PX, top_px))
    rows = np.asarray(above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((WIDTH_PX, depth_px)))
    depths = np.arange(depth_px)
    shifts = (2 + 9 * depths / depth_px * np.sin(depths * 0.55 + 5 * np.sin(depths * 0.11))).round().astype(int)
    moved = Image.fromarray(np.stack([np.roll(row, shift, axis=0) for row, shift in zip(rows, shifts, strict=True)]))
    water = Image.new("RGB", moved.size, "#0a1030")
    picture.image.paste(Image.blend(moved.filter(ImageFilter.BoxBlur(1.2)), water, 0.35), (0, top_px))


def curtain(random: np.random.Generator, base: float, reach: float) -> Floats:
    """Return the strength of a curtain of northern light: sharp below, fading upwards, in rays."""
    across = np.linspace(0, 1, WIDTH_PX)

    def wave(number: float) -> Floats:
        return np.asarray(np.sin(across * number * random.uniform(0.85, 1.15) + random.uniform(0, 6.3)))

    foot = base + 0.085 * wave(5.5) + 0.03 * wave(13)
    rays = (wave(11) + wave(23) + wave(47) + wave(90) + wave(170)) / 5
    above = foot - np.linspace(0, 1, HEIGHT_PX)[:, None]
    upwards = np.exp(-np.maximum(above, 0) / (reach * (0.5 + 0.28 * rays)))
    downwards = np.exp(np.minimum(above, 0) / 0.02)
    return np.asarray(np.clip(upwards * downwards * (0.66 + 0.34 * rays) * (0.65 + 0.35 * wave(4)), 0, 1))


def peak(picture: Picture, x: float, top: float, spread: float, light: str, shade: str, foot: str) -> None:
    """Draw a mountain lit from the left, its two sides parted by a jagged crest."""
    steps = np.linspace(0, 1, 16)
    jags = picture.random.uniform(-1, 1, (3, 16)) * (steps > 0) * (steps < 1)
    down = top + (0.88 - top) * steps
    left = list(zip(x - spread * (steps**1.12) + jags[0] * 0.006, down + jags[0] * 0.012, strict=True))
    right = list(zip(x + spread * (steps**1.12) + jags[1] * 0.006, down - jags[1] * 0.012, strict=True))
    sway = spread * (0.12 * steps + 0.1 * np.sin(steps * 10) * steps) + jags[2] * 0.014 * (1 + steps)
    crest = list(zip(x + sway, down, strict=True))
    picture.shape([*left, *reversed(right)], light, light, foot)
    picture.shape([*crest, *reversed(right)], shade, foot)
