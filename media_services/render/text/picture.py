"""Owns what a text element looks like: its lengths in pixels, and where its lines stand in its box."""

import functools
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from media_services.fonts import BOLD, REGULAR, Face, Fonts, Typeface
from media_services.movie.document import Text
from media_services.movie.settings import TextSettings
from media_services.movie.values import length_px
from media_services.render.text.cut import Cut
from media_services.render.text.paint import Area, Colours, Ink, painted
from media_services.render.text.paragraph import Line, Paragraph

Size = tuple[int, int]

_LARGEST_OF_BOX = 2  # a font size, of the box's longer side: one letter then fills more than the box
_REACH = 4  # how far above its base line a letter with any accents may begin, of the font size
_TAB = " " * 4
_BLANK = {"Cc", "Cf", "Zs"}
_LINE_ENDS = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_PARTS = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}


_one_at_a_time = threading.Lock()


def draw(text: Text, *, size: Size, canvas: Size, font: Path | None = None) -> Image.Image:
    """Return a text element as an RGBA picture of its box, with straight alpha.

    `size` is that of the box, `canvas` that of the film, by which `vw` and `vh` are measured; `font` is the file of
    `font-url`. A font size in percent is of the canvas's width, a padding of the box's, other lengths of the font size.

    The text is wrapped in the box less its padding and its outline. What is too large is drawn all the same and cut
    off at the edges of the box: lines that are too many start at its top, so that it is the end that is lost. A text
    of spaces only is an empty picture, without a background.

    Raises MediaError, UNSUPPORTED_MEDIA, for a font that cannot be drawn. Safe to use from several threads; one of them
    draws at a time, for FreeType's library, and a face that is open, are one thread's.
    """
    with _one_at_a_time:
        return _drawn(text, size, canvas, font)


def _drawn(text: Text, size: Size, canvas: Size, font: Path | None) -> Image.Image:
    words, look = _readable(text.text), text.settings
    lengths = Lengths.of(look, size, canvas)
    if _is_blank(words) or lengths.font_size < 1:
        return Image.new("RGBA", size)
    fonts = Fonts([font] if font else [])
    block = _Block(words, look, lengths, size, _cuts(fonts, _typeface(text, fonts), look, lengths.font_size))
    letters, outlined = Ink(size), Ink(size) if lengths.outline else None
    for line, x_px, base in block.lines():
        for glyph in line.glyphs:
            pen_px, y = x_px + glyph.x_px, base + round(glyph.y_px)
            letters.add(*glyph.cut.mask(glyph.number, pen_px), y)
            if outlined:
                outlined.add(*glyph.cut.mask(glyph.number, pen_px, lengths.outline), y)
    colours = Colours(look.color, look.outline_color, look.shadow_color, look.background_color)
    return painted(letters, outlined, block.background, colours, round(lengths.shadow))


def warnings_of(text: Text, font: Path | None = None) -> list[str]:
    """Return what the client is told of a text's fonts: a family that is not here, what others draw for it."""
    return list(_typeface(text, Fonts([font] if font else [])).warnings)


@dataclass(frozen=True)
class Lengths:
    """The lengths of a text in pixels."""

    font_size: float
    line: float
    spacing: float
    outline: float
    shadow: float
    padding: float

    @classmethod
    def of(cls, look: TextSettings, size: Size, canvas: Size) -> "Lengths":
        """Return what the settings come to in a box on a canvas; a width below 0 is none."""
        font_size = min(length_px(look.font_size, along_px=canvas[0], canvas=canvas), _LARGEST_OF_BOX * max(size))

        def of_font_size(value: float | str) -> float:
            return length_px(value, along_px=round(font_size), canvas=canvas)

        return cls(
            font_size=font_size,
            line=font_size * look.line_height,
            spacing=of_font_size(look.letter_spacing),
            outline=min(max(of_font_size(look.outline_width), 0), max(size)),
            shadow=of_font_size(look.shadow_offset),
            padding=max(length_px(look.padding, along_px=size[0], canvas=canvas), 0),
        )


class _Block:
    """The lines of a text and where they stand in a box."""

    def __init__(
        self, words: str, look: TextSettings, lengths: Lengths, size: Size, cut_of: Callable[[str], Cut]
    ) -> None:
        self._look, self._lengths = look, lengths
        inset = lengths.padding + lengths.outline
        room_px = max(size[0] - 2 * inset, 1)
        justify = look.text_align == "justify"
        paragraphs = [Paragraph(part, cut_of, spacing_px=lengths.spacing) for part in words.split("\n")]
        self._lines = [
            (line, paragraph.is_rtl) for paragraph in paragraphs for line in paragraph.lines(room_px, justify=justify)
        ]
        self._width = max(line.width_px for line, _ in self._lines)
        self._height = len(self._lines) * lengths.line
        self._left = inset + (room_px - self._width) * _PARTS[look.horizontal_position]
        spare_px = max(size[1] - 2 * inset - self._height, 0)
        self._top = inset + spare_px * _PARTS[look.vertical_position]
        self._bottom = size[1]
        self._base = _base_of_line(cut_of(" "), lengths.line)

    @property
    def background(self) -> Area:
        """The rectangle of the text and its padding."""
        padding = self._lengths.padding
        return (
            round(self._left - padding),
            round(self._top - padding),
            round(self._left + self._width + padding),
            round(self._top + self._height + padding),
        )

    def lines(self) -> Iterator[tuple[Line, float, int]]:
        """Yield each line that may be seen, with the left end and the height of its base line."""
        for number, (line, is_rtl) in enumerate(self._lines):
            align = self._look.text_align
            if align == "justify":
                align = "right" if is_rtl else "left"
            left = self._left + (self._width - line.width_px) * _PARTS[align]
            base = self._top + number * self._lengths.line + self._base
            if base - _REACH * self._lengths.font_size - self._lengths.outline > self._bottom:
                break
            yield line, left, round(base)


def _base_of_line(cut: Cut, line_px: float) -> float:
    """Return how far below the top of a line its base line is: letters' reach is in the middle of it, as in CSS."""
    return (line_px - cut.ascent_px - cut.descent_px) / 2 + cut.ascent_px


def _cuts(fonts: Fonts, typeface: Typeface, look: TextSettings, size_px: float) -> Callable[[str], Cut]:
    """Return what finds the face, at its size, that draws a character with what belongs to it."""
    weight, italic = int(look.font_weight), look.font_style == "italic"

    @functools.cache
    def cut(face: Face) -> Cut:
        return Cut(face, size_px, weight=weight, italic=italic)

    @functools.cache
    def cut_of(cluster: str) -> Cut:
        return cut(fonts.face(typeface.family_of(cluster), cluster, weight=weight, italic=italic))

    return cut_of


def _typeface(text: Text, fonts: Fonts) -> Typeface:
    look = text.settings
    bold = 2 * int(look.font_weight) > REGULAR + BOLD
    return fonts.choose(look.font_family, _readable(text.text), bold=bold, italic=look.font_style == "italic")


def _is_blank(text: str) -> bool:
    return all(unicodedata.category(character) in _BLANK for character in text)


def _readable(text: str) -> str:
    """Return a text with line feeds for all ends of lines, spaces for tabs, and no other control characters.

    Letters are composed with their accents: many fonts have them so that lack the accents alone.
    """
    lines = _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text)).removesuffix("\n").replace("\t", _TAB)
    return "".join(character for character in lines if character == "\n" or unicodedata.category(character) != "Cc")
