"""Moving pictures: soft lights and a sunset, which loop; and the encoding of drawn frames."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from drawing import Floats, gradient, oval
from PIL import Image, ImageDraw

LOOP_S, LIGHTS_FPS, SUNSET_FPS = 8, 30, 25
_LIGHTS_PX = (160, 90)  # they are soft, so they are drawn small and scaled up
_LIGHTS = (
    # x, y of the centre, reach across and down, radius, phase, colour
    (0.35, 0.3, 0.22, 0.16, 0.55, 0.0, (0.16, 0.42, 0.72)),
    (1.35, 0.7, 0.25, 0.18, 0.60, 0.3, (0.55, 0.20, 0.55)),
    (0.95, 0.15, 0.30, 0.10, 0.42, 0.55, (0.10, 0.50, 0.55)),
    (0.55, 0.85, 0.25, 0.14, 0.48, 0.8, (0.72, 0.32, 0.38)),
    (1.5, 0.2, 0.15, 0.2, 0.35, 0.15, (0.25, 0.25, 0.75)),
)
_SUNSET_PX = (720, 1280)
_SUNSET_S = 6
_WAVES = (
    # height, swell, waves across, times it rolls on in a loop, colour
    (0.60, 0.006, 3, 1, "#c65f8e"),
    (0.65, 0.009, 2, -1, "#9b4b8f"),
    (0.71, 0.012, 2, 1, "#6f3d8a"),
    (0.78, 0.016, 1, -1, "#4b3079"),
    (0.86, 0.020, 1, 1, "#2d2260"),
    (0.94, 0.022, 1, -1, "#191644"),
)


def encode(
    path: Path,
    frames: Iterable[bytes],
    *,
    drawn_px: tuple[int, int],
    size_px: tuple[int, int],
    fps: int,
    pixels: str = "rgb24",
    crf: int = 24,
    sound: Path | None = None,
) -> None:
    """Encode drawn frames as H.264 in BT.709, scaled to a size, with a sound if there is one."""
    width_px, height_px = drawn_px
    source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width_px}x{height_px}", "-r", str(fps), "-i", "-"]
    heard = ["-i", str(sound), "-c:a", "aac", "-b:a", "64k"] if sound else []
    scale = f"scale={size_px[0]}:{size_px[1]}:flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv"
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-colorspace", "bt709"]
    tags = ["-color_primaries", "bt709", "-color_trc", "bt709", "-movflags", "+faststart", "-f", "mp4"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, *heard]
    command += ["-vf", f"{scale},format=yuv420p", *codec, *tags, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for frame in frames:
            encoder.stdin.write(frame)
        encoder.stdin.close()
        if encoder.wait(timeout=120):
            raise RuntimeError(f"FFmpeg could not encode {path.name}")


def background(path: Path) -> None:
    """Save the calm background, drawn in 16 bits so that scaling up does not show bands."""
    turns = np.arange(LOOP_S * LIGHTS_FPS) / (LOOP_S * LIGHTS_FPS)
    frames = ((lights(turn) * 65535).astype("<u2").tobytes() for turn in turns)
    encode(path, frames, drawn_px=_LIGHTS_PX, size_px=(1280, 720), fps=LIGHTS_FPS, pixels="rgb48le")


def lights(turn: float) -> Floats:
    """Return a frame from 0 to 1: soft lights, each going once round its place while `turn` goes from 0 to 1."""
    width_px, height_px = _LIGHTS_PX
    across, down = np.linspace(0, width_px / height_px, width_px), np.linspace(0, 1, height_px)
    frame: Floats = np.array([0.10, 0.12, 0.27]) + (down[:, None] + 0 * across)[..., None] * np.array(
        [0.05, 0.02, 0.10]
    )
    for x, y, reach_x, reach_y, radius, phase, colour in _LIGHTS:
        angle = 2 * np.pi * (turn + phase)
        beside = np.exp(-1.6 * ((across - x - reach_x * np.cos(angle)) / radius) ** 2)
        above = np.exp(-1.6 * ((down - y - reach_y * np.sin(angle)) / radius) ** 2)
        strength = 0.8 * np.outer(above, beside)[..., None]
        frame = frame * (1 - strength) + np.array(colour) * strength
    return frame


def sunset(path: Path) -> None:
    """Save a sun over rolling waves, upright as a phone, without a seam where it loops."""
    encode(path, _sunset_frames(), drawn_px=_SUNSET_PX, size_px=(540, 960), fps=SUNSET_FPS)


def _sunset_frames() -> Iterator[bytes]:
    width_px, height_px = _SUNSET_PX
    sky = gradient(width_px, height_px, "#2b1d5e", "#6a2f86", "#c9487f", "#ff7a6b", "#ffb36b", "#ffe0a0")
    across = np.linspace(0, 1, 91)
    for number in range(_SUNSET_S * SUNSET_FPS):
        turn = number / (_SUNSET_S * SUNSET_FPS)
        picture = sky.copy()
        pen = ImageDraw.Draw(picture, "RGBA")
        breath = 1 + 0.02 * np.sin(2 * np.pi * turn)
        for ring, shine in ((0.46, 26), (0.37, 34), (0.285, 46), (0.22, 255)):
            disc = oval(0.5, 0.47, ring * breath, ring * breath * width_px / height_px)
            pen.polygon([(x * width_px, y * height_px) for x, y in disc], (255, 246, 222, shine))
        for height, swell, waves, rolls, colour in _WAVES:
            phase = 2 * np.pi * (waves * across + rolls * turn)
            line = height + swell * (np.sin(phase) + 0.4 * np.sin(2 * phase + 6.283 * rolls * turn))
            shore = list(zip(across * width_px, line * height_px, strict=True))
            pen.polygon([(0, height_px), *shore, (width_px, height_px)], colour)
        yield picture.tobytes()


def shade(path: Path) -> None:
    """Save a veil that is clear at the top and dark at the bottom, for words to be read on a picture."""
    strength = np.linspace(0, 1, 512) ** 1.4 * 225
    veil = np.zeros((512, 16, 4), np.uint8)
    veil[..., :3] = (8, 10, 24)
    veil[..., 3] = strength.round().astype(np.uint8)[:, None]
    Image.fromarray(veil).save(path, "PNG")
