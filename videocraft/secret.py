"""Owns the secret key: the configured one, or for local use one generated into the data directory."""

import os
import secrets

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
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()
