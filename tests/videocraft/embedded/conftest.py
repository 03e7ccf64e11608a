"""Real processes that use a real embedded server, one data directory for a whole module."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from videocraft.configuration import ROOT
from videocraft.embedded import postmaster

_USER = """
import sys
from pathlib import Path
from videocraft.embedded.server import EmbeddedServer
print(EmbeddedServer.at(Path(sys.argv[1])).join(), flush=True)
sys.stdin.read()
"""
_DJANGO_USER = """
import sys
import django
django.setup()
from django.db import connection
for _ in sys.stdin:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        print(cursor.fetchone()[0], flush=True)
"""


class User:
    """A process that has joined the server of a data directory."""

    def __init__(self, data_dir: Path, script: str = _USER, **environment: str) -> None:
        known = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        defaults = {"VIDEOCRAFT_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "videocraft.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(data_dir)],
            cwd=ROOT,
            env={**known, **defaults, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def ask(self) -> str:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.line()

    def leave(self) -> str:
        """End it in good order; return what it wrote to standard error."""
        return self.process.communicate(timeout=30)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


class Users:
    """Starts users of one data directory, and sees to it that none is left."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.pgdata = data_dir / "pg"
        self._started: list[User] = []

    def start(self, **environment: str) -> User:
        self._started.append(User(self.data_dir, **environment))
        return self._started[-1]

    def join(self, **environment: str) -> User:
        user = self.start(**environment)
        user.address = user.line()
        return user

    def connect_through_django(self, **environment: str) -> User:
        self._started.append(User(self.data_dir, _DJANGO_USER, **environment))
        return self._started[-1]

    def end(self) -> None:
        for user in self._started:
            user.kill() if user.process.poll() is None else None
        assert self.stops_within(15)

    def postmaster(self) -> postmaster.Postmaster:
        return postmaster.read(self.pgdata)

    def stops_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while (server := self.postmaster()) and server.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def answers(address: str) -> bool:
    with psycopg.connect(host=address, port=5432, user="postgres", dbname="videocraft") as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture(scope="module")
def data_dir():
    path = Path(tempfile.mkdtemp(prefix="vc-pg-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def users(data_dir):
    users = Users(data_dir)
    yield users
    users.end()


@pytest.fixture
def new_users():
    """Users of a data directory in which nothing has been created yet."""
    path = Path(tempfile.mkdtemp(prefix="vc-new-"))
    users = Users(path)
    yield users
    users.end()
    shutil.rmtree(path)
