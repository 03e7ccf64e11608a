"""Fixtures for media tests: a local web server, and a folder to fetch into."""

import pytest

from media_services import retry
from tests.web import LocalServer


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    """Let a server that failed be asked again at once."""
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.002)


@pytest.fixture
def folder(tmp_path):
    """A folder that does not exist yet, as before the first fetch."""
    return tmp_path / "sources"
