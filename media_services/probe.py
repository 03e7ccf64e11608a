"""Owns what a media file is: its content sniffed, its header bounded, its frames decoded, or a precise refusal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from PIL import ExifTags, Image, WebPImagePlugin

from media_services import bounds
from media_services.errors import MediaError
from media_services.fonts import read_faces
from media_services.media import MediaKind, Probe
from media_services.opening import open_picture
from media_services.sniff import sniff
from media_services.streams import noun, probe_stream, unsupported
from media_services.subtitles.encoding import CaptionsError, decode
from media_services.subtitles.given import parse

_ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
_CAPTIONS_BYTES = 10 * 1024**2
_ANIMATION_PX = 1_000_000_000  # of all frames: 8 s of decoding on a slow core, and as much again when it is drawn
_SHORTEST_MS, _USUAL_MS = 10, 100
TURNED = (5, 6, 7, 8)  # the EXIF orientations that swap width and height
# EXIF orientation -> degrees clockwise; 2, 4, 5 and 7 are mirrored as well.
_ROTATIONS = {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}


def probe(file: Path, *, kind: MediaKind | None = None, tick: Callable[[int], None] = lambda read_bytes: None) -> Probe:
    """Return the facts about a media file, or raise MediaError saying what is wrong with it.

    `kind` is what the file must serve as; a video's sound serves as audio, and only a moving picture as video. `tick`
    hears how many bytes of sound, video and animations have been looked at; what it raises stops the probe.
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
    return _probe_picture(file, sniffed.picture, tick)


def _probe_captions(file: Path) -> Probe:
    if file.stat().st_size > _CAPTIONS_BYTES:
        raise unsupported(f"captions take {_CAPTIONS_BYTES:,} bytes at most")
    try:
        phrases = parse(decode(file.read_bytes()))
    except CaptionsError as problem:
        raise unsupported(str(problem)) from problem
    ends_ms = [word.end_ms for phrase in phrases for word in phrase.words]
    return Probe(kind=MediaKind.CAPTIONS, format="captions", duration_ms=max(ends_ms, default=0))


def played(image: Image.Image) -> Iterator[tuple[Image.Image, int, int]]:
    """Yield each frame of an animation, when it is shown, and for how long, in milliseconds.

    The image must not have been loaded. It is yielded itself, standing at the frame. A frame of no more than 10 ms is
    shown for 100, as browsers do; a picture for those who cannot play an APNG is none of its frames.
    """
    if isinstance(image, WebPImagePlugin.WebPImageFile):
        # Pillow believes the header, which says nothing of the transparency around frames that are opaque themselves.
        image.rawmode = image._mode = "RGBA"
    first = 1 if getattr(image, "default_image", False) else 0
    end_ms = 0.0
    for number in range(first, getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        start_ms, length_ms = round(end_ms), image.info.get("duration") or 0
        end_ms += length_ms if length_ms > _SHORTEST_MS else _USUAL_MS
        yield image, start_ms, round(end_ms) - start_ms


def _probe_picture(file: Path, name: str, tick: Callable[[int], None]) -> Probe:
    with _refusing(name):
        bounds.check(file, name)
        with open_picture(file, [name]) as image:
            _refuse_bomb(image.width, image.height)
            image.verify()  # checksums; the image must be opened again afterwards
        with open_picture(file, [name]) as image:
            image.load()
            bounds.check_exif(image.info)
            facts = _picture_facts(image, name)
    return _probe_animation(file, name, facts, tick) if name in _ANIMATED and facts.frames != 1 else facts


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Refuse the image whose reading raises inside."""
    try:
        yield
    except MediaError:
        raise
    except bounds.TooMuch as problem:
        raise unsupported(f"the image ({name}) has {problem}") from problem
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
    turned = orientation in TURNED
    width, height = image.size
    return Probe(
        kind=MediaKind.IMAGE,
        format=name.lower(),
        duration_ms=0,
        width=height if turned else width,
        height=width if turned else height,
        rotation=_ROTATIONS.get(orientation, 0),
        frames=getattr(image, "n_frames", 1) if name in _ANIMATED else 1,
        has_alpha=image.has_transparency_data,
    )


def _probe_animation(file: Path, name: str, first: Probe, tick: Callable[[int], None]) -> Probe:
    """Return the facts about all frames of an image, given those about the first; each frame is decoded."""
    count = first.frames or 1
    if count > bounds.MOST_FRAMES or count * first.width * first.height > _ANIMATION_PX:
        size = f"{count} frames of {first.width}x{first.height}"
        raise unsupported(f"the animation is too large ({size}): make it a video, an MP4 or WebM say")
    size_bytes, frames, end_ms, has_alpha = file.stat().st_size, 0, 0, False
    with open_picture(file, [name]) as image:
        size_px = image.size
        moments = played(image)
        while True:
            with _refusing(name):
                moment = next(moments, None)
                if image.size != size_px:
                    raise unsupported("a frame of the animation is larger than the animation")
                has_alpha = has_alpha or _is_seen_through(image)
            if moment is None:
                return replace(first, frames=frames, duration_ms=end_ms if frames > 1 else 0, has_alpha=has_alpha)
            frames, end_ms = frames + 1, moment[1] + moment[2]
            tick(size_bytes * frames // count)


def _is_seen_through(image: Image.Image) -> bool:
    if image.mode == "RGBA":
        return image.getchannel("A").histogram()[255] < image.width * image.height
    return image.has_transparency_data
