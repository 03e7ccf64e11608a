"""The project's settings with django-q2 as it comes: its own command, its own cluster, the ORM broker."""

from videocraft.settings import *  # noqa: F403
from videocraft.settings import DATABASES as _DATABASES
from videocraft.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = ["django_q", *(app for app in _APPS if app != "django_q")]  # the first app's qcluster is the one
# else it would connect anew for every message, which costs most of its claims
DATABASES = {"default": _DATABASES["default"] | {"CONN_MAX_AGE": None}}
Q_CLUSTER = {
    "orm": "default",
    "workers": 2,
    "timeout": 90,  # it and `retry` as in django-q2's documentation of the ORM broker; without, it warns
    "retry": 120,
}
