"""Lays pictures of pages side by side, as the docs show them, in files that are small."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

_GAP_PX = 24
_GROUND = "#8b95a1"  # seen as such between light pages as well as between dark ones
LARGEST_BYTES = 250_000
SHEETS: dict[str, tuple[Sequence[str], int, int]] = {  # the pictures, and width and height in pixels that each may have
    "overview": (["thousand-overview-1280-light"], 1280, 1500),
    "overview-states": (["none-overview-1280-light", "rendering-overview-1280-dark"], 900, 950),
    "overview-narrow": (
        [
            "none-overview-390-light",
            "rendering-overview-390-dark",
            "paused-overview-390-light",
            "thousand-overview-390-dark",
        ],
        390,
        1300,
    ),
    "list": (["thousand-list-1280-light"], 1280, 1250),
    "list-narrow": (
        ["none-list-390-light", "rendering-list-390-dark", "thousand-list-390-light", "thousand-list-390-dark"],
        390,
        900,
    ),
    "job-rendering": (["rendering-job-1280-light"], 1280, 1400),
    "job-completed": (["completed-job-1280-dark"], 1280, 1900),
    "job": (["failed-job-1280-light"], 1280, 1500),
    "job-narrow": (
        ["rendering-job-390-light", "completed-job-390-dark", "failed-job-390-light", "failed-job-390-dark"],
        390,
        1500,
    ),
}


def lay_out(pictures: Path, folder: Path) -> None:
    """Write all sheets, as `admin-<name>.png`."""
    for name, (shown, width_px, height_px) in SHEETS.items():
        pages = [_fitted(Image.open(pictures / f"{each}.png").convert("RGB"), width_px, height_px) for each in shown]
        (folder / f"admin-{name}.png").write_bytes(_small(_side_by_side(pages)))


def _fitted(page: Image.Image, width_px: int, height_px: int) -> Image.Image:
    height = round(page.height * width_px / page.width)
    return page.resize((width_px, height), Image.Resampling.LANCZOS).crop((0, 0, width_px, min(height, height_px)))


def _side_by_side(pages: Sequence[Image.Image]) -> Image.Image:
    if len(pages) == 1:
        return pages[0]
    width_px = sum(page.width + _GAP_PX for page in pages) + _GAP_PX
    sheet = Image.new("RGB", (width_px, max(page.height for page in pages) + 2 * _GAP_PX), _GROUND)
    left = _GAP_PX
    for page in pages:
        sheet.paste(page, (left, _GAP_PX))
        left += page.width + _GAP_PX
    return sheet


def _small(sheet: Image.Image) -> bytes:
    """Return a PNG with as many colours as it may have to be no larger than a file of the docs may be."""
    for colours in (256, 128, 64, 32, 16):
        written = io.BytesIO()
        flat = sheet.quantize(colours, kmeans=2, dither=Image.Dither.NONE)
        flat.save(written, "PNG", optimize=True)
        if written.tell() <= LARGEST_BYTES:
            break
    return written.getvalue()
