"""Owns the films that reuse is measured by: their sources, which a server of their own counts, and their documents."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rendering_film import texture
from tests.web import LocalServer

SIZE, FPS = (1280, 720), 30
LINE_COLOUR, OTHER_LINE_COLOUR = "#ffffff", "#80ffff"
_PICTURE_SIZE = (1600, 1200)
_ZOOM = 3  # the picture grows by three tenths
_PANS = ("left", "right", "top", "bottom")


@dataclass(frozen=True)
class Served:
    """What the sources' server was asked for, and the bodies it sent."""

    requests: int
    bodies: int
    body_bytes: int


class Sources:
    """Files on a local server, which says an ETag and a Last-Modified of each, and 304 to whom these are named."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self._sizes: dict[str, int] = {}
        self._versions = 0

    def put(self, path: str, content: bytes) -> str:
        """Serve a content from now on, and return its address."""
        self._versions += 1
        self._sizes[path] = len(content)
        changed = f"Thu, 01 Jan 2026 00:{self._versions // 60:02}:{self._versions % 60:02} GMT"
        return self._server.dated(path, content, etag=f'"{self._versions}"', last_modified=changed)

    def account(self) -> Served:
        """Return what was served since the last account; give it before a content changes."""
        requests = sum(self._server.hits.values())
        sent = {path: times for (path, status), times in self._server.answered.items() if status == 200}
        self._server.hits.clear()
        self._server.answered.clear()
        return Served(requests, sum(sent.values()), sum(times * self._sizes[path] for path, times in sent.items()))


def photo(seed: int) -> bytes:
    """Return a JPEG that is larger than the film, so that it may be zoomed into."""
    file = io.BytesIO()
    texture(_PICTURE_SIZE, seed=seed).save(file, "JPEG", quality=90)
    return file.getvalue()


def spoken_film(pictures: Sequence[str], speech: Sequence[str], scene_s: float, line_colour: str) -> dict[str, Any]:
    """Return the document of a film of equal scenes, each with a picture that is zoomed into and speech."""
    scenes = [
        {"duration": scene_s, "elements": [moving(picture), {"type": "audio", "src": said}]}
        for picture, said in zip(pictures, speech, strict=True)
    ]
    subtitles = {
        "type": "subtitles",
        "model": "tiny-words",
        "language": "en",
        "settings": {"line-color": line_colour},
    }
    return _document(scenes, [subtitles])


def long_film(pictures: Sequence[str], music: str, scenes: int, scene_s: float) -> dict[str, Any]:
    """Return the document of a film of equal scenes, each another wander over one of the pictures, with music."""
    count = len(pictures)
    ways = [_PANS[(number + number // count) % len(_PANS)] for number in range(scenes)]  # another in each round
    wanders = [
        {"duration": scene_s, "elements": [moving(pictures[number % count], pan=way)]}
        for number, way in enumerate(ways)
    ]
    return _document(wanders, [{"type": "audio", "src": music, "loop": -1}])


def moving(picture: str, **keys: Any) -> dict[str, Any]:
    """Return an element that zooms into a picture."""
    return {"type": "image", "src": picture, "resize": "cover", "zoom": _ZOOM, **keys}


def _document(scenes: list[dict[str, Any]], elements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"width": SIZE[0], "height": SIZE[1], "fps": FPS, "scenes": scenes, "elements": elements}


def put_pictures(sources: Sources, count: int) -> list[str]:
    """Serve so many pictures."""
    return [sources.put(f"/picture-{number}.jpg", photo(number)) for number in range(count)]


def put_files(sources: Sources, files: Sequence[Path]) -> list[str]:
    """Serve files."""
    return [sources.put(f"/file-{number}{file.suffix}", file.read_bytes()) for number, file in enumerate(files)]
