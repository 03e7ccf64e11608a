"""Owns what is stored of the subtitles beside a film: SRT, WebVTT and words JSON, from the lines that are drawn."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from media_services.subtitles.lines import Line, Word

_JOINER = "\u2060"  # word joiner: unseen, and what it follows is no longer markup
_LIKE_MARKUP = re.compile(r"<|\\|--(?=>)|(?<=\d):(?=\d+:\d+[.,]\d)")  # the last: times, even without an arrow


@dataclass(frozen=True)
class Spoken:
    """The words of one `subtitles` element, at its JSON pointer; `language` is None where it is not known."""

    path: str
    language: str | None
    words: Sequence[Word]


def srt(lines: Sequence[Line]) -> str:
    """Return lines as SRT.

    SRT knows no escapes, so what a player might take for markup or times is kept from being that by word joiners, and
    braces around text become fullwidth ones.
    """
    cues = [
        f"{number}\n{_clock(line.start_ms, ',')} --> {_clock(line.end_ms, ',')}\n{_srt_text(line)}\n"
        for number, line in enumerate(_shown(lines), 1)
    ]
    return "\n".join(cues)


def vtt(lines: Sequence[Line]) -> str:
    """Return lines as WebVTT, with timestamps where a word begins or a pause does."""
    cues = [f"{_clock(line.start_ms)} --> {_clock(line.end_ms)}\n{''.join(_stamped(line))}\n" for line in _shown(lines)]
    return "\n".join(["WEBVTT\n", *cues])


def words_json(subtitles: Sequence[Spoken]) -> str:
    """Return words as JSON, one a line."""
    items = ",\n  ".join(map(_spoken_json, subtitles))
    return f'{{"subtitles": [\n  {items}\n]}}\n' if items else '{"subtitles": []}\n'


def _spoken_json(spoken: Spoken) -> str:
    head = f'{{"path": {_json(spoken.path)}, "language": {_json(spoken.language)}, "words": ['
    words = ",\n    ".join(_json(asdict(word)) for word in spoken.words)
    return f"{head}\n    {words}\n  ]}}" if words else f"{head}]}}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.text.strip()]


def _clock(time_ms: int, point: str = ".") -> str:
    minutes, milliseconds = divmod(time_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _srt_text(line: Line) -> str:
    text = re.sub(r"\{([^{}]*)\}", r"｛\1｝", " ".join(line.text.split()))
    return _LIKE_MARKUP.sub(rf"\g<0>{_JOINER}", text)


def _stamped(line: Line) -> Iterator[str]:
    """Yield the words of a line with the times between them; those that cannot be told apart are left out."""
    now_ms = line.start_ms
    for number, word in enumerate(line.words):
        if now_ms < word.start_ms < line.end_ms:
            now_ms = word.start_ms
            yield f"<{_clock(now_ms)}>"
        yield _vtt_text(word.text)
        following = line.words[number + 1] if number + 1 < len(line.words) else None
        until_ms = following.start_ms if following else line.end_ms
        if now_ms < word.end_ms < min(until_ms, line.end_ms):
            now_ms = word.end_ms
            yield f"<{_clock(now_ms)}>"
        yield " " if following else ""


def _vtt_text(text: str) -> str:
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("{\\", f"{{{_JOINER}\\")
