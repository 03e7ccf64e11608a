"""Owns the secret key: the configured one, or for local use one generated into the data directory."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from videocraft.configuration import Configuration


def secret_key(configuration: Configuration) -> str:
    """Return the configured key; in debug, one kept in the data directory; else raise ImproperlyConfigured."""
    if configuration.secret_key:
        return configuration.secret_key
    if not configuration.debug:
        raise ImproperlyConfigured("VIDEOCRAFT_SECRET_KEY must be set when VIDEOCRAFT_DEBUG is off")
    path = configuration.data_dir / "secret-key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(50))
    return path.read_text()


def _write_once(path: Path, text: str) -> None:
    """Write a private file, whole or not at all; of several writers at once the first wins."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="secret-key-") as file:
        file.write(text)
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
