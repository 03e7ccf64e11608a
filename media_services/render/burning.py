"""Owns burning subtitles into segments: each is given the events within it, at its own times."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import pysubs2

from media_services.media import Source
from media_services.render.segments import Segment


@dataclass(frozen=True)
class Burnt:
    """What is burnt into a segment: an ASS, the contents of the fonts that the document brings, and the frames' times.

    The first frame is drawn as at `late` of the ticks of which a second has `second`, and a frame lasts `ticks`.
    """

    ass: str
    fonts: tuple[str, ...]
    second: int
    ticks: int
    late: int

    def filters(self, folder: Path) -> list[str]:
        """Write the ASS into a folder, and return the filters that draw it and leave the frames at their rate.

        They draw half a tick later, for the filter cuts a floating-point time to milliseconds: 10.8 s were 10.799.
        """
        (folder / "subtitles.ass").write_text(self.ass, encoding="utf-8")
        as_it_is_seen = [f"settb=1/{self.second * 2}", f"setpts=N*{self.ticks * 2}+{self.late * 2 + 1}"]
        return [*as_it_is_seen, "ass=subtitles.ass", f"settb={self.ticks}/{self.second}", "setpts=N"]


class Burner:
    """Draws the subtitles of a film over its segments; `environment` is where FFmpeg finds their fonts."""

    def __init__(self, ass: Path, fonts: Sequence[Source], fps: Fraction, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._ass, self._fps = ass, fps
        self._fonts = tuple(font.sha256 for font in fonts)

    @cached_property
    def _whole(self) -> pysubs2.SSAFile:
        return pysubs2.SSAFile.load(str(self._ass))

    def burnt(self, segment: Segment) -> Burnt | None:
        """Return what is burnt into a segment; None if nothing is.

        The events are moved by whole hundredths of a second, which is what ASS counts; the frames by what is left, so
        that each is drawn as it would be at its place in the film.
        """
        rate, first = self._fps, segment.first_frame
        start_cs = math.floor(first * 100 / rate)
        events = [
            event
            for event in self._whole
            if event.start < (segment.end_frame + 1) * 1000 / rate and event.end > first * 1000 / rate
        ]
        if not events:
            return None
        part = pysubs2.SSAFile()
        part.info, part.styles = self._whole.info, self._whole.styles
        for event in events:
            moved = event.copy()
            moved.start, moved.end = max(event.start - start_cs * 10, 0), event.end - start_cs * 10
            part.append(moved)
        return Burnt(
            part.to_string("ass"),
            self._fonts,
            second=rate.numerator * 100,
            ticks=rate.denominator * 100,
            late=first * rate.denominator * 100 - start_cs * rate.numerator,
        )
