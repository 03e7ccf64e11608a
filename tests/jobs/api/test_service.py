"""Whether the service says rightly that it is alive, and ready."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from jobs.api import service
from jobs.models import Cluster
from tests.jobs.api.answers import refusal
from tests.jobs.factories import make_cluster, make_job


@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_health_is_answered_without_a_database(client, path):
    # no db fixture: pytest-django fails the test at any query
    answer = client.get(path, headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def readiness(client):
    answer = client.get("/ready")
    body = answer.json()
    assert list(body["checks"]) == ["database", "queue", "storage", "ffmpeg", "worker"]
    assert (answer.status_code == 200) == (body["status"] == "ready")
    return answer.status_code, {name: check["message"] for name, check in body["checks"].items() if not check["ok"]}


def test_ready_when_everything_that_jobs_need_is_there(anonymous, media_root):
    make_cluster()
    assert readiness(anonymous) == (200, {})
    assert [path for path in media_root.rglob("*") if path.is_file()] == []


def test_not_ready_without_a_worker_that_has_beaten_lately(anonymous):
    assert list(readiness(anonymous)[1]) == ["worker"]
    make_cluster(heartbeat_at=Now() - timedelta(seconds=16))
    assert list(readiness(anonymous)[1]) == ["worker"]
    Cluster.objects.update(heartbeat_at=Now() - timedelta(seconds=10))
    assert readiness(anonymous) == (200, {})


def test_ready_and_told_so_when_every_cluster_takes_labelled_jobs_only(anonymous):
    make_cluster(labels=["gpu"], is_dedicated=True)
    told = anonymous.get("/ready").json()["checks"]["worker"]
    assert told == {"ok": True, "message": "1 running; jobs without labels wait, for all take labelled ones only"}


def test_not_ready_when_the_queue_is_full(anonymous, user, configure):
    make_cluster()
    configure(job_queue_size=1)
    make_job(user)
    assert readiness(anonymous) == (503, {"queue": "full: 1 of 1 pending"})


def test_not_ready_when_the_storage_cannot_be_written_to(anonymous, media_root):
    make_cluster()
    media_root.write_text("a file where the folder should be")
    assert readiness(anonymous) == (503, {"storage": "cannot be written to; the log says why"})


def test_not_ready_when_ffmpeg_does_not_run(anonymous, monkeypatch, tmp_path):
    make_cluster()
    monkeypatch.setattr(service.ffmpeg, "executable", lambda: str(tmp_path / "ffmpeg"))
    assert readiness(anonymous) == (503, {"ffmpeg": "does not run; the log says why"})


def test_not_ready_when_the_database_does_not_answer(client, monkeypatch):
    def fail(*args, **kwargs):
        raise service.DatabaseError("password=secret")

    monkeypatch.setattr(service.connection, "cursor", fail)
    monkeypatch.setattr("django.db.models.query.QuerySet.count", fail)
    status, failing = readiness(client)
    assert (status, list(failing)) == (503, ["database", "queue", "worker"])
    assert set(failing.values()) == {"the database does not answer"}


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_another_method_is_not_allowed(anonymous, path):
    assert refusal(anonymous.post(path)) == (405, "METHOD_NOT_ALLOWED")
