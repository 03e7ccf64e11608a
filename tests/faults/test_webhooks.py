"""A real cluster tells webhooks of ends of jobs: at once, beside its renders, and again after its courier is killed."""

import json
import signal
import time

import pytest

from tests.faults.conftest import busy_film, film, long_film, members
from tests.web import LocalServer


@pytest.fixture
def receiver():
    with LocalServer() as server:
        yield server


def post(fleet, document, url):
    return fleet.post({"config": document, "webhook-url": url})


def told(fleet, job):
    """Return how far the latest end of a job was told."""
    query = "SELECT status FROM jobs_webhookdelivery WHERE job_id = %s ORDER BY created_at DESC LIMIT 1"
    return fleet.service.one(query, job["job_id"])


def wait_until_told(fleet, job, seconds=20):
    fleet.service.wait_for(lambda: told(fleet, job) == "delivered", seconds)


def test_each_end_is_told_at_once(fleet, receiver):
    url = receiver.status("/hook", 204)
    fleet.start()
    missing = {"type": "image", "src": receiver.url("/missing.png")}
    jobs = [
        post(fleet, film(), url),
        post(fleet, film(elements=[missing]), url),
        post(fleet, long_film(), url),
    ]
    fleet.service.client.post(f"/api/v1/jobs/{jobs[2]['job_id']}/cancel")
    for job in jobs:
        wait_until_told(fleet, job, 40)
    bodies = [json.loads(request.body) for request in receiver.requests if request.path == "/hook"]
    events = {body["job"]["job_id"]: body["event"] for body in bodies}
    assert [events[job["job_id"]] for job in jobs] == ["job.completed", "job.failed", "job.cancelled"]
    (film_url,) = [video["download_url"] for body in bodies for video in body["job"]["videos"]]
    assert fleet.service.get(film_url).status_code == 200


def test_a_courier_killed_while_it_sends_has_it_sent_again_under_the_same_id(fleet, receiver):
    url = receiver.handle("/hook", lambda handler: handler.pause(30))
    cluster = fleet.start()
    job = post(fleet, film(), url)
    fleet.service.wait_for(lambda: receiver.hits["/hook"] == 1)
    (courier,) = members(cluster, "courier")
    courier.kill()
    receiver.status("/hook", 200)
    fleet.service.rows("UPDATE jobs_webhookdelivery SET due_at = now() RETURNING id")  # else the lease is waited for
    wait_until_told(fleet, job)
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_who_hangs_delays_neither_renders_nor_other_receivers_nor_the_stop(fleet, receiver):
    dead = receiver.handle("/dead", lambda handler: handler.pause(60))
    cluster = fleet.start(VIDEOCRAFT_JOB_WORKERS=1, VIDEOCRAFT_DRAIN_SECONDS=0)
    with LocalServer() as live:
        url = live.status("/hook", 200)
        jobs = [post(fleet, film(), dead) for _ in range(4)]
        answered = post(fleet, film(), url)
        wait_until_told(fleet, answered)
        assert [fleet.end(job) for job in jobs] == ["completed"] * 4
    began = time.monotonic()
    cluster.send_signal(signal.SIGTERM)
    assert cluster.wait(10) == 0
    assert time.monotonic() - began < 8
    assert {told(fleet, job) for job in jobs} == {"pending"}


def test_a_courier_is_no_part_of_the_work(fleet, receiver):
    url = receiver.status("/hook", 200)
    cluster = fleet.start()
    job = post(fleet, busy_film(), url)
    fleet.wait_for_encoder(job)
    members(cluster, "courier")[0].kill()
    assert fleet.end(job) == "completed"
    wait_until_told(fleet, job)
    assert fleet.outcomes(job) == ["completed"]
