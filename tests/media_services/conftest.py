"""Fixtures for media tests: a local web server, and a folder to fetch into."""

import pytest

from tests.web import LocalServer


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    """A folder that does not exist yet, as before the first fetch."""
    return tmp_path / "sources"
