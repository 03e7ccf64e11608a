"""Owns the facts about a piece of media: what was fetched and what probing found in it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class MediaKind(StrEnum):
    """What a file turned out to be."""

    AUDIO = "audio"
    VIDEO = "video"
    IMAGE = "image"
    CAPTIONS = "captions"
    FONT = "font"


@dataclass(frozen=True)
class Colour:
    """What the numbers of a moving picture mean, by FFmpeg's names; None where the file does not say.

    `matrix` is "gbr" where the numbers are red, green and blue themselves.
    """

    matrix: str | None = None
    primaries: str | None = None
    transfer: str | None = None


@dataclass(frozen=True)
class Probe:
    """What is in a media file.

    `width` and `height` are as shown, after orientation (0 for audio). `duration_ms` is the natural length: of the
    picture for a video, of the sound for an audio, 0 for a still image, None where even decoding did not tell.
    `rotation` is what EXIF or the display matrix asks for, in degrees clockwise. `frames` is 1 for a still image.
    `is_square` says that pixels are, so that `width` and `height` are those of the frames. Only a video has a `colour`.
    """

    kind: MediaKind
    format: str
    duration_ms: int | None
    width: int = 0
    height: int = 0
    rotation: int = 0
    fps: float | None = None
    frames: int | None = None
    has_alpha: bool = False
    is_square: bool = True
    is_interlaced: bool = False
    colour: Colour | None = None
    has_sound: bool = False
    sample_rate: int | None = None
    channels: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None


@dataclass(frozen=True)
class Source:
    """A source of a document, local and understood: the file, the SHA-256 of its content, and its probe."""

    src: str
    file: Path
    sha256: str
    size_bytes: int
    probe: Probe
