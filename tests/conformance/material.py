"""Pictures, footage and sounds whose every part can be told from the others; each is made once a session."""

import functools
import wave
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests import media

RATE = 48_000
BITS = 8  # of the number that each frame of counting footage shows


@functools.cache
def quarters(width: int = 160, height: int = 120, mode: str = "RGB", suffix: str = ".png") -> Path:
    """Make a picture of four quarters: red and lime above, blue and yellow below."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for number, colour in enumerate(("red", "lime", "blue", "yellow")):
        x, y = number % 2 * width // 2, number // 2 * height // 2
        draw.rectangle((x, y, x + width // 2 - 1, y + height // 2 - 1), fill=colour)
    return _saved(image.convert(mode), suffix)


@functools.cache
def scenery(width: int = 320, height: int = 240) -> Path:
    """Make a picture with shades, edges and colours, no two parts of which are alike."""
    across, down = np.meshgrid(np.linspace(0, 1, width * 2), np.linspace(0, 1, height * 2))
    sky = np.stack([60 + 120 * across, 90 + 90 * down, 190 - 110 * across * down], axis=2)
    image = Image.fromarray(sky.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle((width * 0.1, height * 0.15, width * 0.8, height * 0.8), fill=(220, 60, 40))
    draw.ellipse((width, height * 0.9, width * 1.8, height * 1.8), fill=(240, 220, 60))
    draw.polygon([(width * 0.3, height * 1.8), (width * 0.7, height * 1.1), (width, height * 1.9)], fill=(30, 140, 60))
    draw.line((width * 1.2, height * 0.2, width * 1.9, height * 0.7), fill="white", width=12)
    return _saved(image.resize((width, height), Image.Resampling.LANCZOS))


@functools.cache
def disc(side: int = 80, colour: str = "#00c85a", alpha: int = 255) -> Path:
    """Make a disc with soft edges on nothing."""
    mask = Image.new("L", (side * 4, side * 4))
    ImageDraw.Draw(mask).ellipse((8, 8, side * 4 - 8, side * 4 - 8), fill=alpha)
    image = Image.new("RGBA", (side, side), colour)
    image.putalpha(mask.resize((side, side), Image.Resampling.LANCZOS))
    return _saved(image)


@functools.cache
def studio(screen: str = "#00b140", actor: str = "#c828a0") -> Path:
    """Make a picture of 160x120 with a block of 60x60 in its middle before a screen of one colour."""
    image = Image.new("RGB", (160, 120), screen)
    ImageDraw.Draw(image).rectangle((50, 30, 109, 89), fill=actor)
    return _saved(image)


@functools.cache
def dots(width: int = 640, height: int = 360) -> Path:
    """Make white dots on black, the one nearest to the middle a fifth of the sides away from it."""
    image = Image.new("RGB", (width * 4, height * 4))
    draw = ImageDraw.Draw(image)
    for x, y in ((0.3, 0.3), (0.7, 0.3), (0.3, 0.7), (0.7, 0.7)):
        middle = x * width * 4, y * height * 4
        draw.ellipse((middle[0] - 40, middle[1] - 40, middle[0] + 40, middle[1] + 40), fill="white")
    return _saved(image.resize((width, height), Image.Resampling.BOX))


@functools.cache
def counting(frames: int, fps: str = "10", size: tuple[int, int] = (160, 90), every: int = 15) -> Path:
    """Make footage each frame of which shows its number as columns, white for one, black for none."""
    width, height = size
    row = np.repeat(np.array([1 << bit for bit in range(BITS)]), width // BITS)
    rows = [np.where(row & number, 255, 0).astype(np.uint8) for number in range(frames)]
    return _encoded([np.repeat(row[None, :, None], height, axis=0).repeat(3, axis=2) for row in rows], fps, every)


def _encoded(pictures: Sequence[NDArray[np.uint8]], fps: str, every: int) -> Path:
    height, width = pictures[0].shape[:2]
    file, raw = media.new_file(".mp4"), media.new_file(".rgb")
    raw.write_bytes(np.stack(pictures).tobytes())
    media.ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", fps, "-i", raw,
                 "-c:v", "libx264", "-crf", "8", "-g", str(every), "-pix_fmt", "yuv420p", file)  # fmt: skip
    return file


@functools.cache
def footage(file: Path, frames: int = 10, fps: str = "10", step_px: int = 0) -> Path:
    """Make footage of a picture that wanders to the left by so many pixels a frame, and comes in again on the right."""
    with Image.open(file) as image:
        still = np.asarray(image.convert("RGB"))
    pictures = [np.roll(still, -step_px * number, axis=1) for number in range(frames)]
    return _encoded(pictures, fps, every=15)


def number_shown(pixels: NDArray[np.uint8]) -> int:
    """Return the number that a part of a frame shows, if it is all of a frame of counting footage."""
    row = pixels[pixels.shape[0] // 2].mean(axis=1)
    middles = [int((bit + 0.5) * len(row) / BITS) for bit in range(BITS)]
    return sum(1 << bit for bit, middle in enumerate(middles) if row[middle] > 128)


@functools.cache
def clear_footage() -> Path:
    """Make footage with alpha, VP9: a red left half and a right half that is not there."""
    image = Image.new("RGBA", (160, 90))
    image.paste((255, 0, 0, 255), (0, 0, 80, 90))
    file = media.new_file(".webm")
    media.ffmpeg("-loop", "1", "-r", "10", "-t", "1", "-i", _saved(image), "-c:v", "libvpx-vp9",
                 "-pix_fmt", "yuva420p", "-b:v", "1M", file)  # fmt: skip
    return file


@functools.cache
def blinking_gif(loop: int = 0) -> Path:
    """Make a GIF of three frames of 200 ms: red, lime, blue."""
    file = media.new_file(".gif")
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=200, loop=loop)
    return file


@functools.cache
def sound(*pitches_hz: float, seconds: float = 1.0, rate: int = RATE, level: float = 0.5, suffix: str = ".wav") -> Path:
    """Make a sound with a sine in each channel; 0 is silence."""
    times = np.arange(round(seconds * rate)) / rate
    return wav([level * np.sin(2 * np.pi * pitch * times) for pitch in pitches_hz], rate, suffix)


def wav(channels: Sequence[NDArray[np.float64]], rate: int = RATE, suffix: str = ".wav") -> Path:
    """Write samples from -1 to 1 into a file of 16 bits; six channels are 5.1."""
    file = media.new_file(".wav")
    with wave.open(str(file), "wb") as sink:
        sink.setnchannels(len(channels))
        sink.setsampwidth(2)
        sink.setframerate(rate)
        sink.writeframes(np.rint(np.stack(channels, axis=1) * 32767).astype("<i2").tobytes())
    return file if suffix == ".wav" else media.converted(file, suffix)


def decoded(file: Path, decoder: str | None = None) -> list[tuple[float, NDArray[np.uint8]]]:
    """Return every frame of footage with its time in seconds, as RGBA."""
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
        frames = [
            frame for packet in container.demux(stream) for frame in context.decode(packet if packet.size else None)
        ]
        return [(float(frame.pts * stream.time_base), frame.to_ndarray(format="rgba")) for frame in frames]


def _saved(image: Image.Image, suffix: str = ".png") -> Path:
    file = media.new_file(suffix)
    image.save(file)
    return file
