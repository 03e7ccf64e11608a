"""Owns subtitles: words with times become lines, and lines become ASS events in one of the styles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pysubs2

from media_services.movie.document import SubtitleSettings, SubtitleStyle
from media_services.movie.values import length_px

PAUSE_MS = 700
FLICKER_MS = 200
_SENTENCE_ENDS = (".", "!", "?", "…")
_MARGIN_SHARE = 0.06
_ALIGNMENT = {
    f"{row}-{column}": base + number
    for row, base in (("bottom", 1), ("center", 4), ("top", 7))
    for number, column in enumerate(("left", "center", "right"))
}


@dataclass(frozen=True)
class Word:
    """A spoken word; times in milliseconds."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Line:
    """Words shown together, from `start_ms` to `end_ms`."""

    words: tuple[Word, ...]
    start_ms: int
    end_ms: int


def lines_of(words: Sequence[Word], *, max_words: int) -> list[Line]:
    """Part words into lines: at most so many words, ended by the end of a sentence or a pause.

    Lines never overlap; a gap too short to be seen as one is closed, so that nothing flickers.
    """
    groups: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.start_ms):
        last = groups[-1] if groups else None
        if last and len(last) < max_words and not _breaks(last[-1], word):
            last.append(word)
        else:
            groups.append([word])
    lines = []
    for number, group in enumerate(groups):
        following_ms = groups[number + 1][0].start_ms if number + 1 < len(groups) else None
        lines.append(Line(tuple(group), group[0].start_ms, _held(group[-1].end_ms, following_ms)))
    return [line for line in lines if line.end_ms > line.start_ms]


def _breaks(before: Word, after: Word) -> bool:
    return before.text.endswith(_SENTENCE_ENDS) or after.start_ms - before.end_ms >= PAUSE_MS


def _held(end_ms: int, following_ms: int | None) -> int:
    """Return until when something ending is shown: no longer than to the next, and to it if that is near."""
    if following_ms is None:
        return end_ms
    return following_ms if following_ms - end_ms < FLICKER_MS else end_ms


def ass_file(lines: Sequence[Line], settings: SubtitleSettings, *, width: int, height: int) -> str:
    """Return lines as an ASS file for a film of a size: its pixels are the film's."""
    file = pysubs2.SSAFile()
    file.info.update(
        {"PlayResX": str(width), "PlayResY": str(height), "WrapStyle": "0", "ScaledBorderAndShadow": "yes",
         "YCbCr Matrix": "TV.709"}
    )  # fmt: skip
    file.styles = {"Default": _style(settings, width, height)}
    if settings.style is SubtitleStyle.BOXED_WORD:
        file.styles["Box"] = _boxed(settings, file.styles["Default"])
    for line in lines:
        for event in _events(line, settings, width, height):
            file.events.append(event)
    return str(file.to_string("ass"))


def _style(settings: SubtitleSettings, width: int, height: int) -> pysubs2.SSAStyle:
    margin = round(min(width, height) * _MARGIN_SHARE)
    boxed_line = settings.style is SubtitleStyle.BOXED_LINE
    size = length_px(settings.font_size, along_px=width, canvas=(width, height))
    return pysubs2.SSAStyle(
        fontname=settings.font_family,
        fontsize=round(size, 2),
        bold=settings.font_weight == "bold",
        primarycolor=_colour(settings.line_color),
        secondarycolor=_colour(settings.line_color),
        outlinecolor=_colour(settings.box_color if boxed_line else settings.outline_color),
        backcolor=_colour(settings.shadow_color),
        outline=max(size * 0.2, 1) if boxed_line else settings.outline_width,
        shadow=0 if boxed_line else settings.shadow_offset,
        borderstyle=3 if boxed_line else 1,
        alignment=pysubs2.Alignment(_ALIGNMENT.get(settings.position, 2)),
        marginl=margin,
        marginr=margin,
        marginv=margin,
    )


def _boxed(settings: SubtitleSettings, text: pysubs2.SSAStyle) -> pysubs2.SSAStyle:
    """Return the style of the box behind a word: the same letters, unseen, with an opaque border."""
    box = text.copy()
    box.borderstyle, box.outline, box.shadow = 3, max(text.fontsize * 0.12, 1), 0
    box.outlinecolor = _colour(settings.box_color)
    return box


def _events(line: Line, settings: SubtitleSettings, width: int, height: int) -> Iterator[pysubs2.SSAEvent]:
    """Yield what is drawn of a line while each of its words is spoken."""
    texts = [escape(word.text.upper() if settings.all_caps else word.text) for word in line.words]
    place = ""
    if settings.position == "custom":
        x = length_px(settings.x, along_px=width, canvas=(width, height))
        y = length_px(settings.y, along_px=height, canvas=(width, height))
        place = rf"{{\an7\pos({x:g},{y:g})}}"
    bounds = [line.start_ms, *(word.start_ms for word in line.words[1:]), line.end_ms]
    for number, (start_ms, end_ms) in enumerate(pairwise(bounds)):
        if end_ms <= start_ms:
            continue
        if settings.style is SubtitleStyle.BOXED_WORD:
            hidden = _joined(texts, number, r"\1a&HFF&\3a&HFF&", r"\1a&HFF&\3a&H00&")
            yield pysubs2.SSAEvent(start_ms, end_ms, place + hidden, style="Box", layer=0)
        yield pysubs2.SSAEvent(start_ms, end_ms, place + _shown(texts, number, settings), style="Default", layer=1)


def _shown(texts: Sequence[str], spoken: int, settings: SubtitleSettings) -> str:
    rest, word = _override(settings.line_color), _override(settings.word_color)
    if settings.style is SubtitleStyle.ONE_WORD:
        return f"{{{word}}}{texts[spoken]}"
    shown = texts[: spoken + 1] if settings.style is SubtitleStyle.PROGRESSIVE else texts
    return _joined(shown, spoken, rest, word)


def _joined(texts: Sequence[str], spoken: int, rest: str, word: str) -> str:
    """Join words with the tags of the spoken one and of the rest."""
    parts = [f"{{{word}}}{text}{{{rest}}}" if number == spoken else text for number, text in enumerate(texts)]
    return f"{{{rest}}}" + " ".join(parts)


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
