"""Owns reading a JSON body: bounded in size and depth, and nothing in it that JSON or the database cannot hold."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser

from jobs.api.errors import invalid_input, invalid_json, too_large
from media_services.errors import Problem

MAX_DEPTH = 64
_MAX_PROBLEMS = 100
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL, and half of a surrogate pair


class BoundedJSONParser(BaseParser):
    """Reads `application/json` of at most `document_max_bytes`."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit = settings.VIDEOCRAFT.document_max_bytes
        if stated_length(stream.META) > limit:
            raise too_large("a document", limit)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise too_large("a document", limit)
        return read_json(body)


def stated_length(meta: Mapping[str, Any]) -> int:
    """Return the length a request states for its body, 0 when it states none."""
    length = str(meta.get("CONTENT_LENGTH") or "0")
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) else 0


def read_json(body: bytes) -> Any:
    """Read a JSON text; raise INVALID_JSON with the place, or INVALID_INPUT with the pointers of unstorable strings."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise invalid_json(f"the body is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise invalid_json(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise invalid_json(f"the body is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise invalid_json(str(error)) from error
    problems = [problem for _, problem in zip(range(_MAX_PROBLEMS), _unstorable(value), strict=False)]
    if problems:
        raise invalid_input(problems)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _unstorable(root: Any) -> Iterator[Problem]:
    """Yield a problem for each string that PostgreSQL cannot store; raise INVALID_JSON below MAX_DEPTH."""
    waiting: list[tuple[Any, str, int]] = [(root, "", 1)]
    while waiting:
        value, path, depth = waiting.pop()
        if isinstance(value, str) and _UNSTORABLE.search(value):
            yield Problem(path, "invalid-value", "the text has a NUL character or half of a surrogate pair")
        if not isinstance(value, dict | list):
            continue
        if depth > MAX_DEPTH:
            raise invalid_json(f"the body is nested deeper than {MAX_DEPTH} levels")
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            if isinstance(key, str) and _UNSTORABLE.search(key):
                yield Problem(path, "invalid-value", "a key has a NUL character or half of a surrogate pair")
            waiting.append((item, f"{path}/{escape(str(key))}", depth + 1))


def escape(key: str) -> str:
    """Return a key as a part of a JSON pointer."""
    return _UNSTORABLE.sub("\ufffd", key).replace("~", "~0").replace("/", "~1")
