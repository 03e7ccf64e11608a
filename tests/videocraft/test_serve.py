"""`make run`: the web server and the workers live and die together, and leave nothing running."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.videocraft.processes import leaves_nothing
from videocraft.configuration import ROOT


class Serving:
    """`python -m videocraft.serve` on a free port, with a data directory of its own."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "VIDEOCRAFT_DATA_DIR": str(data_dir), "VIDEOCRAFT_DRAIN_SECONDS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "videocraft.serve", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_ready(self) -> "Serving":
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/ready", trust_env=False).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        pytest.fail(f"not ready: {self.end()}")

    def child(self, word: str) -> psutil.Process:
        return next(child for child in psutil.Process(self.process.pid).children() if word in child.cmdline())

    def end(self) -> str:
        """Kill it if it still runs; return what it wrote."""
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate(timeout=30)[0]

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=40)

    def leaves_nothing(self, patience_s: float = 15) -> bool:
        return leaves_nothing(self.data_dir, patience_s)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def data_dir():
    path = Path(tempfile.mkdtemp(prefix="vc-serve-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def serving(data_dir):
    serving = Serving(data_dir, free_port())
    yield serving
    serving.end()
    assert serving.leaves_nothing()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_good_order(serving, number):
    serving.wait_until_ready()

    assert serving.stop(number) == 0
    assert serving.leaves_nothing(2)
    assert serving.end().splitlines()[0].startswith(f"VideoCraft is at {serving.url}")


@pytest.mark.parametrize(("word", "name"), [("uvicorn", "web"), ("qcluster", "workers")])
def test_when_one_dies_the_other_is_stopped_and_the_status_says_so(serving, word, name):
    serving.wait_until_ready().child(word).kill()

    assert serving.process.wait(timeout=40) == 1
    assert serving.leaves_nothing(2)
    assert f"stopped, because the {name} process was killed by SIGKILL" in serving.end()


def test_a_killed_supervisor_takes_everything_with_it(serving):
    serving.wait_until_ready().process.kill()

    assert serving.leaves_nothing()


def test_a_second_signal_does_not_wait_for_what_hangs(serving):
    os.kill(serving.wait_until_ready().child("qcluster").pid, signal.SIGSTOP)
    serving.process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    began = time.monotonic()

    assert serving.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 5


def test_a_port_that_is_taken_is_an_error(data_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serving = Serving(data_dir, taken.getsockname()[1])

        assert serving.process.wait(timeout=60) == 1

    assert "address already in use" in serving.end()
    assert serving.leaves_nothing(2)


def test_a_database_that_does_not_answer_is_an_error_in_one_line(data_dir, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann@127.0.0.1:1/films")
    serving = Serving(data_dir, free_port())

    assert serving.process.wait(timeout=60) == 1
    said = serving.end()
    assert said.startswith("stopped, because")
    assert "Traceback" not in said


def test_what_a_client_says_of_its_address_is_not_believed(data_dir, monkeypatch):
    monkeypatch.setenv("VIDEOCRAFT_RATE_LIMIT_FAILURES", "5/h")
    serving = Serving(data_dir, free_port()).wait_until_ready()
    with httpx.Client(base_url=serving.url, headers={"Authorization": "Bearer wrong"}) as client:
        for number in range(6):
            answer = client.get("/api/v1/jobs", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    serving.stop(signal.SIGTERM)
    serving.end()
    assert serving.leaves_nothing()
    assert answer.status_code == 429
