"""Lays frames of a film out on one picture, each with its time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

_COLUMNS, _ROWS = 4, 3
_TILE_WIDTH_PX, _GAP_PX, _CAPTION_PX = 480, 16, 34
_PAPER, _INK = "#16181d", "#c9ced8"


@dataclass(frozen=True)
class Facts:
    """What decoding the film found."""

    duration_s: float
    width: int
    height: int
    frames: int


def make_contact_sheet(film: Path, sheet: Path) -> Facts:
    """Decode the whole film and write frames spread evenly over it as one PNG; return what was found."""
    facts = _measure(film)
    picks = [round((number + 0.5) * facts.frames / (_COLUMNS * _ROWS)) for number in range(_COLUMNS * _ROWS)]
    tile = (_TILE_WIDTH_PX, round(_TILE_WIDTH_PX * facts.height / facts.width))
    step = (tile[0] + _GAP_PX, tile[1] + _CAPTION_PX + _GAP_PX)
    paper = Image.new("RGB", (step[0] * _COLUMNS + _GAP_PX, step[1] * _ROWS + _GAP_PX), _PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(size=20)
    for place, (time_s, image) in enumerate(_frames(film, picks)):
        left, top = _GAP_PX + step[0] * (place % _COLUMNS), _GAP_PX + step[1] * (place // _COLUMNS)
        paper.paste(image.resize(tile, Image.Resampling.LANCZOS), (left, top))
        pen.text((left, top + tile[1] + 6), f"{int(time_s // 60):02}:{time_s % 60:05.2f}", _INK, font)
    paper.save(sheet)
    return facts


def _measure(film: Path) -> Facts:
    with av.open(str(film)) as container:
        picture = container.streams.video[0]
        frames = sum(1 for _ in container.decode(picture))
        if not frames or picture.average_rate is None:
            raise ValueError(f"{film} has no frames")
        return Facts(float(frames / picture.average_rate), picture.width, picture.height, frames)


def _frames(film: Path, picks: list[int]) -> Iterator[tuple[float, Image.Image]]:
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in picks:
                yield frame.time or 0.0, frame.to_image()
