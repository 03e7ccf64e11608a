"""Owns what no document may hold anywhere, whatever it means: depth, long keys, numbers and texts that are none."""

import math
import re
from typing import Any

from media_services.movie.report import Report, escape

MAX_DEPTH = 64
LONGEST_KEY = 256
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
Place = tuple[Any, str | int] | None  # of a value: that of what holds it, and its key there


class Unbounded(Exception):
    """A document is too large to be read further; that was reported."""


def check_shape(document: Any, report: Report) -> None:
    """Report what is nowhere allowed; raise Unbounded where it keeps all that follows from recursing."""
    waiting: list[tuple[Any, int, Place]] = [(document, 1, None)]
    while waiting:
        value, depth, place = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            report.error(_pointer(place), "invalid-value", f"{value} is not a number")
        elif isinstance(value, str) and _UNSTORABLE.search(value):
            message = "the text has a NUL character or half of a surrogate pair"
            report.error(_pointer(place), "invalid-value", message)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                report.error(_pointer(place), "out-of-range", f"the document is nested deeper than {MAX_DEPTH} levels")
                raise Unbounded
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                if isinstance(key, str) and (len(key) > LONGEST_KEY or _UNSTORABLE.search(key)):
                    message = f"a key has at most {LONGEST_KEY} characters, none of them NUL or half of a pair"
                    report.error(_pointer(place), "invalid-value", message)
                    raise Unbounded
                waiting.append((item, depth + 1, (place, key)))


def _pointer(place: Place) -> str:
    keys = []
    while place is not None:
        keys.append("/" + escape(str(place[1])))
        place = place[0]
    return "".join(reversed(keys))
