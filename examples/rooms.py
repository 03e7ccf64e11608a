"""Pictures of three rooms: what a viewer of the property tour walks through."""

from drawing import Picture, bar, block, oval
from furniture import (
    bed,
    bowl,
    curtain,
    dishes,
    floor,
    frame,
    lamp,
    nightstand,
    painting,
    pendant,
    pot,
    rug,
    sofa,
    stool,
    table,
)
from homes import tree
from PIL import Image


def living() -> Image.Image:
    """Paint a living room with a wide window on the hills in the evening."""
    picture = Picture("#3b3f78", "#86608f", "#e58d7f", "#ffc48c", "#ffe2b4", seed=7)
    picture.glow(0.5, 0.46, 0.5, "#ffd9a0", 0.7)
    picture.disc(0.5, 0.44, 0.06, "#fff7dc", "#ffe6a8")
    for n, colours in enumerate((("#c58490", "#a56d86"), ("#8a5f85", "#6a4a76"), ("#54406b", "#3b2f58"))):
        picture.shape(picture.ridge(0.5 + 0.05 * n, 0.03), *colours)
    for x in (0.3, 0.71):
        tree(picture, x, 0.62, 0.2, "#3b3157", "#4a3d66")
    wall = "#f1e6da", "#dccab8"
    for part in ((0, 0, 0.2, 0.68), (0.8, 0, 1, 0.68), (0.2, 0, 0.8, 0.1), (0.2, 0.6, 0.8, 0.68)):
        picture.shape(block(*part), *wall)
    frame(picture, (0.2, 0.1, 0.8, 0.6), 4, "#4a3f4a")
    floor(picture, 0.68, "#c08a5c", "#8f5f3e")
    picture.shape([(0.28, 0.69), (0.72, 0.69), (0.86, 1.0), (0.14, 1.0)], "#ffd59a", opacity=0.22)
    for side, x in ((-1, 0.175), (1, 0.825)):
        curtain(picture, x, side)
    rug(picture, 0.5, 0.9, 0.36, 0.085, "#e9dfd2", "#c96f5c")
    sofa(picture, 0.27, 0.64, 0.44, "#3d6a78", "#2b4f5e")
    table(picture, 0.5, 0.87, 0.12)
    lamp(picture, 0.13, 0.86, 0.44)
    for place, colours in (
        ((0.035, 0.2, 0.105, 0.36), ("#e58d7f", "#ffd9a0")),
        ((0.9, 0.2, 0.965, 0.36), ("#3d6a78", "#bcd9d3")),
    ):
        painting(picture, place, *colours)
    pot(picture, 0.885, 0.86, 0.17)
    picture.glow(0.13, 0.42, 0.22, "#ffe0a6", 0.55)
    return picture.image


def kitchen() -> Image.Image:
    """Paint a bright kitchen with an island under three lamps."""
    picture = Picture("#f6f1e8", "#ebe2d4", seed=12)
    rows = [(0.33 + 0.036 * row, 0.025 * (row % 2)) for row in range(6)]
    lefts = [(top, 0.05 * number + shift) for top, shift in rows for number in range(-1, 21)]
    tiles = [block(left + 0.001, top, left + 0.048, top + 0.033) for top, left in lefts]
    picture.fill(tiles, "#dcebe6", "#c6dcd6")
    window = (0.38, 0.12, 0.64, 0.45)
    picture.shape(block(*window), "#7fc4ec", "#cfeaf5", "#bfe0b4", "#7fb87c")
    tree(picture, 0.44, 0.46, 0.26, "#5a9a62", "#7fb87a")
    tree(picture, 0.58, 0.46, 0.2, "#4f8f5c", "#76b174")
    picture.shape(block(0.36, 0.45, 0.66, 0.6), "#d4e4de", "#c6dcd6")
    frame(picture, window, 2, "#ffffff")
    for left, right in ((0.02, 0.17), (0.175, 0.325), (0.7, 0.84), (0.845, 0.985)):
        picture.shape(block(left, 0.06, right, 0.32), "#3f6b62", "#31564f")
        picture.shape(block(left + 0.008, 0.075, right - 0.008, 0.305), "#47776d", "#376058")
        picture.shape(bar(right - 0.022, 0.24, right - 0.018, 0.295), "#e7c27a")
    picture.shape(block(0, 0.53, 1, 0.56), "#fffdf8", "#dcd3c4")
    for n in range(8):
        left = 0.125 * n
        picture.shape(block(left, 0.56, left + 0.123, 0.74), "#3f6b62", "#2b4d46")
        picture.shape(bar(left + 0.04, 0.585, left + 0.083, 0.592), "#e7c27a")
    dishes(picture)
    floor(picture, 0.74, "#d9c3a0", "#b3946a")
    picture.shape(block(0.2, 0.7, 0.8, 0.95), "#f4ede2", "#cdbfa9")
    picture.fill([block(0.2 + 0.12 * n, 0.7, 0.2022 + 0.12 * n, 0.95) for n in range(1, 5)], "#b8a88f", opacity=0.7)
    picture.shape([(0.185, 0.655), (0.815, 0.655), (0.835, 0.705), (0.165, 0.705)], "#b07a4c", "#8f5d38")
    picture.shape([(0.165, 0.705), (0.835, 0.705), (0.835, 0.718), (0.165, 0.718)], "#6e4529")
    for x in (0.29, 0.43, 0.57, 0.71):
        stool(picture, x)
    bowl(picture, 0.5, 0.655)
    for x in (0.32, 0.5, 0.68):
        pendant(picture, x, 0.31)
    return picture.image


def bedroom() -> Image.Image:
    """Paint a bedroom at night, two lamps lit, the moon in the window."""
    picture = Picture("#26305c", "#34406f", "#46507f", seed=19)
    window = (0.1, 0.12, 0.32, 0.52)
    picture.shape(block(*window), "#070d2a", "#16235a", "#3a4c8c")
    picture.fill(
        [oval(0.1 + 0.22 * x, 0.12 + 0.34 * y, 0.0009, 0.0016, 8) for x, y in picture.random.random((40, 2))], "#fff8e6"
    )
    picture.disc(0.25, 0.22, 0.042, "#fffdf2", "#e9e6d8")
    picture.shape(
        [(0.1, 0.52), (0.1, 0.44), (0.17, 0.41), (0.25, 0.45), (0.32, 0.42), (0.32, 0.52)], "#141c46", "#101638"
    )
    frame(picture, window, 2, "#e9e6f2")
    curtain(picture, 0.085, -1, "#6f78ad", "#525b92")
    curtain(picture, 0.335, 1, "#6f78ad", "#525b92")
    floor(picture, 0.72, "#7d5a58", "#523a44")
    rug(picture, 0.62, 0.9, 0.4, 0.08, "#c3bad2", "#8f86b4")
    bed(picture, 0.42, 0.86, 0.42)
    for x in (0.375, 0.885):
        nightstand(picture, x, 0.8)
    painting(picture, (0.52, 0.12, 0.74, 0.32), "#ffb68a", "#7c5a95")
    picture.glow(0.375, 0.52, 0.24, "#ffc98a", 0.75)
    picture.glow(0.885, 0.52, 0.24, "#ffc98a", 0.75)
    picture.glow(0.22, 0.24, 0.16, "#9fb4ff", 0.3)
    pot(picture, 0.055, 0.84, 0.15)
    return picture.image
