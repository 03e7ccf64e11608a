"""Draws docs/pictures/<example>.jpg: frames of each example document, rendered by the true renderer at a reduced size.

.venv/bin/python examples/sheets.py docs/pictures [NAME ...]     (all examples but the story, or those named)
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import django
from make_media import make
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
_MOMENTS_S = {
    "carousel": (1.6, 2.3, 3.6, 4.4, 6.3, 8.45, 9.4, 11.6),
    "listing": (1.6, 2.1, 4.0, 4.95, 6.8, 7.6, 9.4, 11.6),
    "presenter": (0.9, 2.2, 3.7, 4.9, 6.3, 7.8, 9.3, 10.6),
    "short": (0.9, 2.6, 3.2, 4.8, 5.9, 7.2, 8.4, 9.6),
    "tour": (2.4, 3.6, 5.3, 8.2, 9.4, 11.0, 13.9, 17.2),
}
_GAP_PX, _CAPTION_PX = 12, 26
_LONGER_SIDE_PX, _FPS = 640, 15
_LARGEST_BYTES = 200_000
_PAPER, _INK = "#16181d", "#c9ced8"


def main(folder: Path, names: Sequence[str]) -> None:
    """Render each example and lay frames of it on one sheet."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
    django.setup()
    make()
    for name in names or _MOMENTS_S:
        with tempfile.TemporaryDirectory(prefix="videocraft-sheets-") as workdir:
            document = json.loads((EXAMPLES / f"{name}.json").read_text())
            film = rendered(smaller(document), Path(workdir))
            save(sheet(film, _MOMENTS_S[name]), folder / f"{name}.jpg")


def smaller(document: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a document of one project with fewer pixels and frames; what it states in pixels shrinks with it."""
    from media_services.movie.document import RESOLUTIONS

    (project,) = document
    width_px, height_px = RESOLUTIONS[project["resolution"]]
    share = _LONGER_SIDE_PX / max(width_px, height_px)
    sides = {"width": round(width_px * share), "height": round(height_px * share)}
    elements = [_thinner(element, share) for element in project["elements"]]
    return [{**project, **sides, "fps": _FPS, "elements": elements}]


def _thinner(element: dict[str, Any], share: float) -> dict[str, Any]:
    settings = element.get("settings", {})
    if element["type"] != "subtitles":
        return element
    return {**element, "settings": {**settings, "outline-width": settings.get("outline-width", 2) * share}}


def rendered(document: list[dict[str, Any]], workdir: Path) -> Path:
    """Render a document of one project; return the film."""
    from media_services import pipeline
    from media_services.movie.reading import read

    movie = read(document, strict=True, allow_files=True)
    local = {src: EXAMPLES / src for src, _ in movie.sources()}
    return pipeline.produce(movie, workdir, lambda *where: None, local=local).films[0].file


def sheet(film: Path, moments_s: Sequence[float]) -> Image.Image:
    """Return frames of a film in rows, each with its time."""
    with av.open(str(film)) as container:
        frames = list(container.decode(video=0))
    picks = [frames[min(round(moment_s * _FPS), len(frames) - 1)] for moment_s in moments_s]
    upright = frames[0].height >= frames[0].width * 1.5
    columns = len(picks) // (1 if upright else 2)
    width_px = 250 if upright else 420
    height_px = round(width_px * frames[0].height / frames[0].width)
    step = (width_px + _GAP_PX, height_px + _CAPTION_PX + _GAP_PX)
    paper = Image.new("RGB", (step[0] * columns + _GAP_PX, step[1] * (len(picks) // columns) + _GAP_PX), _PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(size=16)
    for place, frame in enumerate(picks):
        left, top = _GAP_PX + step[0] * (place % columns), _GAP_PX + step[1] * (place // columns)
        paper.paste(frame.to_image().resize((width_px, height_px), Image.Resampling.LANCZOS), (left, top))
        pen.text((left, top + height_px + 5), f"{frame.time or 0:.1f} s", _INK, font)
    return paper


def save(picture: Image.Image, path: Path) -> None:
    """Save a JPEG as well as its size allows."""
    for quality in range(90, 40, -5):
        picture.save(path, "JPEG", quality=quality, optimize=True)
        if path.stat().st_size <= _LARGEST_BYTES:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
