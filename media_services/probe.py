"""Owns what a media file is: its content sniffed, its header bounded, its frames decoded, or a precise refusal."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from PIL import ExifTags, Image

from media_services.errors import MediaError
from media_services.fonts import read_faces
from media_services.media import MediaKind, Probe
from media_services.sniff import sniff
from media_services.streams import noun, probe_stream, unsupported
from media_services.subtitles.encoding import CaptionsError, decode
from media_services.subtitles.given import parse

_ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
_CAPTIONS_BYTES = 10 * 1024**2
_ANIMATION_PX = 256_000_000  # beyond, an animation is not decoded to learn its length
# EXIF orientation -> degrees clockwise; 2, 4, 5 and 7 are mirrored as well.
_ROTATIONS = {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}


def probe(file: Path, *, kind: MediaKind | None = None, tick: Callable[[int], None] = lambda read_bytes: None) -> Probe:
    """Return the facts about a media file, or raise MediaError saying what is wrong with it.

    `kind` is what the file must serve as; a video's sound serves as audio, and only a moving picture as video. `tick`
    hears how many bytes of sound and video have been looked at; what it raises stops the probe.
    """
    if file.stat().st_size == 0:
        raise unsupported("the file is empty (0 bytes)")
    if kind is MediaKind.CAPTIONS:
        return _probe_captions(file)
    if kind is MediaKind.FONT:
        read_faces(file)
        return Probe(kind=kind, format="font", duration_ms=0)
    sniffed = sniff(file)
    if sniffed.stranger:
        raise unsupported(f"the file is {sniffed.stranger}, not {noun(kind)}")
    if sniffed.picture is None:
        return probe_stream(file, kind=kind, tick=tick)
    if kind not in (None, MediaKind.IMAGE):
        raise unsupported(f"the file is an image ({sniffed.picture}), not {noun(kind)}")
    return _probe_picture(file, sniffed.picture)


def _probe_captions(file: Path) -> Probe:
    if file.stat().st_size > _CAPTIONS_BYTES:
        raise unsupported(f"captions take {_CAPTIONS_BYTES:,} bytes at most")
    try:
        phrases = parse(decode(file.read_bytes()))
    except CaptionsError as problem:
        raise unsupported(str(problem)) from problem
    ends_ms = [word.end_ms for phrase in phrases for word in phrase.words]
    return Probe(kind=MediaKind.CAPTIONS, format="captions", duration_ms=max(ends_ms, default=0))


def _probe_picture(file: Path, name: str) -> Probe:
    try:
        with Image.open(file, formats=[name]) as image:
            _refuse_bomb(image.width, image.height)
            image.verify()  # checksums; the image must be opened again afterwards
        with Image.open(file, formats=[name]) as image:
            image.load()
            return _picture_facts(image, name)
    except MediaError:
        raise
    except Image.DecompressionBombError as error:
        raise unsupported("the image has far more pixels than are allowed", detail=str(error)) from error
    except Exception as error:  # what a parser raises over a hostile file is not to be foreseen
        raise unsupported(f"the image ({name}) is damaged or cut off: {error}", detail=repr(error)) from error


def _refuse_bomb(width: int, height: int) -> None:
    limit_px = settings.VIDEOCRAFT.image_max_pixels
    if width * height > limit_px:
        raise unsupported(f"the image is {width}x{height}, more than the allowed {limit_px} pixels")


def _picture_facts(image: Image.Image, name: str) -> Probe:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    turned = orientation in (5, 6, 7, 8)
    has_alpha = image.has_transparency_data
    width, height = image.size
    frames, duration_ms = _animation(image) if name in _ANIMATED else (1, 0)
    return Probe(
        kind=MediaKind.IMAGE,
        format=name.lower(),
        duration_ms=duration_ms,
        width=height if turned else width,
        height=width if turned else height,
        rotation=_ROTATIONS.get(orientation, 0),
        frames=frames,
        has_alpha=has_alpha,
    )


def _animation(image: Image.Image) -> tuple[int, int | None]:
    """Return the frames of an image and how long one pass of them takes."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1:
        return 1, 0
    if frames * image.width * image.height > _ANIMATION_PX:
        return frames, None
    total_ms = 0.0
    for number in range(frames):
        image.seek(number)
        image.load()
        total_ms += image.info.get("duration", 0)
    return frames, round(total_ms)
