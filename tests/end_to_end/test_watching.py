"""Watching a film being made, by the recipes of the documentation."""

import json
import os
import re
import subprocess
import sys
import threading

import pytest

from jobs.watching import APPLICATION
from tests.film import facts
from tests.service import ROOT

FILM = {
    "resolution": "320x180",
    "fps": 10,
    "cache": False,
    "scenes": [
        {"duration": 3, "background-color": colour, "elements": [{"type": "text", "text": colour, "animation": "fade"}]}
        for colour in ("#204060", "#602040", "#406020")
    ],
}
LONGER = FILM | {"resolution": "full-hd", "fps": 30}  # some seconds of work
RECIPES = (ROOT / "docs/recipes.md").read_text()


@pytest.fixture
def folder(tmp_path):
    """A folder with a document, and the environment in which the recipes find the service."""
    (tmp_path / "film.json").write_text(json.dumps(FILM))
    return tmp_path


def watch(service, job, after=0):
    """Return the id, kind and data of the events of a job, until its stream ends."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
    events, fields = [], {}
    with service.client.stream("GET", f"/api/v1/jobs/{job['job_id']}/events", headers=headers) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if name == "data":
                events.append((fields.pop("id", None), fields["event"], json.loads(value)))
    return events


def listed(service, job):
    return service.get(f"/api/v1/jobs/{job['job_id']}/events?limit=500").json()["events"]


def test_a_film_is_told_as_it_is_made_in_order_and_whole(service):
    job = service.post(LONGER)
    events = watch(service, job)
    assert [data for pk, _, data in events if pk] == listed(service, job)
    assert [kind for pk, kind, _ in events if pk][-1] == "completed"
    assert events[-1] == (None, "end", {"status": "completed"})
    progress = [data["progress"] for _, kind, data in events if kind == "progress"]
    assert progress == sorted(progress)
    assert len(progress) >= 2
    ids = [int(pk) for pk, _, _ in events if pk]
    assert ids == sorted(set(ids))
    assert [int(pk) for pk, _, _ in watch(service, job, after=ids[2]) if pk] == ids[3:]


def test_connections_that_are_killed_again_and_again_lose_nothing(service):
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"
    job = service.post(LONGER)
    is_over, killed = threading.Event(), []

    def kill():
        while not is_over.wait(0.2):
            killed.append(service.one(cut, APPLICATION, service.database))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        events = watch(service, job)
    finally:
        is_over.set()
        killer.join()
    assert sum(killed) > 1
    assert [data for pk, _, data in events if pk] == listed(service, job)
    assert events[-1][1] == "end"


def test_the_client_in_python_makes_a_film(service, folder):
    environment = os.environ | {"TOKEN": service.client.headers["Authorization"].removeprefix("Bearer ")}
    command = [sys.executable, str(ROOT / "examples/client.py"), "film.json", "film.mp4", str(service.client.base_url)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert "100 %" in done.stdout
    assert facts(folder / "film.mp4")["frames"] == 90


def test_the_recipe_for_curl_makes_a_film_and_watches_it(service, folder):
    section = RECIPES.split("## curl")[1].split("\n## ")[0]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
    script = script.replace("http://127.0.0.1:8000", str(service.client.base_url).rstrip("/"))
    environment = os.environ | {"TOKEN": service.client.headers["Authorization"].removeprefix("Bearer ")}
    done = subprocess.run(["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=90)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith('event: end\ndata: {"status": "completed"}\n\n')
    assert facts(folder / "film.mp4")["frames"] == 90
