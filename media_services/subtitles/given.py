"""Owns captions that a client gives: an SRT, WebVTT, ASS or words JSON file becomes words with times."""

import codecs
import html
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from charset_normalizer import from_bytes

from media_services.subtitles.lines import Phrase, Word

MOST_CHARACTERS = 10_000_000
MOST_BYTES = 4 * MOST_CHARACTERS
MOST_WORDS = 100_000
MOST_CUES = 100_000
MOST_LINES = 1_000_000
MOST_MARKS = 500_000
MOST_CHARACTERS_A_CUE = 10_000
MOST_CHARACTERS_A_WORD = 500
LATEST_MS = 1000 * 3600 * 1000
_ROOT = "the JSON of the captions"
_FORMATS = "SRT, WebVTT, ASS (or SSA) or words JSON"

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins with the BOM of UTF-16, so it comes first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ZEROS = {  # which of the first four bytes are zero: every format begins with ASCII
    b"\1\1\1\0": "utf-32-be",
    b"\0\1\1\1": "utf-32-le",
    b"\1\0\1\0": "utf-16-be",
    b"\0\1\0\1": "utf-16-le",
}
_OLD_CODECS = [  # of those that fit a text equally well, the first is taken
    "cp1252", "cp1250", "cp1254", "cp1255", "cp1251", "cp1253", "cp1256", "koi8_r", "cp932", "euc_jp", "gb18030",
    "big5", "cp949", "cp874",
]  # fmt: skip
_MOST_CHAOS = 0.5  # charset-normalizer's own limit of 0.2 takes Finnish for noise
_SAMPLE_CHARACTERS = 100_000
_FOREIGN = re.compile(r"[\u0370-\u06ff]")
_MIXED = re.compile(rf"[a-zA-Z]{_FOREIGN.pattern}")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BOM = "\ufeff"  # also where files were joined
_JOINER = "\u2060"  # keeps text from being markup, as in our own files
_ALONE = re.compile(r"(?<!\S)[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f]+(?!\S)")  # and nothing is seen of it

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

# Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_LEADING = "「『（“‘【《〈［เแโใไ"  # no word ends with these,
_TRAILING = (  # nor does one begin with these: closing marks, small kana, vowels and tones that belong to a letter
    r"、。，！？；：…・」』）”’】》〉］ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ\u3099-\u309e"
    r"\u0e2f-\u0e3a\u0e45-\u0e4e\u0eb0-\u0ebc\u0ec6-\u0ece\u102b-\u103e\u1056-\u1059\u17b6-\u17d3"
)
_CLAUSE = re.compile(r"[^、。，！？；：…]*(?:[、。，！？；：…]+[」』）”’】》〉］]*|$)")
_LETTER = re.compile(rf"[{_LEADING}]*(?:[{_UNSPACED}]|[^{_UNSPACED}{_LEADING}]+|[{_LEADING}])[{_TRAILING}]*")
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_MOST_UNSPACED = 12  # a line of Chinese or Japanese subtitles has up to 16


_MOST_ROLLED = 10  # lines that are shown at once


class CaptionsError(ValueError):
    """What is wrong with captions, and where: a sentence for the client."""


@dataclass(frozen=True)
class _Piece:
    """Text without markup, and when it begins where the file says so."""

    text: str
    start_ms: int | None = None


@dataclass(frozen=True)
class _Cue:
    """What is shown from one time to another; `where` it stands in the file."""

    where: str
    start_ms: int
    end_ms: int
    pieces: Sequence[_Piece]


@dataclass(frozen=True)
class _Block:
    """A cue with its markup, as lines of SRT or WebVTT."""

    where: str
    start_ms: int
    end_ms: int
    lines: list[str]


def decode(content: bytes) -> str:
    r"""Return the text of a captions file, its lines ended by \n.

    That is UTF-8; UTF-16 and UTF-32 by their byte order mark or their zero bytes; else whichever of the older codecs
    charset-normalizer finds fitting: a guess, which for little text or between neighbours (Western and Central
    European) may be wrong. Raises CaptionsError for what is no text.
    """
    if len(content) > MOST_BYTES:
        raise CaptionsError(f"the captions are larger than {MOST_BYTES // 10**6} MB")
    codec = next((codec for bom, codec in _BOMS.items() if content.startswith(bom)), None)
    codec = codec or _ZEROS.get(bytes(byte == 0 for byte in content[:4]), "utf-8")
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        if codec != "utf-8" or _BINARY.search(content):
            raise CaptionsError(f"the captions are no text file; {_FORMATS} is expected") from error
        text = _nearly_utf_8(content) or content.decode(_old_codec(content), errors="replace")
    if "\0" in text:
        raise CaptionsError(f"the captions are no text file; {_FORMATS} is expected")
    return _plain(text)


def _nearly_utf_8(content: bytes) -> str | None:
    """Return the text if it is UTF-8 but for a few bytes: cut off within a letter, say."""
    text = content.decode(errors="replace")
    bad = text.count("�")
    return text if bad * 20 < len(text) - len(text.encode("ascii", "ignore")) else None


def _old_codec(content: bytes) -> str:
    telling = b"\n".join(dict.fromkeys(line for line in content.splitlines() if not line.isascii()))
    fits = [
        (_mixes_scripts(str(match)[:_SAMPLE_CHARACTERS]), match.chaos, -match.coherence, _OLD_CODECS.index(codec))
        for match in from_bytes(telling, cp_isolation=_OLD_CODECS, threshold=_MOST_CHAOS)
        for codec in {match.encoding, *match.could_be_from_charset}.intersection(_OLD_CODECS)
    ]
    if not fits:
        raise CaptionsError("the encoding of the captions is not known; save them as UTF-8")
    return _OLD_CODECS[min(fits)[-1]]


def _mixes_scripts(text: str) -> bool:
    """Say whether words mix Latin letters with those from Greek to Arabic, as Finnish read as Hebrew does."""
    return len(_MIXED.findall(text)) * 10 > len(_FOREIGN.findall(text))


def _plain(text: str) -> str:
    """Return text with lines ended by newlines and without what is no character."""
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("�", _CONTROLS.sub(" ", text.replace(_BOM, "")))


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
    text = _plain(text)
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


def _phrases(cues: Iterable[_Cue]) -> list[Phrase]:
    phrases: list[Phrase] = []
    words_count = 0
    for number, cue in enumerate(cues):
        if number == MOST_CUES:
            raise CaptionsError(f"{cue.where}: the captions have more than {MOST_CUES:,} cues")
        words = _words(cue)
        words_count += len(words)
        _require_count(words_count, cue.where)
        if words:
            phrases.append(Phrase(tuple(words)))
    if not phrases:
        raise CaptionsError(f"no cue could be read from the captions; {_FORMATS} is expected")
    phrases.sort(key=lambda phrase: phrase.words[0].start_ms)
    return list(dict.fromkeys(phrases))


def _require_count(words: int, where: str) -> None:
    if words > MOST_WORDS:
        raise CaptionsError(f"{where}: the captions have more than {MOST_WORDS:,} words")


def _words(cue: _Cue) -> list[Word]:
    """Return the words of a cue with their times."""
    if cue.end_ms <= cue.start_ms:
        return []
    text = "".join(piece.text for piece in cue.pieces)
    if len(text) > MOST_CHARACTERS_A_CUE:
        raise CaptionsError(f"{cue.where}: the cue has more than {MOST_CHARACTERS_A_CUE:,} characters")
    texts = [part for chunk in text.split() for part in _parted(chunk)]
    if any(len(text) > MOST_CHARACTERS_A_WORD for text in texts):
        raise CaptionsError(f"{cue.where}: a word has more than {MOST_CHARACTERS_A_WORD} characters")
    clock = _Clock.of(cue)
    letters = [0, *accumulate(map(len, texts))]
    words = [
        Word(text, clock.start_ms(letters[number]), clock.end_ms(letters[number + 1]))
        for number, text in enumerate(texts)
    ]
    return _seen(words, cue)


@dataclass(frozen=True)
class _Clock:
    """What time it is after so many letters of a cue: times are known at some, and run evenly in between.

    Two times at one place are the end of what stands before it and the start of what comes after.
    """

    letters: list[int]
    times_ms: list[int]

    @classmethod
    def of(cls, cue: _Cue) -> "_Clock":
        letters, times_ms, count = [0], [cue.start_ms], 0
        for piece in cue.pieces:
            if piece.start_ms is not None and times_ms[-1] <= piece.start_ms <= cue.end_ms:
                letters.append(count)
                times_ms.append(piece.start_ms)
            count += sum(map(len, piece.text.split()))
        return cls([*letters, count], [*times_ms, cue.end_ms])

    def start_ms(self, letters: int) -> int:
        return self._between(bisect_right(self.letters, letters) - 1, letters)

    def end_ms(self, letters: int) -> int:
        return self._between(bisect_left(self.letters, letters) - 1, letters)

    def _between(self, number: int, letters: int) -> int:
        first, second = self.letters[number : number + 2]
        first_ms, second_ms = self.times_ms[number : number + 2]
        return first_ms + (second_ms - first_ms) * (letters - first) // (second - first)


def _seen(words: list[Word], cue: _Cue) -> list[Word]:
    """Give every word at least a millisecond, if the cue has so many."""
    if cue.end_ms - cue.start_ms < len(words) or all(word.start_ms < word.end_ms for word in words):
        return words
    seen, earliest_ms = [], cue.start_ms
    for number, word in enumerate(words):
        latest_ms = cue.end_ms - (len(words) - number)
        start_ms = min(max(word.start_ms, earliest_ms), latest_ms)
        earliest_ms = min(max(word.end_ms, start_ms + 1), latest_ms + 1)
        seen.append(Word(word.text, start_ms, earliest_ms))
    return seen


def _parted(text: str) -> list[str]:
    """Part long text of scripts that know no spaces; other text stays whole."""
    if len(text) <= _MOST_UNSPACED or not _HAS_UNSPACED.search(text):
        return [text]
    return [part for clause in _CLAUSE.findall(text) if clause for part in _evenly(clause)]


def _evenly(text: str) -> list[str]:
    count = -(-len(text) // _MOST_UNSPACED)
    parts, done = [""] * count, 0
    for letter in _LETTER.findall(text):
        parts[int((done + len(letter) / 2) * count / len(text))] += letter
        done += len(letter)
    return [part for part in parts if part]


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


def _srt_cues(text: str) -> Iterator[_Cue]:
    for block in _blocks(text, blank_ends=False):
        yield _Cue(
            block.where, block.start_ms, block.end_ms, _pieces(" ".join(block.lines).replace(r"\N", " "), _SRT_TAG)
        )


def _vtt_cues(text: str) -> Iterator[_Cue]:
    blocks = _blocks(text, blank_ends=True)
    for block in _unrolled(blocks) if _STAMP.search(text) else blocks:
        yield _Cue(block.where, block.start_ms, block.end_ms, _pieces("\n".join(block.lines), _VTT_TAG))


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


def _pieces(text: str, tag: re.Pattern[str]) -> list[_Piece]:
    """Part the text of an SRT or WebVTT cue at its timestamps, without its markup."""
    text = tag.sub("", _RUBY.sub("", _BREAK.sub(" ", text)))
    pieces, start_ms, done = [], None, 0
    for stamp in _STAMP.finditer(text):
        pieces.append(_Piece(_unescaped(text[done : stamp.start()]), start_ms))
        start_ms, done = _time_ms(stamp.groups()), stamp.end()
    return [*pieces, _Piece(_unescaped(text[done:]), start_ms)]


def _unescaped(text: str) -> str:
    return _visible(_ENTITY.sub(lambda entity: html.unescape(entity[0]), text))


def _visible(text: str) -> str:
    return _ALONE.sub("", text.replace(_JOINER, ""))


def _ass_cues(text: str) -> Iterator[_Cue]:
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
            yield _Cue(where, *span, _ass_pieces(values["text"], span[0]))


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


def _ass_pieces(text: str, start_ms: int) -> list[_Piece]:
    """Part the text of an ASS event at its karaoke, without its markup and drawings."""
    pieces: list[_Piece] = []
    sung_ms, next_ms, drawing, done = None, start_ms, False, 0
    closed = text.rfind("}") + 1  # a brace that is never closed is text, and would be looked into again and again
    for override in _ASS_OVERRIDE.finditer(text, 0, closed):
        pieces.append(_Piece("" if drawing else _ass_text(text[done : override.start()]), sung_ms))
        sung_ms, done = None, override.end()
        for karaoke, length_cs, scale in _ASS_COMMAND.findall(override[1]):
            if scale:
                drawing = scale != "0"
            elif karaoke == "kt":
                next_ms = start_ms + int(length_cs) * 10
            else:
                sung_ms, next_ms = next_ms, next_ms + int(length_cs) * 10
    pieces.append(_Piece("" if drawing else _ass_text(text[done:]), sung_ms))
    return [*pieces, _Piece("", next_ms)] if next_ms > start_ms else pieces


def _ass_text(text: str) -> str:
    return _visible(re.sub(r"\\([{}])", r"\1", re.sub(r"\\[Nnh]", " ", text)))


def parse_words(value: Any) -> list[Phrase]:
    """Return the phrases of words JSON: all its words, or one phrase for each segment.

    `value` is {"words": [...]}, {"subtitles": [{"words": [...]}]} of exactly one, {"segments": [...]} as Whisper
    writes it, or a list of words: {"text", "start_ms", "end_ms"}, or {"word", "start", "end"} in seconds. Words keep
    their times; a segment without words shares its time out. Raises CaptionsError with a JSON pointer.
    """
    phrases, words_count = [], 0
    for where, words in _spoken(value):
        words_count += len(words)
        _require_count(words_count, where or _ROOT)
        if words:
            phrases.append(Phrase(tuple(sorted(words, key=lambda word: word.start_ms))))
    return sorted(phrases, key=lambda phrase: phrase.words[0].start_ms)


def _spoken(value: Any) -> Iterator[tuple[str, list[Word]]]:
    """Yield (where, words) of what is to be a phrase."""
    where = ""
    if isinstance(value, Mapping) and "subtitles" in value:
        subtitles = _list(value["subtitles"], "/subtitles")
        if len(subtitles) != 1:
            raise CaptionsError(f"/subtitles holds {len(subtitles)} subtitles; give those of one element")
        where, value = "/subtitles/0", subtitles[0]
    if isinstance(value, list):
        yield where, _listed(value, where)
    elif isinstance(value, Mapping) and value.get("words") is not None:
        yield f"{where}/words", _listed(value["words"], f"{where}/words")
    elif isinstance(value, Mapping) and "segments" in value:
        segments = _list(value["segments"], f"{where}/segments")
        _require_count(len(segments), f"{where}/segments")
        for number, segment in enumerate(segments):
            yield f"{where}/segments/{number}", _segment(segment, f"{where}/segments/{number}")
    else:
        raise CaptionsError(f'{where or _ROOT} holds no words; {{"words": [...]}} is expected')


def _segment(value: Any, where: str) -> list[Word]:
    segment = _object(value, where)
    if segment.get("words") is not None:
        return _listed(segment["words"], f"{where}/words")
    start_ms, end_ms = _times_ms(segment, where)
    return _words(_Cue(where, start_ms, end_ms, [_Piece(_text(segment, "text", where))]))


def _listed(value: Any, where: str) -> list[Word]:
    words = _list(value, where)
    _require_count(len(words), where or _ROOT)
    return [word for number, item in enumerate(words) if (word := _word(item, f"{where}/{number}")).text]


def _word(value: Any, where: str) -> Word:
    word = _object(value, where)
    key = "word" if "word" in word and "text" not in word else "text"
    text = _text(word, key, where)
    if len(text) > MOST_CHARACTERS_A_WORD:
        raise CaptionsError(f"{where}/{key} has more than {MOST_CHARACTERS_A_WORD} characters")
    return Word(text, *_times_ms(word, where))


def _text(value: Mapping[str, Any], key: str, where: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise CaptionsError(f"{where}/{key} {'must be a text' if key in value else 'is missing'}")
    return " ".join(_visible(_plain(text)).split())


def _times_ms(value: Mapping[str, Any], where: str) -> tuple[int, int]:
    seconds = "start_ms" not in value and "end_ms" not in value and "start" in value
    keys, factor = (("start", "end"), 1000) if seconds else (("start_ms", "end_ms"), 1)
    start_ms, end_ms = (_number_ms(value, key, where, factor) for key in keys)
    if end_ms < start_ms:
        raise CaptionsError(f"{where}/{keys[1]} is before {keys[0]}")
    return start_ms, end_ms


def _number_ms(value: Mapping[str, Any], key: str, where: str, factor: int) -> int:
    number = value.get(key)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise CaptionsError(f"{where}/{key} {'must be a number' if key in value else 'is missing'}")
    if not 0 <= number <= LATEST_MS // factor:
        raise CaptionsError(f"{where}/{key} must be from 0 to {LATEST_MS // factor}")
    return round(number * factor)


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise CaptionsError(f"{where or _ROOT} must be a list")
    return value


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CaptionsError(f"{where} must be an object")
    return value
