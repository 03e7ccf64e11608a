"""Makes the example media: five landscapes and a calm looping background, the same on every machine, no network.

python examples/make_media.py [FOLDER]     (examples/media by default; what is there already is kept)
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import landscapes
import numpy as np
from drawing import Floats
from PIL import Image

MEDIA = Path(__file__).resolve().parent / "media"
_LOOP_S, _FPS = 8, 30
_DRAWN_PX = (160, 90)  # it is soft, so it is drawn small and scaled up
_LIGHTS = (
    # x, y of the centre, reach across and down, radius, phase, colour
    (0.35, 0.3, 0.22, 0.16, 0.55, 0.0, (0.16, 0.42, 0.72)),
    (1.35, 0.7, 0.25, 0.18, 0.60, 0.3, (0.55, 0.20, 0.55)),
    (0.95, 0.15, 0.30, 0.10, 0.42, 0.55, (0.10, 0.50, 0.55)),
    (0.55, 0.85, 0.25, 0.14, 0.48, 0.8, (0.72, 0.32, 0.38)),
    (1.5, 0.2, 0.15, 0.2, 0.35, 0.15, (0.25, 0.25, 0.75)),
)


def drift(turn: float) -> Floats:
    """Return a frame from 0 to 1: soft lights, each going once round its place while `turn` goes from 0 to 1."""
    width_px, height_px = _DRAWN_PX
    across = np.linspace(0, width_px / height_px, width_px)[None, :]
    down = np.linspace(0, 1, height_px)[:, None]
    frame: Floats = np.array([0.10, 0.12, 0.27]) + (down + 0 * across)[..., None] * np.array([0.05, 0.02, 0.10])
    for x, y, reach_x, reach_y, radius, phase, colour in _LIGHTS:
        angle = 2 * np.pi * (turn + phase)
        away = (across - x - reach_x * np.cos(angle)) ** 2 + (down - y - reach_y * np.sin(angle)) ** 2
        strength = 0.8 * np.exp(-1.6 * away / radius**2)[..., None]
        frame = frame * (1 - strength) + np.array(colour) * strength
    return frame


def save_background(path: Path) -> None:
    """Encode the looping background, drawn in 16 bits so that scaling up does not show bands."""
    width_px, height_px = _DRAWN_PX
    turns = np.arange(_LOOP_S * _FPS) / (_LOOP_S * _FPS)
    pixels = b"".join((drift(turn) * 65535).astype("<u2").tobytes() for turn in turns)
    scale = "scale=1280:720:flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv,format=yuv420p"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", f"{width_px}x{height_px}", "-r", str(_FPS), "-i", "-"]
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-colorspace", "bt709"]
    tags = ["-color_primaries", "bt709", "-color_trc", "bt709", "-movflags", "+faststart", "-f", "mp4"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, "-vf", scale, *codec, *tags, str(path)]
    subprocess.run(command, input=pixels, check=True, timeout=120)


def saver(paint: Callable[[], Image.Image]) -> Callable[[Path], None]:
    """Return a function that saves a painting to a path."""
    return lambda path: paint().save(path, "JPEG", quality=90)


def make(folder: Path = MEDIA) -> None:
    """Make what is not there yet; nothing half-made ever has its final name."""
    scenes = (landscapes.sunrise, landscapes.sea, landscapes.desert, landscapes.city, landscapes.mountains)
    makers = {f"{paint.__name__}.jpg": saver(paint) for paint in scenes} | {"background.mp4": save_background}
    folder.mkdir(parents=True, exist_ok=True)
    for name, save in makers.items():
        if not (folder / name).exists():
            unfinished = folder / f".{name}.unfinished"
            save(unfinished)
            unfinished.rename(folder / name)


if __name__ == "__main__":
    make(*map(Path, sys.argv[1:]))
