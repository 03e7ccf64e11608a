"""Owns how keys are spelt: the format's name of a key in any notation, and other names by which one goes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_OTHER_NAMES = {"fit": "resize", "object-fit": "resize", "background": "background-color", "volumn": "volume"}


def plain_key(key: str) -> str:
    """Return the format's spelling of a key: `font_size`, `fontSize` and `Font-Size` are `font-size`."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key).replace("_", "-").lower()
    return _OTHER_NAMES.get(name, name).replace("colour", "color")


def spelt_key(raw: Mapping[str, Any], name: str) -> str | None:
    """Return the key under which an object has a value by a name; the format's own spelling comes first."""
    return chosen((key for key, value in raw.items() if value is not None and plain_key(key) == name), name)


def chosen(keys: Iterable[str], name: str) -> str | None:
    """Return which of several spellings of one name counts, whatever their order: databases do not keep it."""
    return max(keys, key=lambda key: (key == name, key), default=None)
