"""Owns what stands for the code and the libraries that made a result: others may make it otherwise."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path


def digest(code: Iterable[Path], libraries: Iterable[str], *facts: str) -> str:
    """Return the hash of files of code, of the versions of libraries, and of whatever else counts."""
    hashed = hashlib.sha256()
    for file in sorted(code):
        hashed.update(file.read_bytes())
    hashed.update("\n".join([*(f"{name} {version(name)}" for name in libraries), *facts]).encode())
    return hashed.hexdigest()
