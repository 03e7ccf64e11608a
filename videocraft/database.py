"""Owns which database is used: the server in DATABASE_URL, or else the embedded PostgreSQL."""

from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from videocraft.configuration import Configuration


def settings_for(configuration: Configuration) -> Any:
    """Return Django's settings of the default database; nothing is started or connected to here."""
    if not configuration.database_url:
        return {"ENGINE": "videocraft.embedded", "NAME": "videocraft", "USER": "postgres"}
    try:
        settings = dj_database_url.parse(configuration.database_url)
    except ValueError:
        settings = {}
    if settings.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL server: postgresql://user:password@host:port/name"
        )
    return settings
