"""The backend Django loads: its PostgreSQL one, on a server that is started when it is not there."""

from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base, psycopg_any
from django.db.utils import OperationalError

from videocraft.embedded.server import EmbeddedServer


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects to the embedded server, and starts it when it does not answer."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        server = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir)
        conn_params["host"] = server.join()
        try:
            return super().get_new_connection(conn_params)
        except (OperationalError, psycopg_any.errors.OperationalError):
            conn_params["host"] = server.start()
            return super().get_new_connection(conn_params)
