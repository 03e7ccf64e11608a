"""Owns making a video of an animated picture, so that all animations move in one way and at their exact times."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import ExifTags, Image, ImageFilter, ImageOps

from media_services.opening import open_picture
from media_services.probe import TURNED, played
from media_services.render.still import as_srgb

_TICK = Fraction(1, 1000)
_BLEED_PX = 4  # how far the colours of what is seen go on under what is not


def as_video(file: Path, folder: Path, *, tick: Callable[[float], None] = lambda share: None) -> Path:
    """Return one pass of a GIF, APNG, WebP or AVIF as a lossless video with alpha, made at the first call.

    Each frame is shown for exactly its time, the last one too when the video is played in a loop. One frame at a time
    is in memory. `tick` hears after each how much is done, from 0 to 1; what it raises stops the work.
    """
    video = folder / f"{file.name}.frames.mkv"
    if video.exists():
        return video
    part = video.with_suffix(".part")
    with open_picture(file) as image, av.open(str(part), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=1000)
        turned = image.getexif().get(ExifTags.Base.Orientation) in TURNED
        stream.width, stream.height = image.size[::-1] if turned else image.size
        stream.pix_fmt = "bgra"
        stream.codec_context.time_base = stream.time_base = _TICK
        for number, (frame, start_ms, shown_ms) in enumerate(played(image), 1):
            pixels = np.asarray(_bled(as_srgb(ImageOps.exif_transpose(frame)).convert("RGBA")))
            picture = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format="bgra")
            picture.pts, picture.time_base, picture.duration = start_ms, _TICK, shown_ms
            for packet in stream.encode(picture):
                packet.duration = shown_ms
                container.mux(packet)
            tick(number / getattr(image, "n_frames", 1))
        container.mux(stream.encode())
    part.rename(video)
    return video


def _bled(frame: Image.Image) -> Image.Image:
    """Give what is wholly transparent the colour of what is near, for scaling mixes neighbours whether seen or not.

    Without it the black that hides under a GIF's transparency is a dark rim when the GIF is scaled.
    """
    alpha = frame.getchannel("A")
    if not alpha.histogram()[0]:
        return frame
    near = frame.convert("RGBa").filter(ImageFilter.BoxBlur(_BLEED_PX)).convert("RGBA").convert("RGB")
    near.paste(frame.convert("RGB"), mask=alpha.point(lambda value: 255 if value else 0))
    near.putalpha(alpha)
    return near
