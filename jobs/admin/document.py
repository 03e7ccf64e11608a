"""Owns how a movie document is shown: pretty-printed, coloured, escaped, bounded, its lines found by JSON pointer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_MAX_LINES = 2000
_MAX_DEPTH = 40
_MAX_TEXT = 1000  # characters of one string, as far as the page shows it


@dataclass(frozen=True)
class Line:
    """One line of a pretty-printed document: its number from 1, its value's JSON pointer, its HTML less indent."""

    number: int
    pointer: str
    depth: int
    html: SafeString

    @property
    def indent(self) -> str:
        return "  " * self.depth


@dataclass
class PrettyDocument:
    """The first lines of a document, and where in them a JSON pointer leads."""

    lines: list[Line] = field(default_factory=list)
    is_cut: bool = False
    _places: dict[str, int] = field(default_factory=dict)

    def line_of(self, pointer: str) -> int | None:
        """Return the line of a pointer's value, or of the nearest thing around it that is there; None if not shown."""
        while pointer and pointer not in self._places:
            pointer = pointer.rpartition("/")[0]
        return self._places.get(pointer) if pointer else None


def pretty(value: Any) -> PrettyDocument:
    """Pretty-print the first 2,000 lines of a document."""
    found = [
        Line(number, pointer, depth, mark_safe(html))  # noqa: S308  made of escaped pieces only
        for number, (pointer, depth, html) in enumerate(islice(_walk(value, "", 0, "", ""), _MAX_LINES + 1), 1)
    ]
    shown = found[:_MAX_LINES]
    places: dict[str, int] = {}
    for line in shown:
        places.setdefault(line.pointer, line.number)
    return PrettyDocument(shown, len(found) > _MAX_LINES, places)


def _walk(value: Any, pointer: str, depth: int, before: str, after: str) -> Iterator[tuple[str, int, str]]:
    """Yield (pointer, depth, html) of each line; `before` is the key in HTML, `after` the comma."""
    if not isinstance(value, dict | list) or not value or depth >= _MAX_DEPTH:
        yield pointer, depth, before + _scalar(value) + after
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield pointer, depth, before + opening
    keyed = value.items() if isinstance(value, dict) else enumerate(value)
    for place, (key, item) in enumerate(keyed, 1):
        name = f"{_coloured('key', json.dumps(key, ensure_ascii=False))}: " if isinstance(value, dict) else ""
        comma = "," if place < len(value) else ""
        yield from _walk(item, f"{pointer}/{_token(key)}", depth + 1, name, comma)
    yield pointer, depth, closing + after


def _token(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list):
        return _closed(value)
    kind = "literal" if value is None or isinstance(value, bool) else "number"
    return _coloured(kind, json.dumps(value))


def _closed(value: Any) -> str:
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}{_coloured('note', ' deeper levels are in the download ') if value else ''}{closing}"


def _text(value: str) -> str:
    shown = _coloured("string", json.dumps(value[:_MAX_TEXT], ensure_ascii=False))
    left = len(value) - _MAX_TEXT
    return shown + (_coloured("note", f" … {left:,} more characters") if left > 0 else "")


def _coloured(kind: str, text: str) -> str:
    return f'<span class="vc-json-{kind}">{escape(text)}</span>'
