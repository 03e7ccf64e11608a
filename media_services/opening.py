"""Owns opening what others made: local files only, and by no format that opens further files or a socket by itself.

Whoever reads media does it through here; where FFmpeg opens a file, one of these sets of options stands before its -i.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from PIL import Image

from media_services.sniff import PICTURE_FORMATS

# Containers that hold all of what they show: no playlists, no lists of files, no scripts, no numbered pictures.
_CONTAINERS = "mov,matroska,webm,mp3,wav,w64,ogg,flac,aac,aiff,caf,au,amr,ac3,eac3,asf,avi,flv,mpegts,mpeg,mxf"
# What we write ourselves on the way to a film besides those; the list that joins segments names files of its folder.
_OWN_FORMATS = f"{_CONTAINERS},nut,png_pipe,gif,concat"
MOST_STREAMS = 256  # a film with the fonts of its subtitles attached has fifty; FFmpeg opened 900 in 5 s

_PROTOCOLS = "-protocol_whitelist"
_FORMATS = "-format_whitelist"
# A stream may change its size after what was looked at; a frame then has no more pixels than can ever be allowed.
SAFE_INPUT = (_PROTOCOLS, "file", _FORMATS, _CONTAINERS, "-max_pixels", "178956970")
OWN_INPUT = (_PROTOCOLS, "file", _FORMATS, _OWN_FORMATS)


def open_streams(file: Path, *, is_own: bool = False) -> InputContainer:
    """Open sound or video for reading, also a film that `is_own`; raises what PyAV does."""
    formats = _OWN_FORMATS if is_own else _CONTAINERS
    options = {"protocol_whitelist": "file", "format_whitelist": formats, "max_streams": str(MOST_STREAMS + 1)}
    return av.open(str(file.absolute()), options=options, metadata_errors="replace")


def open_picture(file: Path, formats: Sequence[str] = PICTURE_FORMATS) -> Image.Image:
    """Open a picture by its header, as one of some of the formats that are read here; raises what Pillow does."""
    if not set(formats) <= set(PICTURE_FORMATS):
        raise ValueError(f"{formats} are not all read here")
    return Image.open(file, formats=list(formats))


def open_plain(file: Path) -> BinaryIO:
    """Open a file for reading its bytes; raises OSError, also for what is no file, which could hold us for ever.

    Nothing waits for the other end of a pipe, and a device is not touched.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(None, "it is not a file: a folder, say, a pipe or a device")
    opened = os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(None, "it was replaced while it was looked at")
    return opened


def require_safe(arguments: Sequence[str]) -> None:
    """Raise ValueError unless each input of an FFmpeg command has its own whitelists, for options are by input."""
    start = 0
    for number, argument in enumerate(arguments):
        if argument == "-i":
            if not {_PROTOCOLS, _FORMATS} <= set(arguments[start:number]):
                raise ValueError(f"FFmpeg would open {arguments[number + 1]} by any protocol and any format")
            start = number + 2
