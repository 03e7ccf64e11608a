"""Makes the example media: pictures, clips and music, the same on every machine, no network.

python examples/make_media.py [FOLDER [NAME ...]]     (examples/media, everything; what is there already is kept)
"""

import functools
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import homes
import landscapes
import moving
import rooms
from music import music
from PIL import Image
from presenter import presenter

MEDIA = Path(__file__).resolve().parent / "media"
_PAINTED = (
    *(landscapes.sunrise, landscapes.sea, landscapes.desert, landscapes.city, landscapes.mountains),
    *(homes.villa, homes.terrace, homes.cabin, homes.townhouse),
    *(rooms.living, rooms.kitchen, rooms.bedroom),
)
_SPEAKS = ("sunrise", "city", "mountains")


def save_picture(paint: Callable[[], Image.Image], path: Path) -> None:
    """Save a painting."""
    paint().save(path, "JPEG", quality=90)


MAKERS: dict[str, Callable[[Path], None]] = {
    **{f"{paint.__name__}.jpg": functools.partial(save_picture, paint) for paint in _PAINTED},
    **{f"presenter-{name}.mp4": functools.partial(presenter, MEDIA / f"{name}.mp3") for name in _SPEAKS},
    "background.mp4": moving.background,
    "sunset.mp4": moving.sunset,
    "shade.png": moving.shade,
    "music.m4a": music,
}


def named(part: Any) -> set[str]:
    """Return the names of the files that a document's sources are."""
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    own = {Path(part).name} if isinstance(part, str) and part.startswith("media/") else set()
    return own.union(*map(named, children))


def make(folder: Path = MEDIA, names: Collection[str] = tuple(MAKERS)) -> None:
    """Make those of the named media that are not there yet; nothing half-made ever has its final name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, save in MAKERS.items():
        if name in names and not (folder / name).exists():
            unfinished = folder / f".{name}.unfinished"
            save(unfinished)
            unfinished.rename(folder / name)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else MEDIA, sys.argv[2:] or tuple(MAKERS))
