"""The ASGI entry point."""

import logging
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
django.setup(set_prefix=False)

from jobs.api.body_limit import BodyLimit  # noqa: E402 - it needs Django set up
from jobs.api.bounded import BoundedHandler  # noqa: E402 - likewise
from jobs.logs import SecretsFilter  # noqa: E402 - likewise
from videocraft.database import pool_connections  # noqa: E402 - likewise

pool_connections()
logging.getLogger("uvicorn.access").addFilter(SecretsFilter())
for name in ("uvicorn", "uvicorn.access"):  # their lines take our form
    logging.getLogger(name).handlers.clear()
    logging.getLogger(name).propagate = True

application = BodyLimit(BoundedHandler())
