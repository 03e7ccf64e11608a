"""What the films of a job are made of, what came of their segments and why, in figures and as a picture."""

import uuid
from xml.etree import ElementTree

import pytest

from jobs.models import JobEvent
from tests.jobs.api.answers import NOBODY, refusal
from tests.jobs.factories import make_job, make_plan, make_step

CHANGED = {"what": "look", "path": "/0/scenes/0/elements/0", "message": "the look of it changed"}
NOT_KEPT = {"what": "not-kept", "path": None, "message": "it is no longer kept"}
ADDRESSES = ["plan", "plan/", "timeline.svg", "timeline.svg/"]


def address(job, name="plan"):
    return f"/api/v1/jobs/{job.pk}/{name}"


def plan_of(api, job):
    return api.get(address(job)).json()


def test_a_job_that_has_planned_nothing_yet_has_no_projects(api, user):
    job = make_job(user)
    assert plan_of(api, job) == {"job_id": str(job.pk), "projects": [], "steps": []}


def test_a_film_is_told_with_what_is_on_when(api, user):
    job, before = make_job(user, status="processing"), uuid.uuid4()
    make_plan(job, compared_with=before)
    (project,) = plan_of(api, job)["projects"]
    facts = {name: project[name] for name in ("project", "id", "fps", "frames", "duration_s", "compared_with")}
    assert facts == {
        "project": 0,
        "id": "film",
        "fps": 10.0,
        "frames": 30,
        "duration_s": 3.0,
        "compared_with": str(before),
    }
    assert [(scene["path"], scene["start_s"], scene["end_s"]) for scene in project["scenes"]] == [
        ("intro", 0.0, 1.0),
        ("scene 2", 1.0, 3.0),
    ]
    assert [layer["kind"] for layer in project["layers"]] == ["image", "sound"]


def test_a_segment_is_told_with_what_came_of_it(api, user):
    job = make_job(user, status="processing")
    make_plan(job, explained=[[CHANGED], [NOT_KEPT], [NOT_KEPT]])
    make_step(job, second=1, seconds=0.5)
    make_step(job, number=1, outcome="kept")
    first, second, third = plan_of(api, job)["projects"][0]["segments"]
    assert first == {
        "number": 0,
        "start_s": 0.0,
        "end_s": 1.0,
        "first_frame": 0,
        "frames": 10,
        "outcome": "made",
        "seconds": 0.5,
        "began_at": "2026-01-01T12:00:01Z",
        "ended_at": "2026-01-01T12:00:01.500000Z",
        "worker": "example:1",
        "reasons": [CHANGED],
    }
    assert (second["outcome"], second["reasons"]) == ("kept", [])
    assert [third[name] for name in ("outcome", "seconds", "worker", "reasons")] == [None, None, None, []]


@pytest.mark.parametrize(("outcome", "came"), [("kept", "kept"), ("shared", "shared"), ("made", None)])
def test_what_came_of_a_film_as_a_whole_came_of_its_segments(api, user, outcome, came):
    job = make_job(user, status="completed")
    make_plan(job, explained=[[NOT_KEPT]] * 3)
    make_step(job, task="film", outcome=outcome, number=None)
    segments = plan_of(api, job)["projects"][0]["segments"]
    assert [(each["outcome"], each["seconds"], each["reasons"]) for each in segments] == [(came, None, [])] * 3
    assert api.get(address(job, "timeline.svg")).status_code == 200


@pytest.mark.parametrize("order", [1, -1])
def test_a_segment_that_a_helper_made_is_shared_and_told_by_his_step(api, user, order):
    job = make_job(user, status="processing")
    make_plan(job, explained=[[NOT_KEPT]] * 3)
    JobEvent.objects.create(job=job, attempt=1, kind="claimed", worker="example:1")
    steps = [{"outcome": "made", "worker": "helper:2", "seconds": 0.7}, {"outcome": "shared", "seconds": 0.9}]
    for step in steps[::order]:
        make_step(job, **step)
    (project,) = plan_of(api, job)["projects"]
    facts = [project["segments"][0][name] for name in ("outcome", "worker", "seconds", "reasons")]
    assert facts == ["shared", "helper:2", 0.7, [NOT_KEPT]]
    assert [(step["outcome"], step["worker"]) for step in project["steps"]] == [("shared", "example:1")]


def test_a_segment_that_another_job_made_has_no_worker(api, user):
    job = make_job(user, status="processing")
    make_plan(job, explained=[[NOT_KEPT]] * 3)
    make_step(job, outcome="shared")
    segment = plan_of(api, job)["projects"][0]["segments"][0]
    assert (segment["outcome"], segment["worker"], segment["reasons"]) == ("shared", None, [])


def test_other_steps_are_told_with_their_film_or_with_that_of_none(api, user):
    job = make_job(user, status="processing")
    make_plan(job)
    make_step(job, task="fetch", what="a.png", project=None, number=None)
    make_step(job, task="sound", what="sound", number=None)
    plan = plan_of(api, job)
    assert [step["task"] for step in plan["steps"]] == ["fetch"]
    (sound,) = plan["projects"][0]["steps"]
    assert (sound["task"], sound["seconds"], sound["began_at"]) == ("sound", 0.5, "2026-01-01T12:00:00Z")


def test_only_the_latest_attempt_is_told_of(api, user):
    job = make_job(user, status="processing")
    make_plan(job)
    make_step(job)
    type(job).objects.update(attempt=2)
    assert plan_of(api, job)["projects"][0]["segments"][0]["outcome"] is None


def test_projects_come_in_their_order(api, user):
    job = make_job(user, status="completed")
    for number in (1, 0):
        make_plan(job, project=number)
    assert [project["project"] for project in plan_of(api, job)["projects"]] == [0, 1]


@pytest.mark.parametrize("name", ["plan", "timeline.svg"])
def test_a_long_job_costs_as_many_queries_as_a_short_one(api, user, django_assert_num_queries, name):
    job = make_job(user, status="completed")
    for number in range(5):
        make_plan(job, project=number)
        make_step(job, project=number)
    with django_assert_num_queries(4):  # the token, the job, its steps, its plans
        api.get(address(job, name))


def test_the_timeline_is_a_picture_that_runs_and_loads_nothing(api, user):
    job = make_job(user, status="completed")
    make_plan(job)
    make_step(job)
    answer = api.get(address(job, "timeline.svg"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    assert answer["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<script" not in answer.content


@pytest.mark.parametrize("name", ADDRESSES)
def test_staff_see_everybodys_and_nobody_else_does(api, staff_api, anonymous, other_user, name):
    job = make_job(other_user)
    assert staff_api.get(address(job, name)).status_code == 200
    assert refusal(api.get(address(job, name))) == (404, "JOB_NOT_FOUND")
    assert refusal(anonymous.get(address(job, name))) == (401, "MISSING_API_KEY")


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("pk", [NOBODY, "malformed", "%00"])
def test_a_job_that_is_missing_or_malformed_is_not_found(api, pk, name):
    assert refusal(api.get(f"/api/v1/jobs/{pk}/{name}")) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_another_method_is_not_allowed(api, user, method, name):
    assert refusal(getattr(api, method)(address(make_job(user), name))) == (405, "METHOD_NOT_ALLOWED")
