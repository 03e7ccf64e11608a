"""What happened to a job, in order and page by page."""

import pytest

from jobs.models import EventKind, JobEvent
from tests.jobs.api.answers import NOBODY, problems, refusal
from tests.jobs.factories import DOCUMENT, make_job, make_step


def events_of(job):
    return f"/api/v1/jobs/{job.pk}/events"


def make_stages(job, count):
    """Make the events of so many stages and return their ids."""
    made = [
        JobEvent.objects.create(job=job, attempt=1, kind=EventKind.STAGE, data={"seconds": n}) for n in range(count)
    ]
    return [event.pk for event in made]


def ids(answer):
    return [event["id"] for event in answer.json()["events"]]


def test_a_posted_job_has_been_queued(api):
    job = api.post("/api/v1/jobs", DOCUMENT, content_type="application/json").json()
    (event,) = api.get(f"/api/v1/jobs/{job['job_id']}/events").json()["events"]
    assert (event["kind"], event["attempt"], event["worker"]) == ("queued", 0, "")
    assert event["at"]


def test_an_event_has_the_keys_of_its_kind_beside_those_of_all(api, user):
    job = make_job(user, status="processing")
    step = make_step(job)
    (event,) = api.get(events_of(job)).json()["events"]
    assert event.pop("at").endswith("Z")
    assert event == {
        "id": step.pk,
        "attempt": 1,
        "kind": "step",
        "worker": "example:1",
        "task": "segment",
        "what": "1 of 3",
        "outcome": "made",
        "project": 0,
        "number": 0,
        "began_at": "2026-01-01T12:00:00Z",
        "ended_at": "2026-01-01T12:00:00.500000Z",
    }


def test_nothing_in_an_event_hides_what_all_events_have(api, user):
    job = make_job(user)
    JobEvent.objects.create(job=job, attempt=1, kind=EventKind.WARNING, data={"id": "mine", "kind": "strange"})
    (event,) = api.get(events_of(job)).json()["events"]
    assert (event["kind"], type(event["id"])) == ("warning", int)


def test_pages_follow_one_another_and_new_events_come_on_the_last(api, user):
    job = make_job(user)
    made = make_stages(job, 5)
    first = api.get(events_of(job), {"limit": 3})
    assert (ids(first), first.json()["next_after"]) == (made[:3], made[2])
    second = api.get(f"{events_of(job)}/", {"limit": 3, "after": made[2]})
    assert (ids(second), second.json()["next_after"]) == (made[3:], None)
    newer = make_stages(job, 1)
    assert ids(api.get(events_of(job), {"after": made[-1]})) == newer


def test_a_page_has_a_hundred_events_unless_it_is_asked_for_another_number(api, user):
    job = make_job(user)
    made = make_stages(job, 101)
    assert ids(api.get(events_of(job))) == made[:100]
    assert ids(api.get(events_of(job), {"limit": 500})) == made


@pytest.mark.parametrize(
    ("query", "path"),
    [("limit=0", "?limit"), ("limit=501", "?limit"), ("after=-1", "?after"), ("after=last", "?after"),
     (f"after={2**63}", "?after")],
)  # fmt: skip
def test_a_wrong_query_parameter_is_named(api, user, query, path):
    answer = api.get(f"{events_of(make_job(user))}?{query}")
    assert [problem[0] for problem in problems(answer)] == [path]


def test_events_cost_three_queries(api, user, django_assert_num_queries):
    job = make_job(user)
    make_stages(job, 50)
    with django_assert_num_queries(3):  # the token, the job, its events
        assert len(ids(api.get(events_of(job)))) == 50


def test_staff_see_everybodys_events_and_nobody_else_does(api, staff_api, anonymous, other_user):
    job = make_job(other_user)
    made = make_stages(job, 1)
    assert ids(staff_api.get(events_of(job))) == made
    assert refusal(api.get(events_of(job))) == (404, "JOB_NOT_FOUND")
    assert refusal(anonymous.get(events_of(job))) == (401, "MISSING_API_KEY")


@pytest.mark.parametrize("pk", [NOBODY, "malformed", "%00"])
def test_a_job_that_is_missing_or_malformed_is_not_found(api, pk):
    assert refusal(api.get(f"/api/v1/jobs/{pk}/events")) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_another_method_is_not_allowed(api, user, method):
    assert refusal(getattr(api, method)(events_of(make_job(user)))) == (405, "METHOD_NOT_ALLOWED")
