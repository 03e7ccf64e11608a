"""Owns setting a paragraph: which parts are of one font, script and direction, where lines end, where glyphs stand."""

import bisect
import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fontTools import unicodedata as scripts
from uniseg.linebreak import line_break_units  # type: ignore[import-untyped]

from media_services.fonts import clusters
from media_services.render.text.cut import Cut, Glyph
from media_services.render.text.direction import levels, reordered

SOFT_HYPHEN = "\u00ad"
_INHERITED = {"Zyyy", "Zinh", "Zzzz"}
_JOINED = {"Arab", "Syrc", "Mong", "Nkoo", "Mand", "Phag", "Rohg", "Adlm"}  # letters that spacing would tear apart
_SET_SOLID = {"Hani", "Hira", "Kana", "Bopo", "Yiii"}  # written without spaces
_STRETCHED = {" ", "\u00a0"}

_NO_BREAK_SPACES = "\u00a0\u2007\u202f"

# A word, the spaces after it, and what follows them and is no word: rules may bind a sign to what is before it.
_SPACES, _LETTERS = rf"[^\S{_NO_BREAK_SPACES}]*", rf"(?:\S|[{_NO_BREAK_SPACES}])"
_WORD = re.compile(rf"{_LETTERS}+{_SPACES}(?:[^\w\s]{_LETTERS}*{_SPACES})*|{_SPACES}")

# Words of which no rule of Unicode parts anything: asked about each, the rules take a fifth of a millisecond a letter.
_PLAIN_WORD = re.compile(r"[0-9A-Za-zÀ-ɏͰ-ϿЀ-ӿ\u05d0-\u05eaء-غف-ي'’]+[.,:;!?…]*[ ]*")
_NEARLY_PX = 1 / 64  # what sums of advances may be off by


@dataclass(frozen=True)
class Run:
    """A part of a paragraph in one font, one script and one direction; an odd level is from right to left."""

    start: int
    end: int
    cut: Cut
    script: str
    level: int

    @property
    def rtl(self) -> bool:
        return self.level % 2 == 1


@dataclass(frozen=True)
class Placed:
    """A glyph and its pen's place from the start of the base line, in pixels, y downwards."""

    cut: Cut
    number: int
    x_px: float
    y_px: float


@dataclass(frozen=True)
class Line:
    """A line from its left end: its glyphs, its width without what only spaces take at its end."""

    glyphs: Sequence[Placed]
    width_px: float


class Paragraph:
    """A text without line feeds, in the fonts that `cut_of` has for its characters."""

    def __init__(self, text: str, cut_of: Callable[[str], Cut], *, spacing_px: float = 0) -> None:
        self._text, self._cut_of, self._spacing_px = text, cut_of, spacing_px
        self._levels, self.is_rtl = levels(text)
        self._runs = list(self._parted())
        self._advances = self._measured()
        self._starts = [index for index, advance in enumerate(self._advances) if advance is not None]
        self._sums = list(itertools.accumulate((advance or 0 for advance in self._advances), initial=0.0))

    def lines(self, width_px: float, *, justify: bool = False) -> list[Line]:
        """Return the lines of a paragraph that are as wide as allowed.

        They end where Unicode's rules (UAX 14) let them, or within a word that is wider than a line. With `justify`
        the spaces of all lines but the last, or the gaps where a script has no spaces, take what a line leaves over.
        """
        spans = list(self._broken(width_px))
        return [self._line(start, end, width_px if justify and end < len(self._text) else None) for start, end in spans]

    def _parted(self) -> Iterator[Run]:
        fonts = [cut for cluster in clusters(self._text) for cut in [self._cut_of(cluster)] * len(cluster)]
        looks = list(zip(fonts, _scripts(self._text), self._levels, strict=True))
        start = 0
        for look, same in itertools.groupby(looks):
            end = start + len(list(same))
            yield Run(start, end, *look)
            start = end

    def _measured(self) -> list[float | None]:
        """Return how far each character moves the pen, None for what is of one piece with the character before it."""
        advances: list[float | None] = [None] * len(self._text)
        for run in self._runs:
            for glyph in self._set(run, self._text, run.start, run.end):
                advances[glyph.cluster] = (advances[glyph.cluster] or 0) + glyph.advance_px
            for index in range(run.start, run.end):
                if advances[index] is not None:
                    advances[index] = (advances[index] or 0) + self._spacing(run)
        return advances

    def _set(self, run: Run, text: str, start: int, end: int) -> list[Glyph]:
        return run.cut.set(text, start, end, script=run.script, rtl=run.rtl, ligatures=not self._spacing_px)

    def _spacing(self, run: Run) -> float:
        return 0 if run.script in _JOINED else self._spacing_px

    def _broken(self, width_px: float) -> Iterator[tuple[int, int]]:
        """Yield where the lines start and end, as many words on each as it holds."""
        start = end = 0
        for chance in _chances(self._text):
            while self._width(start, chance) > width_px + _NEARLY_PX:
                if end <= start:
                    end = self._within(start, chance, width_px)
                    if end >= chance:
                        break
                yield start, end
                start = end
            end = chance
        if start < len(self._text) or not self._text:
            yield start, len(self._text)

    def _within(self, start: int, end: int, width_px: float) -> int:
        """Return where a word must be broken to fit a line: after one character at least."""
        first, last = bisect.bisect_right(self._starts, start), bisect.bisect_left(self._starts, end)
        inside = range(first, last)
        if not inside:
            return end
        fitting = bisect.bisect_right(
            inside, width_px + _NEARLY_PX, key=lambda at: self._width(start, self._starts[at])
        )
        return self._starts[inside[max(fitting - 1, 0)]]

    def _width(self, start: int, end: int) -> float:
        shown = self._shown_end(start, end)
        if shown == start:
            return 0
        width = self._sums[shown] - self._sums[start] - self._spacing(self._run_at(shown - 1))
        return width + self._hyphen_px if self._is_hyphenated(shown, end) else width

    def _run_at(self, index: int) -> Run:
        return self._runs[bisect.bisect_right(self._runs, index, key=lambda run: run.start) - 1]

    def _shown_end(self, start: int, end: int) -> int:
        """Return where a line ends without its last spaces."""
        while end > start and self._text[end - 1].isspace() and self._text[end - 1] not in _NO_BREAK_SPACES:
            end -= 1
        return end

    def _is_hyphenated(self, shown: int, end: int) -> bool:
        return end < len(self._text) and self._text[shown - 1] == SOFT_HYPHEN

    @functools.cached_property
    def _hyphen_px(self) -> float:
        hyphen = self._cut_of("-").set("-", 0, 1, script="Latn", rtl=False, ligatures=False)
        return sum(glyph.advance_px for glyph in hyphen)

    def _line(self, start: int, end: int, stretched_px: float | None) -> Line:
        shown = self._shown_end(start, end)
        text = self._text
        if shown > start and self._is_hyphenated(shown, end):
            text = f"{text[: shown - 1]}-{text[shown:]}"
        extra = self._stretch(start, shown, stretched_px) if stretched_px is not None else {}
        glyphs: list[Placed] = []
        pen = gap = 0.0
        for run in reordered([run for run in self._runs if run.start < shown and run.end > start]):
            found = self._set(run, text, max(run.start, start), min(run.end, shown))
            gap = self._spacing(run)
            for glyph, after in itertools.zip_longest(found, found[1:]):
                glyphs.append(Placed(run.cut, glyph.number, pen + glyph.x_px, -glyph.y_px))
                pen += glyph.advance_px
                if after is None or after.cluster != glyph.cluster:
                    pen += gap + extra.get(glyph.cluster, 0)
        return Line(glyphs, pen - gap)

    def _stretch(self, start: int, end: int, width_px: float) -> dict[int, float]:
        """Return what to add after which characters to make a line as wide as that."""
        over = width_px - self._width(start, end)
        places = [index for index in range(start, end) if self._text[index] in _STRETCHED]
        if not places:
            solid = {index for run in self._runs if run.script in _SET_SOLID for index in range(run.start, run.end)}
            places = [index for index in self._starts if start <= index < end and index in solid][:-1]
        return dict.fromkeys(places, over / len(places)) if places and over > 0 else {}


def _scripts(text: str) -> list[str]:
    """Return the script of each character; signs and spaces are of that before them, or of the first after them."""
    found = [_script(character) for character in text]
    current = next((script for script in found if script not in _INHERITED), "Zyyy")
    for index, script in enumerate(found):
        current = current if script in _INHERITED else script
        found[index] = current
    return found


@functools.lru_cache(maxsize=4096)
def _script(character: str) -> str:
    return str(scripts.script(character))


def _chances(text: str) -> Iterator[int]:
    """Yield where a line may end, the end of the text included."""
    end = 0
    for word in _WORD.finditer(text):
        for unit in _units(word[0]):
            end += len(unit)
            yield end


@functools.lru_cache(maxsize=1024)
def _units(word: str) -> tuple[str, ...]:
    return (word,) if _PLAIN_WORD.fullmatch(word) else tuple(line_break_units(word))
