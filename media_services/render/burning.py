"""Owns burning subtitles into segments: each is given the events within it, at its own times."""

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import pysubs2

from media_services.render.segments import Segment
from media_services.timeline import Timeline


class Burner:
    """Draws the subtitles of a film over its segments; `environment` is where FFmpeg finds their fonts."""

    def __init__(self, ass: Path, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._ass = ass

    @cached_property
    def _whole(self) -> pysubs2.SSAFile:
        return pysubs2.SSAFile.load(str(self._ass))

    def filters(self, segment: Segment, timeline: Timeline, folder: Path) -> list[str]:
        """Write the subtitles of a segment into a folder, and return the filters that draw them; none if none are.

        The events are moved by whole hundredths of a second, which is what ASS counts; the frames by what is left, so
        that each is drawn as it would be at its place in the film.
        """
        rate, first = timeline.fps, segment.first_frame
        start_cs = math.floor(first * 100 / rate)
        events = [
            event
            for event in self._whole
            if event.start < (segment.end_frame + 1) * 1000 / rate and event.end > first * 1000 / rate
        ]
        if not events:
            return []
        part = pysubs2.SSAFile()
        part.info, part.styles = self._whole.info, self._whole.styles
        for event in events:
            moved = event.copy()
            moved.start, moved.end = max(event.start - start_cs * 10, 0), event.end - start_cs * 10
            part.append(moved)
        part.save(str(folder / "subtitles.ass"))
        ticks, late = rate.denominator * 100, first * rate.denominator * 100 - start_cs * rate.numerator
        return [
            f"settb=1/{rate.numerator * 100}",
            f"setpts=N*{ticks}+{late}",
            "ass=subtitles.ass",
            f"settb={rate.denominator}/{rate.numerator}",
            "setpts=N",
        ]
