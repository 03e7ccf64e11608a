"""Draws docs/pictures/subtitle-styles.jpg: a frame of each subtitle style, made by the true renderer.

.venv/bin/python examples/styles.py docs/pictures/subtitle-styles.jpg
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import django
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
STYLES: dict[str, dict[str, Any]] = {
    "progressive": {"font-family": "Montserrat"},
    "classic": {"font-family": "Poppins", "word-color": "#7dd3fc"},
    "one-word": {"font-family": "Anton", "font-size": "9vw", "all-caps": True, "outline-width": 4},
    "boxed-line": {"font-family": "Roboto", "box-color": "#000000b0", "outline-width": 0},
    "boxed-word": {"font-family": "Montserrat", "box-color": "#d6006c", "word-color": "#ffffff", "shadow-offset": 2},
}
WIDTH, HEIGHT = 640, 360
WORDS = ["finished", "captions", "people", "post"]
WORD_MS = 400


def main(picture: Path) -> None:
    """Render a film of a few frames in each style, and lay their middles on one sheet."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
    django.setup()
    font = ImageFont.load_default(20)
    sheet = Image.new("RGB", (WIDTH * 2 + 30, (HEIGHT + 50) * 3 + 10), "#f4f4f5")
    draw = ImageDraw.Draw(sheet)
    with tempfile.TemporaryDirectory(prefix="videocraft-styles-") as folder:
        for number, (style, look) in enumerate(STYLES.items()):
            x, y = 10 + number % 2 * (WIDTH + 10), 10 + number // 2 * (HEIGHT + 50)
            sheet.paste(frame(Path(folder), style, look), (x, y))
            draw.text((x + 4, y + HEIGHT + 8), f'"style": "{style}"', "#18181b", font=font)
    sheet.save(picture, quality=88)


def frame(folder: Path, style: str, look: dict[str, Any]) -> Image.Image:
    """Return the frame in the middle of the second word."""
    from media_services import pipeline
    from media_services.movie.reading import read

    background = folder / "background.png"
    Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB").point(_dusk).save(background)
    words = [
        {"text": text, "start_ms": number * WORD_MS, "end_ms": (number + 1) * WORD_MS}
        for number, text in enumerate(WORDS)
    ]
    elements = [
        {"type": "image", "src": str(background), "resize": "cover"},
        {"type": "subtitles", "captions": {"words": words}, "settings": {"style": style, "font-size": "7vw", **look}},
    ]
    scene = {"duration": len(WORDS) * WORD_MS / 1000, "elements": elements}
    movie = read({"width": WIDTH, "height": HEIGHT, "fps": 20, "quality": "high", "scenes": [scene]}, allow_files=True)
    workdir = folder / style
    workdir.mkdir()
    film = pipeline.produce(movie, workdir, lambda *where: None, local={str(background): background}).films[0].file
    with av.open(str(film)) as container:
        frames = list(container.decode(video=0))
    image: Image.Image = frames[round(1.5 * WORD_MS / 50)].to_image()
    return image


_dusk = (
    [20 + level // 4 for level in range(256)]
    + [40 + level // 3 for level in range(256)]
    + [70 + level // 3 for level in range(256)]
)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
