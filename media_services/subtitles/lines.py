"""Owns lines: words with times become the lines that are shown together."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

PAUSE_MS = 700
FLICKER_MS = 200
MOST_CHARACTERS_PER_S = 25  # faster than nearly anybody reads; subtitles for grown-ups are made for 17 to 20
_SHORT_CHARACTERS = 10  # so few are seen at a glance
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")
_CLOSERS = "\"'”’»)]"


@dataclass(frozen=True)
class Word:
    """A spoken word; times in milliseconds."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Phrase:
    """Words that share no line with the words of another phrase: one cue of given captions, or all of a speech."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Line:
    """Words shown together, from `start_ms` to `end_ms`."""

    words: tuple[Word, ...]
    start_ms: int
    end_ms: int

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def lines_of(phrases: Iterable[Phrase], *, max_words: int) -> list[Line]:
    """Part phrases into lines: at most so many words, ended by the end of a sentence or a pause.

    Lines never overlap; a gap too short to be seen as one is closed, so that nothing flickers.
    """
    groups = [group for phrase in phrases for group in _groups(phrase.words, max_words)]
    groups.sort(key=lambda group: group[0].start_ms)
    lines = []
    for number, group in enumerate(groups):
        following_ms = groups[number + 1][0].start_ms if number + 1 < len(groups) else None
        lines.append(Line(tuple(group), group[0].start_ms, _held(group[-1].end_ms, following_ms)))
    return [line for line in lines if line.end_ms > line.start_ms]


def _groups(words: Sequence[Word], max_words: int) -> list[list[Word]]:
    groups: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.start_ms):
        last = groups[-1] if groups else None
        if last and len(last) < max_words and not _breaks(last[-1], word):
            last.append(word)
        else:
            groups.append([word])
    return groups


def _breaks(before: Word, after: Word) -> bool:
    ends_sentence = before.text.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)
    return ends_sentence or after.start_ms - before.end_ms >= PAUSE_MS


def _held(end_ms: int, following_ms: int | None) -> int:
    """Return until when something ending is shown: no longer than to the next, and to it if that is near."""
    if following_ms is None:
        return end_ms
    return following_ms if following_ms - end_ms < FLICKER_MS else end_ms


def too_fast(lines: Iterable[Line]) -> list[Line]:
    """Return the lines that are gone before they can be read."""
    return [
        line
        for line in lines
        if len(line.text) > max(_SHORT_CHARACTERS, MOST_CHARACTERS_PER_S * (line.end_ms - line.start_ms) / 1000)
    ]


def replaced(phrase: Phrase, replacements: Mapping[str, str]) -> Phrase:
    """Return a phrase with words, or several in a row, replaced by others.

    Letter case and the marks around a word do not count, and the marks stay: with {"video craft": "VideoCraft"} the
    words `video`, `craft,` become `VideoCraft,`. The longest match wins; "" removes. The new words share the time.
    """
    wanted = {tuple(_bare(part) for part in old.split()): _printable(new).split() for old, new in replacements.items()}
    longest = max(map(len, wanted), default=0)
    words: list[Word] = []
    rest = list(phrase.words)
    while rest:
        for count in range(min(longest, len(rest)), 0, -1):
            new = wanted.get(tuple(_bare(word.text) for word in rest[:count]))
            if new is not None:
                words += _instead(rest[:count], new)
                del rest[:count]
                break
        else:
            words.append(rest.pop(0))
    return Phrase(tuple(words))


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() or letter.isspace())


def _instead(old: Sequence[Word], new: Sequence[str]) -> list[Word]:
    if not new:
        return []
    before, after = _marks(old[0].text)[0], _marks(old[-1].text)[1]
    texts = [*new]
    texts[0], texts[-1] = before + texts[0], texts[-1] + after
    return shared_out(texts, old[0].start_ms, old[-1].end_ms)


def shared_out(texts: Sequence[str], start_ms: int, end_ms: int) -> list[Word]:
    """Return words that share a time by their letters, one right after another."""
    letters = [0, *accumulate(map(len, texts))]
    bounds = [start_ms + (end_ms - start_ms) * count // max(letters[-1], 1) for count in letters]
    return [Word(text, *bounds[number : number + 2]) for number, text in enumerate(texts)]


def _bare(text: str) -> str:
    before, after = _marks(text)
    return text[len(before) : len(text) - len(after)].casefold()


def _marks(text: str) -> tuple[str, str]:
    """Return what stands before and after the letters and digits of a word; nothing where it has none."""
    match = re.fullmatch(r"(\W*)(?:\w(?:.*\w)?)(\W*)", text, re.DOTALL)
    return (match[1], match[2]) if match else ("", "")
