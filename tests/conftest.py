"""Fixtures for all tests: an embedded PostgreSQL and a data directory of their own, thrown away at the end."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Set before Django reads its settings, so that no test touches the developer's own data or environment.
for _name in [name for name in os.environ if name.startswith("VIDEOCRAFT_") or name == "DATABASE_URL"]:
    del os.environ[_name]
_DATA_DIR = Path(tempfile.mkdtemp(prefix="vc-test-"))
os.environ["VIDEOCRAFT_DATA_DIR"] = str(_DATA_DIR)
atexit.register(shutil.rmtree, _DATA_DIR, ignore_errors=True)

import pytest  # noqa: E402


@pytest.fixture
def user(django_user_model, db):
    return django_user_model.objects.create_user("ann", password="ann's password")


@pytest.fixture
def other_user(django_user_model, db):
    return django_user_model.objects.create_user("bob", password="bob's password")


@pytest.fixture
def staff(django_user_model, db):
    return django_user_model.objects.create_superuser("root", password="root's password")
