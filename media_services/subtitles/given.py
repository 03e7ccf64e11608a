"""Owns captions that a client gives: an SRT, WebVTT, ASS or words JSON file becomes words with times."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from media_services.subtitles.cue import LATEST_MS, Cue, Piece, require_count, visible, words_of
from media_services.subtitles.encoding import FORMATS, MOST_CHARACTERS, CaptionsError, plain
from media_services.subtitles.lines import Phrase
from media_services.subtitles.words import parse_words

MOST_CUES = 100_000
MOST_LINES = 1_000_000
MOST_MARKS = 500_000
_TIME = r"(-?)(?:(\d{1,9}) ?: ?)?(\d{1,9}) ?: ?(\d{1,9})(?: ?[.,:] ?(\d{1,9}))?"
_CLOCK = re.compile(rf"\s*{_TIME}\s*")
_TIMES = re.compile(rf"\s*{_TIME}\s*[-–—−]{{1,3}} ?>\s*{_TIME}(?!\d)")
_LIKE_TIMES = re.compile(r"\s*-?\d+ ?:.*-->|\s*\S+\s*-->\s*-?\d+:\d+[:.,]\d")
_STAMP = re.compile(rf"<{_TIME}>")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_RUBY = re.compile(r"<rt\b[^<>]*>[^<]*", re.IGNORECASE)
_VTT_TAG = re.compile(r"<(?![\s\d])[^<>]*>|\{\\[^{}]*\}")
_SRT_TAG = re.compile(
    r"</?\s*(?:[bisu]|font|c|v|lang|ruby|rt|span|em|strong|p|div)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_ASS_SECTION = re.compile(r"\[(script info|v4\+{0,2} styles|events|fonts|graphics|aegisub [a-z ]+)\]", re.IGNORECASE)
_ASS_FIELDS = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
_ASS_OVERRIDE = re.compile(r"(?<!\\)\{([^}]*)\}")
_ASS_COMMAND = re.compile(r"\\(?:(kt|kf|ko|k|K) ?(\d{1,9})|p(\d))")
_MOST_ROLLED = 10  # lines that are shown at once


@dataclass(frozen=True)
class _Block:
    """A cue with its markup, as lines of SRT or WebVTT."""

    where: str
    start_ms: int
    end_ms: int
    lines: list[str]


def is_inline(captions: str) -> bool:
    """Say whether captions are the text of a file, rather than the address of one."""
    text = captions.lstrip("\ufeff \t\r\n").rstrip()
    return (
        "\n" in text
        or "\r" in text
        or "-->" in text
        or text.startswith(("WEBVTT", "{"))
        or re.match(r"\[\s*[{\]]", text) is not None
        or _ASS_SECTION.match(text) is not None
    )


def parse(text: str) -> list[Phrase]:
    """Return the phrases of captions, one for each cue, in the order of their times; the format shows in the text.

    The times of words are the file's where it has them (timestamps within WebVTT, karaoke in ASS), else the words
    share the cue by their letters. Text of scripts without spaces stays one word up to 12 characters; longer text is
    parted after its punctuation, then evenly. Overlapping cues stay so; cues that repeat one with the same time are
    dropped, as are the lines that automatic WebVTT captions roll up. Raises CaptionsError.
    """
    if len(text) > MOST_CHARACTERS:
        raise CaptionsError(f"the captions are longer than {MOST_CHARACTERS:,} characters")
    text = plain(text)
    if re.match(r"\s*(\{\s*[\"}]|\[\s*[\[{\]\"])", text):
        return parse_words(_loaded(text))
    if text.count("\n") > MOST_LINES or sum(map(text.count, "<{&\\")) > MOST_MARKS:
        raise CaptionsError(f"the captions have more than {MOST_LINES:,} lines, or {MOST_MARKS:,} pieces of markup")
    if re.match(r"\s*WEBVTT(\s|$)", text):
        return _phrases(_vtt_cues(text))
    return _phrases(_ass_cues(text) if _is_ass(text) else _srt_cues(text))


def _is_ass(text: str) -> bool:
    for line in text.split("\n", 100)[:100]:
        if line.strip() and not line.startswith((";", "!:")):
            return bool(_ASS_SECTION.match(line.strip())) or line.startswith(("Dialogue:", "Format:"))
    return False


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CaptionsError(f"{place}: the JSON of the captions cannot be read: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise CaptionsError("the JSON of the captions is nested too deeply, or has too long a number") from error


def _phrases(cues: Iterable[Cue]) -> list[Phrase]:
    phrases: list[Phrase] = []
    words_count = 0
    for number, cue in enumerate(cues):
        if number == MOST_CUES:
            raise CaptionsError(f"{cue.where}: the captions have more than {MOST_CUES:,} cues")
        words = words_of(cue)
        words_count += len(words)
        require_count(words_count, cue.where)
        if words:
            phrases.append(Phrase(tuple(words)))
    if not phrases:
        raise CaptionsError(f"no cue could be read from the captions; {FORMATS} is expected")
    phrases.sort(key=lambda phrase: phrase.words[0].start_ms)
    return list(dict.fromkeys(phrases))


def _time_ms(groups: Sequence[str | None]) -> int:
    """Return the time of sign, hours, minutes, seconds and fraction."""
    sign, hours, minutes, seconds, fraction = groups
    whole_s = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    time_ms = whole_s * 1000 + int((fraction or "").ljust(3, "0")[:3])
    return -time_ms if sign else time_ms


def _span_ms(start_ms: int, end_ms: int, where: str) -> tuple[int, int]:
    """Return when a cue begins and ends, from the start of the film on."""
    if end_ms < start_ms:
        raise CaptionsError(f"{where}: the cue ends before it begins")
    if end_ms > LATEST_MS:
        raise CaptionsError(f"{where}: the time is later than {LATEST_MS // 3_600_000:,} hours")
    return max(start_ms, 0), max(end_ms, 0)


def _srt_cues(text: str) -> Iterator[Cue]:
    for block in _blocks(text, blank_ends=False):
        yield Cue(
            block.where, block.start_ms, block.end_ms, _pieces(" ".join(block.lines).replace(r"\N", " "), _SRT_TAG)
        )


def _vtt_cues(text: str) -> Iterator[Cue]:
    blocks = _blocks(text, blank_ends=True)
    for block in _unrolled(blocks) if _STAMP.search(text) else blocks:
        yield Cue(block.where, block.start_ms, block.end_ms, _pieces("\n".join(block.lines), _VTT_TAG))


def _blocks(text: str, *, blank_ends: bool) -> Iterator[_Block]:
    """Yield the cues of SRT or WebVTT; a blank line ends a cue's text, or only the next cue does."""
    where, span, body = "", None, list[str]()
    numbered = False
    for number, line in enumerate(text.split("\n"), 1):
        times = _TIMES.match(line) if ">" in line else None
        if times is None:
            if "-->" in line and _LIKE_TIMES.match(line):
                raise CaptionsError(f"line {number}: the times of the cue cannot be read: {line.strip()[:60]}")
            body.append(line)
            continue
        if span is None:
            numbered = _is_number(next((line for line in reversed(body) if line.strip()), ""))
        else:
            yield _Block(where, *span, _cut(body, blank_ends, numbered))
        where, body = f"line {number}", []
        span = _span_ms(_time_ms(times.groups()[:5]), _time_ms(times.groups()[5:]), where)
    if span is not None:
        yield _Block(where, *span, _cut(body, blank_ends, False))


def _cut(body: list[str], blank_ends: bool, numbered: bool) -> list[str]:
    """Return what of the lines after a cue's times is its text."""
    if blank_ends and "" in body:
        return body[: body.index("")]
    return _without_number(body) if numbered else body


def _without_number(body: list[str]) -> list[str]:
    """Drop the number of the next cue: right before its times, or alone between blank lines."""
    last = next((number for number in reversed(range(len(body))) if body[number].strip()), -1)
    if last < 0 or not _is_number(body[last]):
        return body
    alone = last == len(body) - 1 or (last > 0 and not body[last - 1].strip())
    return body[:last] if alone else body


def _is_number(line: str) -> bool:
    return line.strip().isdecimal()


def _unrolled(blocks: Iterable[_Block]) -> Iterator[_Block]:
    """Drop lines that a cue takes over from the one right before it: automatic captions roll up."""
    before, before_end_ms = list[str](), -1
    for block in blocks:
        lines = [line for line in block.lines if line.strip()]
        shown = [_VTT_TAG.sub("", _STAMP.sub("", line)).split() for line in lines]
        texts = [" ".join(words) for words in shown]
        most = min(len(before), len(texts), _MOST_ROLLED) if block.start_ms == before_end_ms else 0
        taken = next((n for n in range(most, 0, -1) if texts[:n] == before[-n:]), 0)
        yield _Block(block.where, block.start_ms, block.end_ms, lines[taken:])
        before, before_end_ms = texts, block.end_ms


def _pieces(text: str, tag: re.Pattern[str]) -> list[Piece]:
    """Part the text of an SRT or WebVTT cue at its timestamps, without its markup."""
    text = tag.sub("", _RUBY.sub("", _BREAK.sub(" ", text)))
    pieces, start_ms, done = [], None, 0
    for stamp in _STAMP.finditer(text):
        pieces.append(Piece(_unescaped(text[done : stamp.start()]), start_ms))
        start_ms, done = _time_ms(stamp.groups()), stamp.end()
    return [*pieces, Piece(_unescaped(text[done:]), start_ms)]


def _unescaped(text: str) -> str:
    return visible(_ENTITY.sub(lambda entity: html.unescape(entity[0]), text))


def _ass_cues(text: str) -> Iterator[Cue]:
    fields, section = _ASS_FIELDS, "events"
    for number, line in enumerate(text.split("\n"), 1):
        where = f"line {number}"
        if heading := _ASS_SECTION.match(line.strip()):
            section = heading[1].lower()
        elif section == "events" and line.startswith("Format:"):
            fields = _ass_format(line, where)
        elif line.startswith("Dialogue:"):
            values = dict(zip(fields, line.partition(":")[2].split(",", len(fields) - 1), strict=False))
            if "text" not in values:
                raise CaptionsError(f"{where}: the event has fewer fields than its format: {line.strip()[:60]}")
            span = _span_ms(_ass_time_ms(values["start"], where), _ass_time_ms(values["end"], where), where)
            yield Cue(where, *span, _ass_pieces(values["text"], span[0]))


def _ass_format(line: str, where: str) -> list[str]:
    fields = [field.strip().lower() for field in line.partition(":")[2].split(",", 100)]
    if fields[-1] != "text" or not {"start", "end"} <= set(fields):
        raise CaptionsError(f"{where}: the format of the events needs Start and End, and Text as the last field")
    return fields


def _ass_time_ms(text: str, where: str) -> int:
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise CaptionsError(f"{where}: the time cannot be read: {text.strip()[:60]}")
    return _time_ms(clock.groups())


def _ass_pieces(text: str, start_ms: int) -> list[Piece]:
    """Part the text of an ASS event at its karaoke, without its markup and drawings."""
    pieces: list[Piece] = []
    sung_ms, next_ms, drawing, done = None, start_ms, False, 0
    closed = text.rfind("}") + 1  # a brace that is never closed is text, and would be looked into again and again
    for override in _ASS_OVERRIDE.finditer(text, 0, closed):
        pieces.append(Piece("" if drawing else _ass_text(text[done : override.start()]), sung_ms))
        sung_ms, done = None, override.end()
        for karaoke, length_cs, scale in _ASS_COMMAND.findall(override[1]):
            if scale:
                drawing = scale != "0"
            elif karaoke == "kt":
                next_ms = start_ms + int(length_cs) * 10
            else:
                sung_ms, next_ms = next_ms, next_ms + int(length_cs) * 10
    pieces.append(Piece("" if drawing else _ass_text(text[done:]), sung_ms))
    return [*pieces, Piece("", next_ms)] if next_ms > start_ms else pieces


def _ass_text(text: str) -> str:
    return visible(re.sub(r"\\([{}])", r"\1", re.sub(r"\\[Nnh]", " ", text)))
