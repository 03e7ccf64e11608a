"""Owns the pictures taken from a finished film: its poster, and its contact sheet of frames spread over all of it."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from PIL import Image, ImageDraw, ImageFont

from media_services.stage import Report

COLUMNS = 4
MAX_PICTURES = 12
FRAME_COST = 0.1  # a frame decoded, in frames of MP4 encoded

_GAP_PX = 8
_PICTURE_PX = (310, 551)  # four across are 1280 with their gaps; the height is that of a portrait film
_LABEL_PX = 24
_MIN_CELL_PX = 72
_FONT_PX = 15
_GROUND, _INK = "#101114", "#d6d9de"
_TENTHS_BELOW_S = 5
_JPEG_QUALITY = 85


def take_poster(film: Path, poster: Path, *, at_s: float) -> None:
    """Write the frame shown at a time as a JPEG of the film's own size."""
    with av.open(str(film)) as container:
        _frame_at(container, at_s).to_image().save(poster, quality=_JPEG_QUALITY)


def pictures_of(frames: int) -> list[int]:
    """Return the numbers of the frames that a contact sheet shows: the middle of each of up to twelve equal parts."""
    count = min(frames, MAX_PICTURES)
    return [(2 * part + 1) * frames // (2 * count) for part in range(count)]


def decoded_frames(frames: int, keyframe_interval: int) -> int:
    """Return how many frames are decoded for a contact sheet at most, however long the film."""
    return min(frames, MAX_PICTURES * keyframe_interval)


def make_sheet(film: Path, sheet: Path, *, frames: int, fps: Fraction, report: Report) -> None:
    """Write a film's contact sheet as a JPEG, at most 1280 pixels wide; each picture is labelled with its time."""
    times_s = [float(number / fps) for number in pictures_of(frames)]
    tenths = frames / fps / len(times_s) < _TENTHS_BELOW_S
    pictures = []
    with av.open(str(film)) as container:
        for done, picture in enumerate(_small_pictures(container, times_s), 1):
            pictures.append(picture)
            report(done / len(times_s))
    labels = [clock(time_s, tenths=tenths) for time_s in times_s]
    _grid(pictures, labels).save(sheet, quality=_JPEG_QUALITY)


def clock(seconds: float, *, tenths: bool) -> str:
    """Write a time of a film: `0:07`, `1:02:03`, with tenths `0:07.3`; what is not shown is cut off."""
    whole = math.floor(seconds * 10 + 1e-6) // 10
    minutes, rest_s = divmod(whole, 60)
    hours, rest_min = divmod(minutes, 60)
    text = f"{hours}:{rest_min:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"
    return f"{text}.{math.floor(seconds * 10 + 1e-6) % 10}" if tenths else text


def _small_pictures(container: InputContainer, times_s: list[float]) -> Iterator[Image.Image]:
    for time_s in times_s:
        frame = _frame_at(container, time_s)
        width, height = _fitted(frame.width, frame.height)
        yield frame.to_image(width=width, height=height, interpolation="AREA")


def _fitted(width: int, height: int) -> tuple[int, int]:
    scale = min(_PICTURE_PX[0] / width, _PICTURE_PX[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _frame_at(container: InputContainer, at_s: float) -> av.VideoFrame:
    """Return the frame that begins at a time, or the first after it, or the last; decoded from the keyframe before."""
    stream = container.streams.video[0]
    assert stream.time_base is not None
    container.seek(int(at_s / stream.time_base), stream=stream)
    frames = container.decode(stream)
    frame = next(frames)
    while (frame.time or 0.0) < at_s - 0.001 and (following := next(frames, None)) is not None:
        frame = following
    return frame


def _grid(pictures: list[Image.Image], labels: list[str]) -> Image.Image:
    """Lay pictures of one size out in rows, each with its label beneath."""
    columns = min(COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    width, height = pictures[0].size
    cell = (max(width, _MIN_CELL_PX) + _GAP_PX, height + _LABEL_PX + _GAP_PX)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP_PX, rows * cell[1] + _GAP_PX), _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX)  # the font that Pillow brings
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        row, column = divmod(number, columns)
        x, y = _GAP_PX + column * cell[0], _GAP_PX + row * cell[1]
        sheet.paste(picture, (x + (cell[0] - _GAP_PX - width) // 2, y))
        centre = (x + (cell[0] - _GAP_PX) // 2, y + height + _LABEL_PX // 2)
        draw.text(centre, label, fill=_INK, font=font, anchor="mm")
    return sheet
