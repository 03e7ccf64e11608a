"""The backend Django loads: its PostgreSQL one, on a server that is started when it is not there."""

from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from videocraft.embedded.server import PORT, EmbeddedServer, EmbeddedServerError


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects to the embedded server, and starts it when it does not answer."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's arguments, the address of the running server among them."""
        return {**super().get_connection_params(), "host": _address(self._server.join), "port": PORT}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            return super().get_new_connection({**conn_params, "host": _address(self._server.start)})

    @property
    def _server(self) -> EmbeddedServer:
        return EmbeddedServer.at(settings.VIDEOCRAFT.data_dir)


def _address(find: Callable[[], str]) -> str:
    try:
        return find()
    except (EmbeddedServerError, OSError) as problem:
        raise OperationalError(str(problem)) from problem
