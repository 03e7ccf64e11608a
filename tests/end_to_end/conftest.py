"""One running service for all end-to-end tests of a session."""

import pytest
from django.conf import settings

from tests.service import Service
from tests.web import LocalServer
from videocraft.embedded.server import EmbeddedServer


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    with Service(tmp_path_factory.mktemp("service"), socket_dir) as service:
        service.start_web()
        service.start_cluster()
        yield service


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server
