"""Clients of the API, and a file storage of each test's own."""

import pytest
from django.test import Client

from tests.jobs.factories import make_token


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def configure(settings):
    """Change some of the project's own settings."""

    def change(**values):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update=values)

    return change


@pytest.fixture
def api(user):
    return Client(headers={"Authorization": f"Bearer {make_token(user)}"})


@pytest.fixture
def other_api(other_user):
    return Client(headers={"Authorization": f"Bearer {make_token(other_user)}"})


@pytest.fixture
def staff_api(staff):
    return Client(headers={"Authorization": f"Bearer {make_token(staff)}"})


@pytest.fixture
def anonymous(db):
    return Client()
