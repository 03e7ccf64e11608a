"""The ASGI entry point."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
_django = get_asgi_application()

from jobs.api.body_limit import BodyLimit  # noqa: E402 - it needs Django set up
from videocraft.database import pool_connections  # noqa: E402 - likewise

pool_connections()

application = BodyLimit(_django)
