"""Owns the pictures taken from a finished film: its poster, and its contact sheet of frames spread over all of it."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from PIL import Image, ImageDraw, ImageFont

from media_services.opening import open_streams
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
_NEARLY_S = 0.001  # WebM counts in these


def take_poster(film: Path, poster: Path, *, at_s: float) -> None:
    """Write the frame shown at a time as a JPEG of the film's own size."""
    with _opened(film) as container:
        next(_frames_at(container, [Fraction(at_s)])).to_image().save(poster, quality=_JPEG_QUALITY)


def pictures_of(frames: int) -> list[int]:
    """Return the numbers of the frames in the middle of each of up to twelve equal parts of a film."""
    count = min(frames, MAX_PICTURES)
    return [(2 * part + 1) * frames // (2 * count) for part in range(count)]


def decoded_frames(frames: int, keyframe_interval: int) -> int:
    """Return how many frames are decoded for a contact sheet at most, however long the film."""
    return frames if frames < MAX_PICTURES * keyframe_interval else MAX_PICTURES


def nearest_keyframes(times_s: Sequence[Fraction], keyframes_s: Sequence[Fraction]) -> list[Fraction] | None:
    """Return the keyframe nearest to each time; None where two would have the same."""
    nearest = [min(keyframes_s, key=lambda keyframe_s: abs(keyframe_s - time_s)) for time_s in times_s]
    return nearest if len(set(nearest)) == len(nearest) else None


def make_sheet(film: Path, sheet: Path, *, frames: int, fps: Fraction, report: Report) -> None:
    """Write a film's contact sheet as a JPEG, at most 1280 pixels wide; each picture is labelled with its time.

    It shows the middle of each of up to twelve equal parts, or the keyframes nearest to these where each has its own.
    """
    middles_s = [number / fps for number in pictures_of(frames)]
    tenths = frames / fps / len(middles_s) < _TENTHS_BELOW_S
    pictures, labels = [], []
    with _opened(film) as container:
        keyframes_s = _keyframes(container)
        nearest = nearest_keyframes(middles_s, keyframes_s)
        shown = _keyframes_at(container, nearest) if nearest else _frames_at(container, middles_s, keyframes_s)
        for frame in shown:
            pictures.append(_small(frame))
            labels.append(clock(_time_s(frame), tenths=tenths))
            report(len(pictures) / len(middles_s))
    _grid(pictures, labels).save(sheet, quality=_JPEG_QUALITY)


def clock(seconds: float, *, tenths: bool) -> str:
    """Write a time of a film: `0:07`, `1:02:03`, with tenths `0:07.3`; what is not shown is cut off."""
    whole = math.floor(seconds * 10 + 1e-6) // 10
    minutes, rest_s = divmod(whole, 60)
    hours, rest_min = divmod(minutes, 60)
    text = f"{hours}:{rest_min:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"
    return f"{text}.{math.floor(seconds * 10 + 1e-6) % 10}" if tenths else text


def _small(frame: av.VideoFrame) -> Image.Image:
    width, height = _fitted(frame.width, frame.height)
    small: Image.Image = frame.to_image(width=width, height=height, interpolation="AREA", threads=1)
    return small


def _fitted(width: int, height: int) -> tuple[int, int]:
    scale = min(_PICTURE_PX[0] / width, _PICTURE_PX[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _opened(film: Path) -> InputContainer:
    container = open_streams(film, is_own=True)
    container.streams.video[0].codec_context.thread_count = 1
    return container


def _keyframes(container: InputContainer) -> list[Fraction]:
    """Return the times of a film's keyframes; its packets are read for them, but not decoded."""
    packets = container.demux(container.streams.video[0])
    return [packet.pts * packet.time_base for packet in packets if packet.is_keyframe and packet.pts is not None]


def _keyframes_at(container: InputContainer, times_s: Sequence[Fraction]) -> Iterator[av.VideoFrame]:
    """Yield the keyframes of some times; no other frame is decoded."""
    stream = container.streams.video[0]
    for time_s in times_s:
        _seek(container, time_s)
        frame, *_ = (*stream.decode(next(container.demux(stream))), *stream.decode(None))
        frame.time_base = stream.time_base  # one that comes out by None has no time
        yield frame


def _frames_at(
    container: InputContainer, times_s: Sequence[Fraction], keyframes_s: Sequence[Fraction] = ()
) -> Iterator[av.VideoFrame]:
    """Yield, for times that rise, the frame that begins then, or the first after it, or the last.

    Decoded from the keyframe before the first; what lies before another of `keyframes_s` and is not shown is left out.
    """
    stream = container.streams.video[0]
    frame: av.VideoFrame | None = None
    for time_s in times_s:
        keyframe_s = max((each for each in keyframes_s if each <= time_s), default=Fraction(0))
        if frame is None or keyframe_s > _time_s(frame) + _NEARLY_S:
            _seek(container, time_s)
            frames = container.decode(stream)
            frame = next(frames)
        while _time_s(frame) < time_s - _NEARLY_S and (following := next(frames, None)) is not None:
            frame = following
        yield frame


def _seek(container: InputContainer, time_s: Fraction) -> None:
    """Go to the last keyframe that is not after a time."""
    stream = container.streams.video[0]
    assert stream.time_base is not None
    container.seek(round(time_s / stream.time_base), stream=stream)


def _time_s(frame: av.VideoFrame) -> float:
    return frame.time or 0.0


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
