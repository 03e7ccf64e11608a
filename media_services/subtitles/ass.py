"""Owns how subtitles are drawn: lines become ASS events in one of the styles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import pysubs2

from media_services.movie.settings import SubtitleSettings, SubtitleStyle
from media_services.movie.values import length_px
from media_services.subtitles.lines import Line

_MARGIN_SHARE = 0.06
_LINE_BOX_SHARE, _WORD_BOX_SHARE = 0.2, 0.12  # how far a box reaches beyond its letters, in font sizes
_ALIGNMENT = {
    f"{row}-{column}": base + number
    for row, base in (("bottom", 1), ("center", 4), ("top", 7))
    for number, column in enumerate(("left", "center", "right"))
}
_BOXED = {SubtitleStyle.BOXED_LINE, SubtitleStyle.BOXED_WORD}
_UNSEEN = r"\alpha&HFF&"


class Typeface(Protocol):
    """The letters of some subtitles: their family, and which family draws what that one lacks."""

    @property
    def family(self) -> str: ...

    def runs(self, text: str) -> list[tuple[str, str]]:
        """Part a text into (family, text)."""


@dataclass(frozen=True)
class Drawing:
    """Lines and how they look."""

    lines: Sequence[Line]
    settings: SubtitleSettings
    typeface: Typeface


def ass_file(drawings: Sequence[Drawing], *, width: int, height: int) -> str:
    """Return subtitles as one ASS file for a film of a size: its pixels are the film's."""
    file = pysubs2.SSAFile()
    file.info.update(
        {"PlayResX": str(width), "PlayResY": str(height), "WrapStyle": "0", "ScaledBorderAndShadow": "yes",
         "YCbCr Matrix": "TV.709"}
    )  # fmt: skip
    file.styles = {}
    for number, drawing in enumerate(drawings):
        pen = _Pen(drawing, width, height, f" {number + 1}" if number else "")
        file.styles.update(pen.styles())
        for line in drawing.lines:
            file.events += pen.events(line)
    file.events.sort(key=lambda event: (event.start, event.layer))
    return str(file.to_string("ass"))


@dataclass(frozen=True)
class _Pen:
    """Draws the lines of one `subtitles` element."""

    drawing: Drawing
    width: int
    height: int
    suffix: str

    @property
    def look(self) -> SubtitleSettings:
        return self.drawing.settings

    def length(self, value: str | float, along_px: int) -> float:
        return length_px(value, along_px=along_px, canvas=(self.width, self.height))

    def styles(self) -> dict[str, pysubs2.SSAStyle]:
        """Return the style of the text, and where boxes are drawn that of the letters they stand behind."""
        look = self.look
        margin = round(min(self.width, self.height) * _MARGIN_SHARE)
        size = min(self.length(look.font_size, self.width), self.height)  # libass takes GiBs for letters much larger
        text = pysubs2.SSAStyle(
            fontname=self.drawing.typeface.family,
            fontsize=round(size, 2),
            bold=look.font_weight == "bold",
            primarycolor=_colour(look.line_color),
            secondarycolor=_colour(look.line_color),
            outlinecolor=_colour(look.outline_color),
            backcolor=_colour(look.shadow_color),
            outline=look.outline_width,
            shadow=look.shadow_offset,
            borderstyle=1,
            alignment=pysubs2.Alignment(_ALIGNMENT.get(look.position, 7)),
            marginl=margin,
            marginr=margin,
            marginv=margin,
        )
        if look.style not in _BOXED:
            return {f"Default{self.suffix}": text}
        box = text.copy()
        share = _LINE_BOX_SHARE if look.style is SubtitleStyle.BOXED_LINE else _WORD_BOX_SHARE
        box.borderstyle, box.outline, box.shadow = 3, max(round(size * share, 2), 1), 0
        box.primarycolor = pysubs2.Color(0, 0, 0, 255)
        box.outlinecolor = _colour(look.box_color)
        return {f"Default{self.suffix}": text, f"Box{self.suffix}": box}

    def events(self, line: Line) -> Iterator[pysubs2.SSAEvent]:
        """Yield what is drawn of a line while each of its words is spoken."""
        place = self.place()
        texts = [self.letters(word.text) for word in line.words]
        if self.look.style is SubtitleStyle.BOXED_LINE:
            yield self.event(line.start_ms, line.end_ms, place + " ".join(texts), box=True)
        bounds = [line.start_ms, *(word.start_ms for word in line.words[1:]), line.end_ms]
        for number, (start_ms, end_ms) in enumerate(pairwise(bounds)):
            if end_ms <= start_ms:
                continue
            if self.look.style is SubtitleStyle.BOXED_WORD:
                box = f"\\3a&H{255 - _channels(self.look.box_color)[3]:02X}&"
                boxed = _joined(texts, number, r"\3a&HFF&", box, r"\3a&HFF&")
                yield self.event(start_ms, end_ms, place + boxed, box=True)
            yield self.event(start_ms, end_ms, place + self.shown(texts, number))

    def event(self, start_ms: int, end_ms: int, text: str, *, box: bool = False) -> pysubs2.SSAEvent:
        style = f"{'Box' if box else 'Default'}{self.suffix}"
        return pysubs2.SSAEvent(start_ms, end_ms, text, style=style, layer=0 if box else 1)

    def place(self) -> str:
        if self.look.position != "custom":
            return ""
        x, y = self.length(self.look.x, self.width), self.length(self.look.y, self.height)
        return rf"{{\pos({x:g},{y:g})}}"

    def letters(self, text: str) -> str:
        """Return a word's text for ASS, in the families that have its letters."""
        family = self.drawing.typeface.family
        runs = self.drawing.typeface.runs(text.upper() if self.look.all_caps else text)
        return "".join(
            escape(part) if other == family else rf"{{\fn{other}}}{escape(part)}{{\fn{family}}}" for other, part in runs
        )

    def shown(self, texts: Sequence[str], spoken: int) -> str:
        """Return the line while one of its words is spoken.

        Words that are still to come keep their room, unseen, so that those which are there do not move.
        """
        rest, word = _override(self.look.line_color), _override(self.look.word_color)
        if self.look.style is SubtitleStyle.ONE_WORD:
            return f"{{{word}}}{texts[spoken]}"
        later = _UNSEEN if self.look.style is SubtitleStyle.PROGRESSIVE else rest
        return _joined(texts, spoken, rest, word, later)


def _joined(texts: Sequence[str], spoken: int, earlier: str, word: str, later: str) -> str:
    """Join words with the tags of the spoken one, of those before and of those after it."""
    before, after = " ".join(texts[:spoken]), " ".join(texts[spoken + 1 :])
    parts = [f"{{{earlier}}}{before} "] if before else []
    parts.append(f"{{{word}}}{texts[spoken]}")
    parts += [f"{{{later}}} {after}"] if after else []
    return "".join(parts)


def escape(text: str) -> str:
    """Make a text safe for ASS, where braces and backslashes are commands: libass is to draw it, not obey it."""
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}").replace("\n", " ")


def _channels(colour: str) -> tuple[int, int, int, int]:
    """Return red, green, blue and opacity of `#rrggbb` or `#rrggbbaa`."""
    parts = [int(colour[start : start + 2], 16) for start in range(1, len(colour), 2)]
    return parts[0], parts[1], parts[2], parts[3] if len(parts) > 3 else 255


def _colour(colour: str) -> pysubs2.Color:
    red, green, blue, opacity = _channels(colour)
    return pysubs2.Color(red, green, blue, 255 - opacity)


def _override(colour: str) -> str:
    red, green, blue, opacity = _channels(colour)
    return rf"\1c&H{blue:02X}{green:02X}{red:02X}&\1a&H{255 - opacity:02X}&"
