"""Owns refusing pictures that are made to keep whoever looks through them busy, before a library does.

What Pillow bounds itself, how many pixels a picture has and how long its texts are, is left to it.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MOST_FRAMES = 20_000  # of an animation, however small they are: so many take a minute
_MOST_SCANS = 100  # of a JPEG; encoders make ten, and each is a walk over the whole picture, 0.1 s for 64 megapixels
_MOST_COMMENT_BYTES = 1024**2  # of a GIF; Pillow copies all it has at each block of 255, which for 100 MB takes an hour
_MOST_EXIF_BYTES = 128 * 1024  # of which a JPEG has 64 KB as a rule
_MOST_SHARING = 16  # how many entries of a TIFF may share each byte, for some writers are careless; Pillow copies it

_EXIF = "more EXIF data than any camera writes"
_EXIF_MARK = b"Exif\0\0"
_JPEG_SCAN = b"\xff\xda"  # nothing else in a picture is so: a zero follows each 255 within a scan
_GIF_EXTENSION, _GIF_IMAGE, _GIF_COMMENT = 0x21, 0x2C, 0xFE
_TIFF_UNIT_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8,
                    18: 8}  # fmt: skip


class TooMuch(Exception):
    """What a picture has too much of, as the end of a sentence."""


def check(file: Path, name: str) -> None:
    """Raise TooMuch for a picture that takes far more to look through than to show; `name` is Pillow's of its format.

    What is broken is left to Pillow.
    """
    if name in _CHECKS:
        with _mapped(file) as content:
            _CHECKS[name](content)


def check_exif(info: Mapping[object, object]) -> None:
    """Raise TooMuch for EXIF data of a picture that was opened which must not be looked into."""
    exif = info.get("exif")
    if isinstance(exif, bytes) and len(exif) > _MOST_EXIF_BYTES:
        raise TooMuch(_EXIF)
    if isinstance(exif, bytes):
        _check_tags(exif.removeprefix(_EXIF_MARK))


@contextmanager
def _mapped(file: Path) -> Iterator[mmap.mmap]:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as content:
        yield content


def _check_jpeg(content: mmap.mmap) -> None:
    _check_jpeg_exif(content)
    scans = at = 0
    while (at := content.find(_JPEG_SCAN, at) + 2) > 1:
        scans += 1
        if scans > _MOST_SCANS:
            raise TooMuch(f"more than {_MOST_SCANS} scans: save it as another JPEG")


def _check_jpeg_exif(content: mmap.mmap) -> None:
    """Check the EXIF segments before the first scan: Pillow joins them, and reads them as soon as it opens the file."""
    at, exif = 2, b""
    while content[at : at + 1] == b"\xff" and content[at : at + 2] != _JPEG_SCAN:
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at + 4 : at + 10] == _EXIF_MARK:
            exif += content[at + 10 : at + 2 + length]
        if len(exif) > _MOST_EXIF_BYTES:
            raise TooMuch(_EXIF)
        at += 2 + length
    _check_tags(exif)


def _check_gif(content: mmap.mmap) -> None:
    """Walk through the blocks; see https://www.w3.org/Graphics/GIF/spec-gif89a.txt for them."""
    frames = comment_bytes = 0
    try:
        at = 13 + _colours_bytes(content[10])
        while content[at] in (_GIF_EXTENSION, _GIF_IMAGE):
            is_comment = content[at] == _GIF_EXTENSION and content[at + 1] == _GIF_COMMENT
            frames += content[at] == _GIF_IMAGE
            first = at + 2 if content[at] == _GIF_EXTENSION else at + 11 + _colours_bytes(content[at + 9])
            at = _after_blocks(content, first)
            comment_bytes += at - first if is_comment else 0
            if frames > MOST_FRAMES:
                raise TooMuch(f"more than {MOST_FRAMES:,} frames: make it a video, an MP4 or WebM say")
            if comment_bytes > _MOST_COMMENT_BYTES:
                raise TooMuch("longer comments than can be read")
    except IndexError:
        return  # it is cut off


def _colours_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(content: mmap.mmap, at: int) -> int:
    """Return where a row of blocks, each with its length before it, is over."""
    while length := content[at]:
        at += length + 1
    return at + 1


def _check_tags(content: mmap.mmap | bytes) -> None:
    """Raise TooMuch where the entries of a TIFF's first directory come to many times the bytes that there are."""
    order = "<" if content[:2] == b"II" else ">"
    is_big = content[2:4] in (b"+\0", b"\0+")
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", content, 8 if is_big else 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if is_big else 'H'}", content, start)
        layout, first = (f"{order}HHQQ", start + 8) if is_big else (f"{order}HHII", start + 2)
        entries = struct.iter_unpack(layout, content[first : first + min(count, 0xFFFF) * struct.calcsize(layout)])
        stated_bytes = sum(_TIFF_UNIT_BYTES.get(kind, 1) * number for _, kind, number, _ in entries)
    except struct.error:
        return  # it is cut off
    if stated_bytes > len(content) * _MOST_SHARING:
        raise TooMuch("directory entries that share their bytes")


_CHECKS: dict[str, Callable[[mmap.mmap], None]] = {"JPEG": _check_jpeg, "GIF": _check_gif, "TIFF": _check_tags}
