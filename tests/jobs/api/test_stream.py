"""The events of a job as they happen: in order, each once, to whoever may see them, and until its end."""

import asyncio
import json
import threading
import time
from uuid import UUID

import pytest
from django.db import connection, connections

from jobs import watching
from jobs.api import stream
from jobs.api.body_limit import BodyLimit
from jobs.api.bounded import BoundedHandler
from jobs.identity import WorkerIdentity
from jobs.models import EventKind, Job, JobEvent, JobStatus
from tests.jobs.api.answers import NOBODY, problems
from tests.jobs.factories import make_job, make_token

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = WorkerIdentity(cluster=UUID(int=1), host="example", realm="here", pid=1, started_ticks=1)
OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"


class Client:
    """Requests for events to one application, as an ASGI server would make them, and what comes back."""

    def __init__(self):
        self.application = BodyLimit(BoundedHandler())

    def ask(self, job, token, query="", **headers):
        return Answer(self.application, f"/api/v1/jobs/{getattr(job, 'pk', job)}/events", token, query, headers)


class Answer:
    """An answer while it comes in."""

    def __init__(self, application, path, token, query, headers):
        named = {"host": "localhost", "accept": "text/event-stream", "authorization": f"Bearer {token}", **headers}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        }
        self.status, self.headers, self.body, self.is_slow = None, {}, b"", asyncio.Event()
        self.left, self.is_asked = asyncio.Event(), False
        self.task = asyncio.create_task(application(self.scope, self.receive, self.send))

    async def receive(self):
        if self.is_asked:
            await self.left.wait()
            return {"type": "http.disconnect"}
        self.is_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            return
        if self.is_slow.is_set():
            await asyncio.Event().wait()
        self.body += message.get("body", b"")

    async def end(self):
        """Wait until it has ended."""
        await asyncio.wait_for(asyncio.shield(self.task), 10)
        return self

    async def until(self, kind, times=1):
        """Wait until so many events of a kind have come."""
        await until(lambda: self.kinds().count(kind) >= times)

    def events(self):
        """Return the id, kind and data of each event that has come."""
        found = []
        for block in self.body.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
            if "data" in fields:
                found.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
        return found

    def kinds(self):
        return [kind for _, kind, _ in self.events()]

    def ids(self):
        return [int(pk) for pk, _, _ in self.events() if pk]

    def code(self):
        return self.status, json.loads(self.body)["code"]


async def until(condition, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)


async def do(work, *arguments):
    """Do something with the database in a thread of its own, as another process would."""
    done = []

    def whole():
        done.append(work(*arguments))
        connections.close_all()

    thread = threading.Thread(target=whole)
    thread.start()
    await until(lambda: not thread.is_alive())
    return done[0]


def run(scene):
    """Play a scene with a client in a loop of its own."""

    async def whole():
        await scene(Client())

    asyncio.run(whole())
    connections.close_all()


def make_stages(job, count):
    """Tell of so many stages and return the ids of their events."""
    stages = [JobEvent(job=job, attempt=1, kind=EventKind.STAGE, data={"seconds": n}) for n in range(count)]
    JobEvent.objects.tell_all(stages)
    return [stage.pk for stage in stages]


def complete(job):
    return Job.objects.complete(job, [], [])


def test_what_was_comes_first_then_what_happens_then_the_end(user):
    job, token = make_job(user), make_token(user)
    JobEvent.objects.tell(job.pk, 0, EventKind.QUEUED)

    async def scene(client):
        answer = client.ask(job, token)
        await answer.until("queued")
        claimed = await do(Job.objects.claim, WORKER)
        await answer.until("claimed")
        await do(complete, claimed)
        await answer.end()
        assert [kind for kind in answer.kinds() if kind != "progress"] == ["queued", "claimed", "completed", "end"]
        assert answer.events()[-1] == (None, "end", {"status": "completed"})
        assert answer.body.startswith(b"retry: 2000\n\n")

    run(scene)


def test_an_event_is_what_the_list_says_of_it(api, user):
    job, token = make_job(user, status="completed"), make_token(user)
    JobEvent.objects.tell(job.pk, 1, EventKind.WARNING, message="ein\nWört\u2028", code="strange")
    listed = api.get(f"/api/v1/jobs/{job.pk}/events").json()["events"]

    async def scene(client):
        answer = await client.ask(job, token).end()
        assert [data for pk, _, data in answer.events() if pk] == listed
        assert [(int(pk), kind) for pk, kind, _ in answer.events() if pk] == [
            (each["id"], each["kind"]) for each in listed
        ]

    run(scene)


def test_no_proxy_keeps_it(user):
    job, token = make_job(user, status="completed"), make_token(user)

    async def scene(client):
        answer = await client.ask(job, token).end()
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-cache", "no")
        assert "content-length" not in answer.headers
        assert answer.headers["x-request-id"]

    run(scene)


@pytest.mark.parametrize("how", ["header", "query", "both"])
def test_it_goes_on_after_the_last_event_that_is_known(user, how):
    job, token = make_job(user, status="completed"), make_token(user)
    ids = make_stages(job, 5)

    async def scene(client):
        headers = {} if how == "query" else {"last_event_id": str(ids[2])}
        query = {"header": "", "query": f"after={ids[2]}", "both": "after=0"}[how]
        answer = await client.ask(job, token, query, **headers).end()
        assert answer.ids() == ids[3:]

    run(scene)


def test_a_long_story_comes_whole_and_each_event_once(user, monkeypatch):
    job, token = make_job(user, status="completed"), make_token(user)
    ids = make_stages(job, 3 * watching._MOST_EVENTS)

    async def scene(client):
        first, second = client.ask(job, token), client.ask(job, token, f"after={ids[250]}")
        assert (await first.end()).ids() == ids
        assert (await second.end()).ids() == ids[251:]

    run(scene)


def test_watchers_at_different_places_are_told_the_same_from_then_on(user):
    job, token = make_job(user, status="processing"), make_token(user)
    ids = make_stages(job, 3)

    async def scene(client):
        answers = [client.ask(job, token, f"after={after}") for after in (0, ids[0], ids[2])]
        await asyncio.gather(*(answer.until("progress") for answer in answers))
        newer = await do(make_stages, job, 2)
        await do(complete, job)
        for answer, known in zip(answers, (ids, ids[1:], []), strict=True):
            assert (await answer.end()).ids()[:-1] == known + newer

    run(scene)


def test_progress_is_told_while_it_moves_but_not_too_often(user, monkeypatch):
    monkeypatch.setattr(stream, "PROGRESS_S", 0.3)
    job, token = make_job(user, status="processing"), make_token(user)

    async def scene(client):
        answer = client.ask(job, token)
        began = time.monotonic()
        for percent in range(10, 60):
            await do(lambda percent=percent: Job.objects.beat(job, stage="rendering", progress=percent))
        seconds = time.monotonic() - began
        await until(lambda: answer.events()[-1][2].get("progress") == 59)
        told = [data for _, kind, data in answer.events() if kind == "progress"]
        assert 1 < len(told) <= seconds / 0.3 + 2
        assert told[-1] == {"status": "processing", "stage": "rendering", "progress": 59}
        assert answer.ids() == []

    run(scene)


def test_a_silent_stream_is_kept_alive(user, monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    job, token = make_job(user), make_token(user)

    async def scene(client):
        answer = client.ask(job, token)
        await until(lambda: answer.body.count(b": alive\n\n") >= 3)
        assert answer.kinds() == ["progress"]

    run(scene)


def test_a_lost_database_loses_no_event(user):
    job, token = make_job(user, status="processing"), make_token(user)

    def cut():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {OURS}", [watching.APPLICATION])
            assert cursor.fetchone() == (1,)
        return make_stages(job, 3)

    async def scene(client):
        answer = client.ask(job, token)
        await answer.until("progress")
        ids = await do(make_stages, job, 2)
        await answer.until("stage", 2)
        ids += await do(cut)
        await answer.until("stage", 5)
        ids += await do(make_stages, job, 1)
        await do(complete, job)
        assert (await answer.end()).ids()[:-1] == ids

    run(scene)


def test_what_was_not_notified_of_is_found_all_the_same(user, monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_S", 0.1)
    job, token = make_job(user, status="processing"), make_token(user)

    async def scene(client):
        answer = client.ask(job, token)
        await answer.until("progress")
        await do(lambda: JobEvent.objects.create(job=job, attempt=1, kind=EventKind.STAGE))
        await answer.until("stage")

    run(scene)


def test_a_hundred_watchers_take_one_connection_and_no_thread_or_place(user):
    job, token = make_job(user, status="processing"), make_token(user)

    def count():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) {OURS}", [watching.APPLICATION])
            return cursor.fetchone()[0]

    async def scene(client):
        handler = client.application.application
        answers = [client.ask(job, token) for _ in range(100)]
        await asyncio.gather(*(answer.until("progress") for answer in answers))
        assert await do(count) == 1
        assert threading.active_count() < 50
        assert handler._places._value == 24
        await do(complete, job)
        assert {(await answer.end()).kinds()[-1] for answer in answers} == {"end"}

    run(scene)


def test_who_leaves_is_forgotten_and_the_connection_goes_with_the_last(user, monkeypatch):
    job, token = make_job(user), make_token(user)
    monkeypatch.setattr(watching, "_LOOK_S", 0.1)

    async def scene(client):
        hub = client.application.application._hub
        answer = client.ask(job, token)
        await answer.until("progress")
        assert hub._count == 1
        answer.left.set()
        await answer.end()
        assert (hub._count, hub._watchers, hub._of_users) == (0, {}, {})
        await until(lambda: hub._task.done())
        again = client.ask(job, token)
        await again.until("progress")

    run(scene)


def test_a_client_that_takes_nothing_is_let_go(user, monkeypatch):
    monkeypatch.setattr(stream, "STALL_S", 0.2)
    job, token = make_job(user, status="processing"), make_token(user)

    async def scene(client):
        hub = client.application.application._hub
        answer = client.ask(job, token)
        await answer.until("progress")
        answer.is_slow.set()
        await do(make_stages, job, 500)
        await answer.end()
        assert hub._count == 0

    run(scene)


def test_a_job_that_is_deleted_ends_its_stream(user, monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_S", 0.1)
    job, token = make_job(user), make_token(user)

    async def scene(client):
        answer = client.ask(job, token)
        await answer.until("progress")
        await do(job.delete)
        assert "end" not in (await answer.end()).kinds()

    run(scene)


def test_a_stream_has_an_end_after_which_its_client_comes_again(user, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST_S", 0.3)
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.1)
    job, token = make_job(user), make_token(user)

    async def scene(client):
        assert set((await client.ask(job, token).end()).kinds()) <= {"progress"}

    run(scene)


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_job_that_has_ended_is_told_to_its_end_at_once(user, status):
    job, token = make_job(user, status=status), make_token(user)

    async def scene(client):
        assert (await client.ask(job, token).end()).events() == [(None, "end", {"status": status})]

    run(scene)


def test_nobody_watches_another_users_job_but_staff(user, other_user, staff):
    job = make_job(other_user, status="completed")
    token, staff_token, read_token = make_token(user), make_token(staff), make_token(other_user, scope="read")

    async def scene(client):
        assert (await client.ask(job, token).end()).code() == (404, "JOB_NOT_FOUND")
        assert (await client.ask(NOBODY, token).end()).code() == (404, "JOB_NOT_FOUND")
        assert (await client.ask(job, "wrong").end()).code() == (401, "INVALID_API_KEY")
        assert (await client.ask(job, "", authorization="").end()).code() == (401, "MISSING_API_KEY")
        for allowed in (staff_token, read_token):
            assert (await client.ask(job, allowed).end()).kinds() == ["end"]

    run(scene)


@pytest.mark.parametrize("last", ["-1", "last", "1" * 30])
def test_a_wrong_last_event_is_named(user, last):
    job, token = make_job(user), make_token(user)

    async def scene(client):
        answer = await client.ask(job, token, last_event_id=last).end()
        assert answer.code() == (400, "INVALID_INPUT")
        assert json.loads(answer.body)["details"][0]["path"] == "Last-Event-ID"

    run(scene)


def test_too_many_watchers_are_refused(user, other_user, monkeypatch):
    monkeypatch.setattr(watching, "MOST_WATCHERS", 2)
    monkeypatch.setattr(watching, "MOST_WATCHERS_OF_A_USER", 1)
    job, token = make_job(user), make_token(user)
    other, other_token = make_job(other_user), make_token(other_user)

    async def scene(client):
        await client.ask(job, token).until("progress")
        refused = await client.ask(job, token).end()
        assert refused.code() == (429, "RATE_LIMIT_EXCEEDED")
        assert refused.headers["retry-after"] == "5"
        await client.ask(other, other_token).until("progress")
        assert (await client.ask(job, token).end()).code() == (503, "UNAVAILABLE")

    run(scene)


def test_without_asgi_the_list_is_the_answer(api, user):
    job = make_job(user)
    answer = api.get(f"/api/v1/jobs/{job.pk}/events", headers={"Accept": "text/event-stream"})
    assert answer.json() == {"events": [], "next_after": None}
    assert problems(api.get(f"/api/v1/jobs/{job.pk}/events?after=x", headers={"Accept": "text/event-stream"}))


def test_a_client_that_takes_anything_gets_the_list(user):
    job, token = make_job(user), make_token(user)

    async def scene(client):
        for accept in ("*/*", "application/json", "text/*"):
            assert json.loads((await client.ask(job, token, accept=accept).end()).body)["events"] == []

    run(scene)


def test_watchers_whose_hub_failed_are_sent_away_and_come_again(user, monkeypatch, caplog):
    job, token = make_job(user, status="completed"), make_token(user)
    make_stages(job, 1)

    def fail_once(event, encode=stream.encode, left=[1]):  # noqa: B006 - it is meant to be kept
        if left:
            raise ValueError(left.pop())
        return encode(event)

    monkeypatch.setattr(stream, "encode", fail_once)

    async def scene(client):
        assert (await client.ask(job, token).end()).kinds() == []
        assert (await client.ask(job, token).end()).kinds() == ["stage", "end"]
        assert "watchers are sent away" in caplog.text

    run(scene)


def test_others_have_their_turn_while_much_is_encoded():
    told, turns = [(UUID(int=1), "processing", "rendering", 7, *[None] * len(watching._COLUMNS))] * 1000, [0]

    async def encode():
        group = asyncio.create_task(stream.new_hub()._group(told))
        while not group.done():
            turns[0] += 1
            await asyncio.sleep(0)

    asyncio.run(encode())
    assert turns[0] >= 20
