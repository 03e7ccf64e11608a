"""A document made a film by the engine, to be looked into and listened to."""

import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from media_services import pipeline
from media_services.movie.reading import read
from media_services.timeline import Timeline
from tests import film
from tests.conformance import material

CANVAS = {"resolution": "320x180", "fps": 10, "quality": "high"}


@dataclass(frozen=True)
class Rendered:
    """A film and the timeline it was made from; colours and samples are read when they are asked for."""

    file: Path
    timeline: Timeline
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def frames(self) -> list[NDArray[np.uint8]]:
        return [pixels[:, :, :3] for _, pixels in material.decoded(self.file)]

    @cached_property
    def samples(self) -> NDArray[np.float32]:
        return film.samples(self.file)

    def pixel(self, frame: int, x: int, y: int) -> NDArray[np.int64]:
        return self.frames[frame][y, x].astype(int)

    def is_colour(self, frame: int, x: int, y: int, colour: str, within: int = 24) -> bool:
        return bool(np.abs(self.pixel(frame, x, y) - ImageColor.getrgb(colour)[:3]).max() <= within)


def render(document: dict[str, Any]) -> Rendered:
    """Render a document of local files, on a small canvas unless it says otherwise."""
    movie = read({**CANVAS, **document}, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    folder = Path(tempfile.mkdtemp(dir=material.media.new_file("").parent))
    production = pipeline.produce(movie, folder, lambda *where: None, local=local)
    (timeline,) = pipeline.plan(movie, folder / "again", lambda *where: None, local=local)
    warnings = [problem.code for problem in (*movie.warnings, *production.warnings)]
    return Rendered(production.films[0].file, timeline, warnings)
