"""What stands in the rooms, and their windows and floors."""

from itertools import pairwise

import numpy as np
from drawing import Picture, bar, block, curve, lens, oval
from homes import shrub


def frame(picture: Picture, box: tuple[float, float, float, float], panes: int, colour: str) -> None:
    """Draw the frame of a window, left, top, right and bottom, with uprights, and shine on its glass."""
    left, top, right, bottom = box
    wide = (right - left) / panes
    for n in range(panes):
        x = left + wide * n
        low, high = (x + wide * 0.1, bottom), (x + wide * 0.5, top)
        shine = [low, high, (x + wide * 0.68, top), (x + wide * 0.28, bottom)]
        picture.shape(shine, "#ffffff", opacity=0.09)
    lines = [block(left + wide * n - 0.003, top, left + wide * n + 0.003, bottom) for n in range(panes + 1)]
    lines += [block(left - 0.003, y - 0.005, right + 0.003, y + 0.005) for y in (top, bottom)]
    picture.fill(lines, colour)
    picture.shape(block(left - 0.012, bottom + 0.004, right + 0.012, bottom + 0.02), "#fff9f0", "#cfc2b2")


def floor(picture: Picture, top: float, light: str, shade: str) -> None:
    """Lay boards that run away from the viewer."""
    picture.shape(block(0, top - 0.018, 1, top), "#fffaf2", "#d9cfc2")
    picture.shape(block(0, top, 1, 1), shade, light)
    gaps = [
        [
            (0.5 + (x - 0.5) * 0.75, top),
            (0.5 + (x - 0.5) * 0.75 + 0.0012, top),
            (x * 1.6 - 0.3 + 0.003, 1.0),
            (x * 1.6 - 0.3, 1.0),
        ]
        for x in np.linspace(-0.3, 1.3, 25)
    ]
    picture.fill(gaps, "#4a2e22", opacity=0.28)


def curtain(picture: Picture, x: float, side: int, light: str = "#f7d9c4", shade: str = "#d9a98f") -> None:
    """Draw a curtain in folds, drawn to one side of a window."""
    for n in range(5):
        left = x + side * 0.011 * (n - 2.5)
        picture.shape([(left - 0.007, 0.07), (left + 0.007, 0.07), (left + 0.009, 0.69), (left - 0.009, 0.69)],
                      *((light, shade) if n % 2 else (shade, shade)))  # fmt: skip
    picture.shape(bar(x - 0.05, 0.058, x + 0.05, 0.072), "#8a6a4a")


def rug(picture: Picture, x: float, y: float, reach: float, depth: float, light: str, stripe: str) -> None:
    """Draw an oval rug with two rings."""
    for share, colour in ((1.0, light), (0.88, stripe), (0.82, light), (0.6, stripe), (0.57, light)):
        picture.shape(oval(x, y, reach * share, depth * share), colour)


def sofa(picture: Picture, left: float, top: float, wide: float, light: str, shade: str) -> None:
    """Draw a sofa with cushions."""
    right = left + wide
    picture.fill([oval((left + right) / 2, top + 0.215, wide * 0.56, 0.018)], "#3a2418", opacity=0.45, soft=0.008)
    for x in (left + 0.03, right - 0.038):
        picture.shape(block(x, top + 0.18, x + 0.008, top + 0.215), "#6b4a36")
    picture.shape(bar(left + 0.012, top - 0.04, right - 0.012, top + 0.15), light, shade)
    seats = np.linspace(left + 0.028, right - 0.028, 4)
    for begin, end in pairwise(seats):
        picture.shape(bar(begin + 0.002, top - 0.02, end - 0.002, top + 0.11), "#4a7c8a", light)
        picture.shape(bar(begin + 0.002, top + 0.085, end - 0.002, top + 0.155), "#5a8f9c", light)
    picture.shape(bar(left + 0.01, top + 0.125, right - 0.01, top + 0.19), light, shade)
    for x in (left - 0.012, right - 0.028):
        picture.shape(bar(x, top + 0.02, x + 0.04, top + 0.19), "#4a7c8a", shade)
    for x, colour, other in ((left + 0.06, "#ff9a76", "#e57858"), (right - 0.115, "#ffd58c", "#e8b45f")):
        cushion = [
            (x, top + 0.0),
            (x + 0.03, top - 0.012),
            (x + 0.058, top + 0.004),
            (x + 0.054, top + 0.088),
            (x + 0.004, top + 0.09),
        ]
        picture.shape(cushion, colour, other)


def table(picture: Picture, x: float, y: float, half: float) -> None:
    """Draw a low round table with a book and a cup."""
    for dx in (-0.6, 0.0, 0.6):
        picture.shape(block(x + dx * half - 0.003, y, x + dx * half + 0.003, y + 0.085), "#5c3d2a")
    picture.shape(oval(x, y + 0.008, half, 0.03), "#6e4529")
    picture.shape(oval(x, y, half, 0.03), "#c58f62", "#a8744a")
    picture.shape(
        [(x - 0.06, y - 0.012), (x, y - 0.012), (x + 0.006, y + 0.004), (x - 0.062, y + 0.004)], "#3d6a78", "#2b4f5e"
    )
    picture.shape(bar(x + 0.03, y - 0.034, x + 0.052, y + 0.006), "#ffffff", "#dcd6d0")


def lamp(picture: Picture, x: float, foot: float, size: float) -> None:
    """Draw a standing lamp that is lit."""
    picture.shape(oval(x, foot, 0.034, 0.012), "#4a3f4a")
    picture.shape(block(x - 0.003, foot - size, x + 0.003, foot), "#4a3f4a")
    top = foot - size
    picture.shape(
        [(x - 0.03, top - 0.07), (x + 0.03, top - 0.07), (x + 0.05, top + 0.05), (x - 0.05, top + 0.05)],
        "#fff3d0",
        "#ffd58c",
    )


def painting(picture: Picture, box: tuple[float, float, float, float], *colours: str) -> None:
    """Hang a picture of a sun over hills on the wall."""
    left, top, right, bottom = box
    picture.shape(block(left - 0.006, top - 0.01, right + 0.006, bottom + 0.01), "#fffaf2", "#e2d8cc")
    picture.shape(block(*box), *colours)
    wide, high = right - left, bottom - top
    picture.shape(oval(left + wide * 0.62, top + high * 0.36, wide * 0.13, wide * 0.23), "#fff6da")
    hill = curve((left, top + high * 0.8), (left + wide * 0.45, top + high * 0.4), (right, top + high * 0.85))
    picture.shape([*hill, (right, bottom), (left, bottom)], "#4a3f5c", opacity=0.75)


def pot(picture: Picture, x: float, foot: float, size: float) -> None:
    """Draw a plant with large leaves in a pot."""
    for n, angle in enumerate(np.linspace(-2.7, -0.45, 7)):
        tip = (x + np.cos(angle) * size * 0.42, foot - size * 0.4 + np.sin(angle) * size * 1.15)
        bend = (x + np.cos(angle) * size * 0.16, foot - size * 0.5 + np.sin(angle) * size * 0.7)
        base = (x, foot - size * 0.35)
        upper = curve(base, (bend[0] - 0.014, bend[1]), tip)
        lower = curve(base, (bend[0] + 0.02, bend[1] + 0.03), tip)
        picture.shape([*upper, *reversed(lower)], *(("#4fa372", "#2a6b4c") if n % 2 else ("#3c8a60", "#1f5840")))
    rim = [(x - size * 0.17, foot - size * 0.42), (x + size * 0.17, foot - size * 0.42)]
    picture.shape([*rim, (x + size * 0.12, foot), (x - size * 0.12, foot)], "#f3e9dc", "#cbb9a3")


def dishes(picture: Picture) -> None:
    """Put pots, a kettle, herbs and a board on the worktop."""
    for x, colours in ((0.06, ("#e58d7f", "#c96f5c")), (0.1, ("#fff8ec", "#d9cdbb")), (0.14, ("#f0c070", "#d39c4a"))):
        picture.shape(bar(x, 0.455, x + 0.03, 0.532), *colours)
    picture.shape([(0.24, 0.36), (0.3, 0.36), (0.3, 0.53), (0.24, 0.53)], "#b98055", "#96633f")
    for x in (0.42, 0.5, 0.58):
        shrub(picture, x, 0.445, 0.026, "#69ab6b", "#3f8350")
        picture.shape(block(x - 0.014, 0.44, x + 0.014, 0.47), "#e0a184", "#c27f61")
    picture.shape(bar(0.74, 0.44, 0.79, 0.532), "#d5dadd", "#9aa3a8")
    picture.shape([(0.86, 0.5), (0.95, 0.5), (0.94, 0.53), (0.87, 0.53)], "#fff8ec", "#cfc2b0")


def stool(picture: Picture, x: float) -> None:
    """Draw a bar stool before the island."""
    for dx in (-0.03, 0.024):
        picture.shape(
            [(x + dx * 0.7, 0.81), (x + dx * 0.7 + 0.006, 0.81), (x + dx * 1.2 + 0.006, 1.0), (x + dx * 1.2, 1.0)],
            "#3a3a40",
        )
    picture.shape(block(x - 0.028, 0.91, x + 0.028, 0.918), "#3a3a40")
    picture.shape(bar(x - 0.036, 0.785, x + 0.036, 0.825), "#c98757", "#9c6238")


def bowl(picture: Picture, x: float, y: float) -> None:
    """Draw a bowl of oranges and lemons."""
    for dx, dy, colour in (
        (-0.026, 0.028, "#ffa94a"),
        (0.0, 0.036, "#ffd447"),
        (0.026, 0.028, "#ff9340"),
        (-0.012, 0.046, "#ffb85c"),
    ):
        picture.disc(x + dx, y - dy, 0.026, colour)
    rim = curve((x - 0.055, y - 0.024), (x, y + 0.085), (x + 0.055, y - 0.024))
    picture.shape(rim, "#ffffff", "#d3dcdc")


def pendant(picture: Picture, x: float, y: float) -> None:
    """Hang a lamp that is lit."""
    picture.shape(block(x - 0.0012, 0, x + 0.0012, y - 0.07), "#2e2e34")
    shade = curve((x - 0.045, y), (x, y - 0.165), (x + 0.045, y))
    picture.shape(shade, "#33333a", "#1f1f25")
    picture.shape(oval(x, y, 0.045, 0.012), "#fff0c0")
    picture.glow(x, y + 0.03, 0.11, "#ffe2a0", 0.7)


def bed(picture: Picture, left: float, foot: float, wide: float) -> None:
    """Draw a wide bed with pillows and a blanket, seen from its foot."""
    right, top = left + wide, foot - 0.42
    picture.shape(bar(left - 0.01, top, right + 0.01, foot - 0.1), "#a06a72", "#7c4d5c")
    seams = [block(left + wide * n / 6, top + 0.02, left + wide * n / 6 + 0.0016, foot - 0.2) for n in range(1, 6)]
    picture.fill(seams, "#5f3a49", opacity=0.6)
    for begin, shade in ((left + 0.025, "#dcd8ea"), (left + wide / 2 + 0.012, "#dcd8ea")):
        picture.shape(bar(begin, top + 0.1, begin + wide * 0.42, top + 0.25), "#ffffff", shade)
    for begin in (left + 0.07, left + wide / 2 + 0.05):
        picture.shape(bar(begin, top + 0.145, begin + wide * 0.24, top + 0.26), "#ffb68a", "#e08a6c")
    picture.shape(
        [(left, top + 0.235), (right, top + 0.235), (right + 0.03, foot), (left - 0.03, foot)], "#f4f1fa", "#c3bcda"
    )
    picture.shape(
        [(left - 0.01, top + 0.3), (right + 0.01, top + 0.3), (right + 0.032, foot), (left - 0.032, foot)],
        "#7d86c4",
        "#4f588f",
    )
    folds = [
        [(x, top + 0.31), (x + 0.003, top + 0.31), (x + (x - 0.63) * 0.14 + 0.004, foot), (x + (x - 0.63) * 0.14, foot)]
        for x in np.linspace(left + 0.04, right - 0.04, 6)
    ]
    picture.fill(folds, "#3c4478", opacity=0.35)
    picture.fill([lens((left + right) / 2, foot + 0.006, wide * 0.58)], "#2a1e2c", opacity=0.5)


def nightstand(picture: Picture, x: float, foot: float) -> None:
    """Draw a nightstand with a lamp that is lit."""
    picture.shape(block(x - 0.034, foot - 0.15, x + 0.034, foot), "#8a6258", "#6a4848")
    picture.shape(block(x - 0.029, foot - 0.135, x + 0.029, foot - 0.08), "#9a7064", "#7c5650")
    picture.disc(x, foot - 0.107, 0.006, "#f1c76b")
    picture.shape(block(x - 0.003, foot - 0.22, x + 0.003, foot - 0.15), "#e9d9b4")
    picture.shape(
        [(x - 0.02, foot - 0.32), (x + 0.02, foot - 0.32), (x + 0.034, foot - 0.215), (x - 0.034, foot - 0.215)],
        "#fff3d0",
        "#ffd08a",
    )
