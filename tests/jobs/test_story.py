"""What an attempt tells is written down, in order and bounded, and never costs the job anything."""

import json
import threading
import time
from dataclasses import replace

import pytest
from django.db import OperationalError, connection

from jobs import worker
from jobs.identity import WorkerIdentity
from jobs.models import EventKind, Job, JobEvent, JobPlan
from jobs.models import event as events
from jobs.run import Run
from jobs.story import MOST_STEPS, Story, message_of
from media_services.journal import FilmPlan, Outcome, PlannedSegment, Shown, Step, Task
from media_services.process import Fork
from media_services.recogniser import Recogniser
from tests import media
from tests.jobs.factories import make_job
from tests.web import LocalServer

pytestmark = pytest.mark.django_db
ME = WorkerIdentity("here", 1, 1)
PATH = "/0/scenes/0/elements/0"
STEP = Step(Task.SEGMENT, "1 of 3", Outcome.MADE, 1.0, 2.5, project=0, number=0)
PLAN = FilmPlan(
    project=0,
    id="ad",
    fps=10.0,
    frames=20,
    shown=(Shown("image", PATH, 0.0, 2.0),),
    segments=(
        PlannedSegment(0, 10, "one", {"fps": "f", f"{PATH} source": "cat"}),
        PlannedSegment(10, 20, "two", {"fps": "f", f"{PATH} source": "dog"}),
    ),
)


@pytest.fixture
def story_of():
    def claimed(owner, **fields):
        make_job(owner, **fields)
        job = Job.objects.claim(ME)
        return Story(job, job.worker_name)

    return claimed


def tell(story, *entries):
    for entry in entries:
        story.hear(message_of(entry))
    story.flush()


def told(story):
    return [(event.kind, event.data) for event in story.job.events.filter(worker="here:1").exclude(kind="claimed")]


def plan_of(story):
    return JobPlan.objects.get(job=story.job)


def whats(story):
    return [[reason["what"] for reason in each] for each in plan_of(story).explained]


def finished(story):
    tell(story, *(replace(STEP, number=number) for number in range(2)))
    assert Job.objects.complete(story.job, [], [])


def test_steps_and_stages_are_written_in_their_order_with_attempt_and_worker(user, story_of):
    story = story_of(user)
    story.hear({"stage": "rendering", "seconds": 1.5})
    tell(story, STEP)
    assert told(story) == [
        ("stage", {"stage": "rendering", "seconds": 1.5}),
        ("step", {"task": "segment", "what": "1 of 3", "outcome": "made", "began_at": 1.0, "ended_at": 2.5,
                  "project": 0, "number": 0, "size_bytes": None}),
    ]  # fmt: skip
    event = story.job.events.get(kind="step")
    assert (event.attempt, event.worker, event.at.timestamp()) == (1, "here:1", 2.5)


def test_what_was_written_is_not_written_again(user, story_of):
    story = story_of(user)
    tell(story, STEP)
    tell(story)
    tell(story, STEP)
    assert len(told(story)) == 2


def test_many_steps_cost_one_insert(user, story_of, django_assert_num_queries):
    story = story_of(user)
    with django_assert_num_queries(5):  # savepoint, lock, insert, notify, release
        tell(story, *[STEP] * 200)
    with django_assert_num_queries(0):
        story.flush()


def test_steps_are_bounded_and_the_last_event_says_so(user, story_of):
    story = story_of(user)
    tell(story, *[STEP] * (MOST_STEPS + 50))
    tell(story, STEP)
    assert [kind for kind, _ in told(story)] == ["step"] * MOST_STEPS + ["steps_left_out"]
    assert "more than 2,000 steps" in told(story)[-1][1]["message"]


def test_an_attempt_that_was_overtaken_writes_nothing(user, story_of):
    story = story_of(user)
    Job.objects.release(story.job)
    Job.objects.claim(ME)
    tell(story, STEP, PLAN)
    assert not JobEvent.objects.filter(kind="step").exists()
    assert not JobPlan.objects.exists()


def test_what_a_lost_database_could_not_take_is_written_when_it_is_back(user, story_of, monkeypatch):
    story = story_of(user)

    def away(*args, **options):
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(JobEvent.objects, "tell_all", away)
        patch.setattr(connection, "close", lambda: None)
        tell(story, STEP)
    assert told(story) == []
    tell(story)
    assert len(told(story)) == 1


@pytest.mark.parametrize(
    "strange", [{"plan": {"project": 0}}, {"plan": {"project": 0, "id": "\x00", "segments": []}}, {"plan": 7}]
)
def test_what_can_never_be_written_is_dropped_and_takes_nothing_else_with_it(user, story_of, strange):
    story = story_of(user)
    story.hear(strange)
    tell(story, STEP)
    assert [kind for kind, _ in told(story)] == ["step"]


def test_a_plan_is_kept_with_what_it_is_called(user, story_of):
    story = story_of(user)
    tell(story, PLAN)
    row = plan_of(story)
    assert (row.owner, row.project, row.project_key, row.compared_with) == (user, 0, "ad", None)
    assert row.plan == json.loads(json.dumps(message_of(PLAN)["plan"]))
    assert whats(story) == [["first"], ["first"]]


def test_a_later_attempts_plan_takes_the_place_of_the_first(user, story_of):
    story = story_of(user)
    tell(story, PLAN)
    Job.objects.release(story.job)
    again = Story(Job.objects.claim(ME), "here:1")
    tell(again, replace(PLAN, segments=PLAN.segments[:1]))
    assert whats(again) == [["first"]]


def test_a_plan_is_compared_with_the_latest_before_of_the_same_project(user, story_of):
    first, second = story_of(user), story_of(user)
    for story in (first, second):
        tell(story, PLAN)
        finished(story)
    third = story_of(user)
    changed = PlannedSegment(10, 20, "three", {"fps": "f", f"{PATH} source": "cow"})
    tell(third, replace(PLAN, segments=(PLAN.segments[0], changed)))
    assert plan_of(third).compared_with == second.job.pk
    assert whats(third) == [["not-kept"], ["source"]]


def test_what_the_job_before_did_not_come_to_make_is_said_to_be_so(user, story_of):
    before = story_of(user)
    tell(before, PLAN, STEP)
    now = story_of(user)
    tell(now, PLAN)
    assert whats(now) == [["not-kept"], ["not-made-before"]]


def test_a_film_that_was_taken_as_a_whole_had_all_its_segments(user, story_of):
    before, now = story_of(user), story_of(user)
    tell(before, PLAN, Step(Task.FILM, "film 1", Outcome.KEPT, 1.0, 2.0, project=0))
    tell(now, PLAN)
    assert whats(now) == [["not-kept"], ["not-kept"]]


def test_another_owners_or_projects_plan_is_not_compared_with(user, other_user, story_of):
    for owner, name in ((other_user, "ad"), (user, "another")):
        tell(story_of(owner), replace(PLAN, id=name))
    story = story_of(user)
    tell(story, PLAN)
    assert plan_of(story).compared_with is None


@pytest.mark.parametrize(("source", "is_known"), [("cat", True), ("cow", False)])
def test_a_project_without_an_id_is_known_by_what_is_in_it(user, story_of, source, is_known):
    before, now = story_of(user), story_of(user)
    tell(before, replace(PLAN, id=None))
    tell(now, replace(PLAN, id=None, segments=(PlannedSegment(0, 9, "new", {"/0/elements/7 source": source}),)))
    assert plan_of(now).compared_with == (before.job.pk if is_known else None)


def test_of_several_projects_in_one_job_the_one_that_shares_most_is_compared_with(user, story_of):
    before, now = story_of(user), story_of(user)
    shared = PLAN.segments[:1]
    tell(before, replace(PLAN, id=None), replace(PLAN, id=None, project=1, segments=shared))
    tell(now, replace(PLAN, id=None, project=1))
    assert whats(now) == [["not-made-before"], ["not-made-before"]]


def test_a_plan_too_large_to_keep_loses_what_its_segments_depend_on(user, story_of, monkeypatch):
    monkeypatch.setattr("jobs.story._MOST_INPUTS", 3)
    story = story_of(user)
    tell(story, PLAN)
    assert [segment["inputs"] for segment in plan_of(story).plan["segments"]] == [{}, {}]


def test_deleting_a_job_deletes_its_story(user, story_of):
    story = story_of(user)
    tell(story, STEP, PLAN)
    Job.objects.filter(pk=story.job.pk).delete()
    assert not JobEvent.objects.exists()
    assert not JobPlan.objects.exists()


def test_events_have_rising_ids(user, story_of):
    story = story_of(user)
    tell(story, STEP, STEP)
    finished(story)
    kinds = list(story.job.events.order_by("id").values_list("kind", flat=True))
    assert kinds == [EventKind.CLAIMED, *["step"] * 4, EventKind.COMPLETED]


def test_messages_of_several_threads_do_not_mix():
    """A plan is longer than what a pipe takes at once."""
    long = message_of(replace(PLAN, segments=PLAN.segments * 2000))

    def target(send):
        threads = [threading.Thread(target=lambda: [send(long) for _ in range(3)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    child, heard = Fork(target), []
    deadline = time.monotonic() + 60
    while not child.has_ended() and time.monotonic() < deadline:
        heard += child.messages()
        time.sleep(0.01)
    heard += child.messages()
    child.close()
    assert len(heard) == 12
    assert all(message == json.loads(json.dumps(long)) for message in heard)


@pytest.mark.django_db(transaction=True)
def test_the_story_of_a_job_is_told_from_its_claim_to_its_end(user, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.0/8"]})
    with LocalServer() as server:
        server.serve("/a.png", media.picture().read_bytes())
        scenes = [{"duration": 1, "elements": [{"type": "image", "src": server.url("/a.png")}]}]
        make_job(user, config=[{"resolution": "160x90", "fps": 10, "cache": False, "scenes": scenes}])
        job = Job.objects.claim(WorkerIdentity.current())
        worker.run_job(job)
    kinds = list(job.events.values_list("kind", flat=True))
    assert (kinds[0], kinds[-1]) == ("claimed", "completed")
    stages = [event.data["stage"] for event in job.events.filter(kind="stage")]
    assert (stages[0], stages[-2:]) == ("analyzing", ["rendering", "storing"])
    assert {"segment", "film"} <= {event.data["task"] for event in job.events.filter(kind="step")}
    (row,) = job.plans.all()
    assert [segment["end_frame"] for segment in row.plan["segments"]] == [10]
    assert [[reason["what"] for reason in each] for each in row.explained] == [["refused", "first"]]


def test_what_was_told_last_is_written_before_the_end_however_long_the_database_is_away(user, story_of, monkeypatch):
    job = story_of(user).job
    run, away = Run(job, Recogniser()), ["the server closed the connection"] * 4
    for objects, name in ((JobEvent.objects, "tell_all"), (Job.objects, "release")):
        monkeypatch.setattr(objects, name, _not_while(away, getattr(objects, name)))
    monkeypatch.setattr(connection, "close", lambda: None)
    run.story.hear(message_of(STEP))
    run.release()
    assert list(job.events.values_list("kind", flat=True)) == ["claimed", "step", "released"]


def _not_while(away, call):
    def called(*args, **options):
        if away:
            raise OperationalError(away.pop())
        return call(*args, **options)

    return called


@pytest.mark.django_db(transaction=True)
def test_what_is_written_again_comes_after_what_was_read_meanwhile(user, story_of, monkeypatch):
    story = story_of(user)
    with monkeypatch.context() as outage:
        outage.setattr(events, "notify", _lost)  # after the INSERT, before the COMMIT
        tell(story, STEP)
    assert not told(story)

    Job.objects.cancel(story.job.pk)
    read = JobEvent.objects.filter(job=story.job).latest("id").pk
    story.flush()
    assert JobEvent.objects.get(kind=EventKind.STEP).pk > read


def _lost(*_):
    raise OperationalError("the connection is lost")
