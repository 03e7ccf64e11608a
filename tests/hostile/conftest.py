"""Fixtures for hostile tests: a server that behaves, a folder to fetch into, and no long waits between attempts."""

import pytest

from media_services import retry
from tests.web import LocalServer


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    """A folder that does not exist yet, as before the first fetch."""
    return tmp_path / "sources"


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    """Let a server that failed be asked again at once."""
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.002)
