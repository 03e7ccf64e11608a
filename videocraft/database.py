"""Owns which database is used: the server in DATABASE_URL, or else the embedded PostgreSQL."""

from typing import Any

import dj_database_url
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from videocraft.configuration import Configuration

# A host that vanished, or a process that stands still within a transaction, must not hold up the others for ever. The
# server is told to look as well: what a host holds that lost its power is held by the server until that notices.
_ON_THE_SERVER = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "options": " ".join(f"-c {name}={value}" for name, value in _ON_THE_SERVER.items()),
}


def settings_for(configuration: Configuration) -> Any:
    """Return Django's settings of the default database; nothing is started or connected to here."""
    if not configuration.database_url:
        return {"ENGINE": "videocraft.embedded", "NAME": "videocraft", "USER": "postgres", "OPTIONS": dict(_OPTIONS)}
    try:
        settings = dj_database_url.parse(configuration.database_url)
    except ValueError:
        settings = {}
    if settings.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL server: postgresql://user:password@host:port/name"
        )
    return {**settings, "OPTIONS": _OPTIONS | settings.get("OPTIONS", {})}


def pool_connections() -> None:
    """Let this process keep database connections for its next requests; call before the first one is made.

    For the web process alone: each of its requests has a thread of its own, and would else connect anew (10 of a
    post's 28 ms). A pool must not be forked, so the cluster has none.
    """
    database = django_settings.DATABASES["default"]
    database["CONN_HEALTH_CHECKS"] = True  # what a restarted server has closed is not handed out
    options = database.setdefault("OPTIONS", {})
    options["pool"] = {"min_size": 2, "max_size": 48, "timeout": 10}
