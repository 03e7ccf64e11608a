"""Owns which way letters run: the levels of Unicode's bidirectional algorithm (UAX 9), and the order they bring."""

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from bidi import algorithm  # type: ignore[import-untyped]
from bidi.mirror import MIRRORED  # type: ignore[import-untyped]

_ASKS_FOR_IT = {"R", "AL", "AN", "RLE", "RLO", "RLI"}
# The library is of the time before isolates; embeddings differ from them in the signs beside them only.
_ISOLATES = str.maketrans("\u2066\u2067\u2068\u2069", "\u202a\u202b\u202a\u202c")


class Levelled(Protocol):
    @property
    def level(self) -> int: ...


_Run = TypeVar("_Run", bound=Levelled)


def levels(text: str) -> tuple[list[int], bool]:
    """Return the level of each character of a paragraph, odd from right to left, and whether it begins at the right.

    That is so if its first letter runs from right to left. Characters that only steer the algorithm are of the level
    before them.
    """
    base: int = algorithm.get_base_level(text)
    if not base and not any(unicodedata.bidirectional(character) in _ASKS_FOR_IT for character in text):
        return [0] * len(text), False
    storage = algorithm.get_empty_storage()
    storage["base_level"], storage["base_dir"] = base, "LR"[base]
    algorithm.get_embedding_levels(text.translate(_ISOLATES), storage)
    every = list(storage["chars"])
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    for run in storage["runs"]:
        _resolve_brackets(storage["chars"][run["start"] : run["start"] + run["length"]], run["sor"])
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    kept = {id(entry) for entry in storage["chars"]}
    found: list[int] = []
    for entry in every:
        found.append(entry["level"] if id(entry) in kept else found[-1] if found else base)
    return found, base == 1


def reordered(runs: Sequence[_Run]) -> list[_Run]:
    """Return the runs of a line from the left to the right (rule L2)."""
    ordered = list(runs)
    for level in range(max((run.level for run in runs), default=0), 0, -1):
        turned: list[_Run] = []
        for is_turned, group in itertools.groupby(ordered, lambda run: run.level >= level):  # noqa: B023
            same = list(group)
            turned += reversed(same) if is_turned else same
        ordered = turned
    return ordered


def _resolve_brackets(chars: Sequence[dict[str, Any]], before: str) -> None:
    """Give the brackets of a level run the direction of what is within, or before them (rule N0).

    The library leaves that out, so that in Hebrew a number after "(Latin)" went into the brackets.
    """
    for opening, closing in sorted(_pairs(chars)):
        own = "LR"[chars[opening]["level"] % 2]
        inside = {_strong(char["type"]) for char in chars[opening + 1 : closing]} - {""}
        if not inside:
            continue
        context = next(filter(None, (_strong(char["type"]) for char in reversed(chars[:opening]))), before)
        direction = own if own in inside or context == own else context
        chars[opening]["type"] = chars[closing]["type"] = direction


def _pairs(chars: Sequence[dict[str, Any]]) -> Iterator[tuple[int, int]]:
    """Yield the places of the brackets that belong together."""
    opened: list[tuple[str, int]] = []
    for index, char in enumerate(chars):
        sign, category = char["ch"], unicodedata.category(char["ch"])
        if char["type"] != "ON" or sign not in MIRRORED:
            continue
        if category == "Ps":
            opened.append((MIRRORED[sign], index))
        elif category == "Pe" and any(expected == sign for expected, _ in opened):
            while opened:
                expected, start = opened.pop()
                if expected == sign:
                    yield start, index
                    break


def _strong(kind: str) -> str:
    return "R" if kind in {"EN", "AN", "R", "AL"} else "L" if kind == "L" else ""
