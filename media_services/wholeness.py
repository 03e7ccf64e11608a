"""Owns finding out from a container's own structure whether a file was cut off before its end."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_RIFF_SLACK_BYTES = 1024  # careless writers state a few bytes too many
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_MP3_HEAD_BYTES = 65536


def ends_early(file: Path) -> bool:
    """Return whether a container announces more bytes than the file has.

    Knows MP4 and its kin, Matroska, WebM, Ogg, WAV and AVI; False for every other format, and where the container does
    not say.
    """
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = opened.read(12)
        opened.seek(0)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"moof", b"styp"):
            return _boxes_end_early(opened, size)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return any(end > size for end in _element_ends(opened, size))
        if head.startswith(b"OggS"):
            return _last_page_end(opened, size) > size
        if head.startswith(b"RIFF"):
            stated = int.from_bytes(head[4:8], "little")
            return stated != 0xFFFFFFFF and stated + 8 > size + _RIFF_SLACK_BYTES
    return False


def states_its_frames(file: Path) -> bool:
    """Return whether an MP3 counts its frames in a Xing, Info or VBRI header; without one, its length is a guess."""
    with file.open("rb") as opened:
        opened.seek(_id3_bytes(opened.read(10)))
        head = opened.read(_MP3_HEAD_BYTES)
    sync = re.search(rb"\xff[\xe2-\xff]", head)
    first_frame = head[sync.start() : sync.start() + 192] if sync else b""
    return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))


def _id3_bytes(head: bytes) -> int:
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    return 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])


def _boxes_end_early(file: BinaryIO, size: int) -> bool:
    """Walk the top level of an MP4: a box of media or index that reaches past the end, or media without an index."""
    seen = set()
    position = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        seen.add(kind)
        end = size if length == 0 else position + length
        if end > size or length == 0 or length < 8:
            break
        position = end
    cut = position + 8 <= size and kind in (b"mdat", b"moov", b"moof") and length >= 8 and end > size
    return cut or (b"mdat" in seen and b"moov" not in seen)


def _element_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Walk a Matroska file and yield where its elements say they end, looking into those of unstated length."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(12)
        identity, identity_bytes = _vint(head, keep_marker=True)
        length, length_bytes = _vint(head[identity_bytes:], keep_marker=False)
        if identity_bytes == 0 or length_bytes == 0:
            return
        start = position + identity_bytes + length_bytes
        unstated = length == (1 << 7 * length_bytes) - 1
        if not unstated:
            yield start + length
        if identity == _SEGMENT or (identity == _CLUSTER and unstated):
            position = start
        elif unstated:
            return
        else:
            position = start + length


def _vint(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """Read EBML's number of variable length; return it and its bytes, 0 bytes where there is none."""
    if not data or data[0] == 0:
        return 0, 0
    count = 9 - data[0].bit_length()
    if len(data) < count:
        return 0, 0
    value = int.from_bytes(data[:count], "big")
    return (value if keep_marker else value & (1 << 7 * count) - 1), count


def _last_page_end(file: BinaryIO, size: int) -> int:
    """Return where the last page of an Ogg file says it ends."""
    file.seek(max(0, size - 2 * 65536))
    start = file.tell()
    tail = file.read()
    page = tail.rfind(b"OggS\0")
    if page < 0 or page + 27 > len(tail):
        return size + (page >= 0)
    segments = tail[page + 26]
    lengths = tail[page + 27 : page + 27 + segments]
    return start + page + 27 + segments + (sum(lengths) if len(lengths) == segments else 1)
