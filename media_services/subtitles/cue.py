"""Owns cues: what is shown from one time to another becomes words, each with its share of the time."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from media_services.subtitles.encoding import CaptionsError
from media_services.subtitles.lines import Word

MOST_WORDS = 100_000
MOST_CHARACTERS_A_CUE = 10_000
MOST_CHARACTERS_A_WORD = 500
LATEST_MS = 1000 * 3600 * 1000
_JOINER = "\u2060"  # keeps text from being markup, as in our own files
_ALONE = re.compile(r"(?<!\S)[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f]+(?!\S)")  # and nothing is seen of it
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


@dataclass(frozen=True)
class Piece:
    """Text without markup, and when it begins where the file says so."""

    text: str
    start_ms: int | None = None


@dataclass(frozen=True)
class Cue:
    """What is shown from one time to another; `where` it stands in the file."""

    where: str
    start_ms: int
    end_ms: int
    pieces: Sequence[Piece]


def require_count(words: int, where: str) -> None:
    if words > MOST_WORDS:
        raise CaptionsError(f"{where}: the captions have more than {MOST_WORDS:,} words")


def words_of(cue: Cue) -> list[Word]:
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
    def of(cls, cue: Cue) -> "_Clock":
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


def _seen(words: list[Word], cue: Cue) -> list[Word]:
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


def visible(text: str) -> str:
    return _ALONE.sub("", text.replace(_JOINER, ""))
