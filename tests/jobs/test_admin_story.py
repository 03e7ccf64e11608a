"""The page of a job tells its story: what happened, a picture, and why its segments had to be made."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from jobs.admin.story import sentence
from jobs.models import EventKind, JobEvent
from tests.jobs.factories import make_job, make_plan, make_step

SCRIPT = "<script>alert(1)</script>"
ERROR = {"code": "DOWNLOAD_FAILED", "message": "gone", "path": "/0/scenes/0"}
LOOK = {"what": "look", "path": "/0/scenes/0/elements/0", "message": "the look of it changed"}


@pytest.fixture
def browser(staff):
    client = Client()
    client.force_login(staff)
    return client


def page_of(browser, job):
    return browser.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()


def make_events(job, count):
    JobEvent.objects.bulk_create(
        JobEvent(job=job, attempt=1, kind=EventKind.STAGE, data={"stage": f"stage-{n}", "seconds": 1.0})
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        ("queued", {}, ""),
        ("stage", {"stage": "rendering", "seconds": 1.2}, "rendering, after 1.2 s of the stage before"),
        ("failed", {"status": "failed", "error": ERROR}, "DOWNLOAD_FAILED gone (/0/scenes/0)"),
        ("retried", {"error": ERROR, "again_in_s": 5.0}, "DOWNLOAD_FAILED gone (/0/scenes/0); again in 5.0 s"),
        ("lost", {"error": {"code": "WORKER_LOST"}, "status": "pending"}, "WORKER_LOST; the job is pending"),
        ("warning", {"code": "font", "message": "no such font"}, "font no such font"),
        ("steps_left_out", {"message": "there were more"}, "there were more"),
    ],
)
def test_an_event_is_told_in_words(kind, data, says):
    assert sentence(JobEvent(kind=kind, data=data)) == says


def test_a_step_is_told_with_its_film_and_how_long_it_took(user):
    job = make_job(user, status="processing")
    assert sentence(make_step(job, seconds=0.25)) == "segment 1 of 3, film 1: made in 0.25 s"
    assert sentence(make_step(job, task="fetch", what="a.png", project=None)) == "fetch a.png: made in 0.50 s"


def test_the_latest_events_are_listed_the_newest_last(browser, user):
    job = make_job(user)
    make_events(job, 203)
    page = page_of(browser, job)
    assert re.findall(r"stage-\d+", page) == [f"stage-{number}" for number in range(3, 203)]
    assert "The latest 200 events" in page
    assert f"/api/v1/jobs/{job.pk}/events" in page


def test_segments_are_listed_with_what_came_of_them_and_why(browser, user):
    job = make_job(user, status="completed")
    before = uuid.uuid4()
    make_plan(job, explained=[[LOOK], [], []], compared_with=before)
    for number, outcome in enumerate(("made", "kept", "kept")):
        make_step(job, number=number, outcome=outcome)
    page = page_of(browser, job)
    assert re.findall(r"<td>([\d–]+)</td><td class=\"vc-exact\">([^<]+)<", page) == [
        ("1", "0.00–1.00 s"),
        ("2–3", "1.00–3.00 s"),
    ]
    assert re.search(r'<a href="#line-\d+">the look of it changed</a>', page)
    assert "1 made, 2 kept" in page
    assert reverse("admin:jobs_job_change", args=[before]) in page


def test_the_picture_is_shown_when_there_is_something_to_draw(browser, user):
    drawn, bare = make_job(user), make_job(user)
    make_plan(drawn)
    source = f'src="/api/v1/jobs/{drawn.pk}/timeline.svg"'
    assert source in page_of(browser, drawn)
    assert "timeline.svg" not in page_of(browser, bare)


def test_text_from_outside_cannot_become_markup(browser, user):
    job = make_job(user, status="processing")
    make_plan(job, plan={"id": SCRIPT}, explained=[[LOOK | {"message": SCRIPT}]] * 3)
    make_step(job, what=SCRIPT)
    make_step(job, task="fetch", what=SCRIPT, project=None, number=None)
    assert "<script>alert" not in page_of(browser, job)


def test_a_long_story_costs_as_many_queries_as_a_short_one(browser, user, django_assert_max_num_queries):
    job = make_job(user, status="completed")
    for number in range(5):
        make_plan(job, project=number)
        make_step(job, project=number)
    make_events(job, 50)
    page_of(browser, job)
    with django_assert_max_num_queries(9):
        page_of(browser, job)


def test_an_attempt_tells_how_long_its_stages_took_and_what_memory_it_needed(browser, user):
    job = make_job(user, status="completed")
    job.attempts.update(stage_seconds={"rendering": 75.0, "fetching": 1.25}, memory_peak_bytes=512 * 2**20)
    assert "fetching 1.2 s, rendering 1 min 15 s, 512.0\xa0MB of memory at most" in page_of(browser, job)
