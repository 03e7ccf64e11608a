"""Owns the words JSON that a client gives: ours, or that of Whisper."""

from collections.abc import Iterator, Mapping
from typing import Any

from media_services.subtitles.cue import LATEST_MS, MOST_CHARACTERS_A_WORD, Cue, Piece, require_count, visible, words_of
from media_services.subtitles.encoding import CaptionsError, plain
from media_services.subtitles.lines import Phrase, Word

_ROOT = "the JSON of the captions"


def parse_words(value: Any) -> list[Phrase]:
    """Return the phrases of words JSON: all its words, or one phrase for each segment.

    `value` is {"words": [...]}, {"subtitles": [{"words": [...]}]} of exactly one, {"segments": [...]} as Whisper
    writes it, or a list of words: {"text", "start_ms", "end_ms"}, or {"word", "start", "end"} in seconds. Words keep
    their times; a segment without words shares its time out. Raises CaptionsError with a JSON pointer.
    """
    phrases, words_count = [], 0
    for where, words in _spoken(value):
        words_count += len(words)
        require_count(words_count, where or _ROOT)
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
        require_count(len(segments), f"{where}/segments")
        for number, segment in enumerate(segments):
            yield f"{where}/segments/{number}", _segment(segment, f"{where}/segments/{number}")
    else:
        raise CaptionsError(f'{where or _ROOT} holds no words; {{"words": [...]}} is expected')


def _segment(value: Any, where: str) -> list[Word]:
    segment = _object(value, where)
    if segment.get("words") is not None:
        return _listed(segment["words"], f"{where}/words")
    start_ms, end_ms = _times_ms(segment, where)
    return words_of(Cue(where, start_ms, end_ms, [Piece(_text(segment, "text", where))]))


def _listed(value: Any, where: str) -> list[Word]:
    words = _list(value, where)
    require_count(len(words), where or _ROOT)
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
    return " ".join(visible(plain(text)).split())


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
