"""Which job is helped with, and that one where there is nothing to do, or no way to help, is left alone."""

import time
from uuid import uuid4

import pytest

from jobs import helping
from jobs.helping import help_somebody
from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS, WorkerLabels
from jobs.models import Job, JobEvent
from media_services.others import invitation, invited
from media_services.render import keys
from media_services.stage import Stage
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db(transaction=True)
ME = WorkerIdentity.current()
DOCUMENT = [{"resolution": "160x90", "fps": 10, "scenes": [{"duration": 1, "background-color": "#204060"}]}]


@pytest.fixture(autouse=True)
def nobody_left_alone(monkeypatch):
    monkeypatch.setattr(helping, "_left_alone", {})


def rendered(user, pieces, **fields):
    """Return a job that a worker elsewhere renders, of which so many pieces are open."""
    make_job(user, config=DOCUMENT, **fields)
    elsewhere = WorkerIdentity("elsewhere", 2, 2, labels=WorkerLabels(tuple(fields.get("labels", ()))))
    job = Job.objects.claim(elsewhere)
    assert Job.objects.beat(job, stage="rendering", progress=30, open_pieces=pieces)
    return job


def with_invitation(job):
    class Work:
        work = f"{job.pk}-{job.attempt}"

    return invitation(Work(), {})


def test_the_job_with_the_most_open_pieces_is_helped_with(user):
    few, many, _ = rendered(user, 2), rendered(user, 5), rendered(user, 1)
    assert list(Job.objects.in_want_of_help()) == [many, few]


def test_helping_needs_no_label_and_dedicated_workers_help_with_what_asks_for_theirs(user):
    plain, labelled = rendered(user, 5), rendered(user, 4, labels=["big", "gpu"])
    assert list(Job.objects.in_want_of_help(NO_LABELS)) == [plain, labelled]
    assert list(Job.objects.in_want_of_help(WorkerLabels(("gpu", "x")))) == [plain, labelled]
    assert list(Job.objects.in_want_of_help(WorkerLabels(("gpu", "x"), are_dedicated=True))) == [labelled]


@pytest.mark.parametrize(("labels", "goes_on"), [([], False), (["gpu"], True)])
def test_a_helper_stops_for_a_due_job_that_it_may_take_and_for_no_other(user, labels, goes_on):
    helping_out = helping.Help(rendered(user, 5), ME)
    make_job(user, labels=labels)
    reasons = [helping_out._reason_elsewhere(helping_out.looked_at) for _ in range(2)]
    assert reasons == [None, None if goes_on else "a job is due"]


def test_what_is_cancelled_or_done_is_not_helped_with(user):
    cancelled, released = rendered(user, 5), rendered(user, 5)
    Job.objects.cancel(cancelled.pk)
    Job.objects.release(released)
    assert not Job.objects.in_want_of_help().exists()
    assert Job.objects.get(pk=released.pk).open_pieces == 0


def test_pieces_are_made_and_told_by_the_one_who_helps(user):
    job = rendered(user, 2)
    with with_invitation(job):
        assert help_somebody(ME)
    steps = JobEvent.objects.filter(job=job, kind="step").values_list("data__task", "data__outcome", "worker")
    assert ("segment", "made", str(ME)) in list(steps) or ("segment", "shared", str(ME)) in list(steps)
    job.refresh_from_db()
    assert (job.status, job.worker_host) == ("processing", "elsewhere")


def test_one_without_an_invitation_here_is_left_alone(user, monkeypatch):
    rendered(user, 5)
    assert help_somebody(ME)
    assert not help_somebody(ME)
    later = time.monotonic() + helping._REST_S + 1
    monkeypatch.setattr(helping.time, "monotonic", lambda: later)
    assert not help_somebody(ME)


def test_one_whose_source_is_not_kept_is_left_alone(user):
    class Work:
        work = None

    job = rendered(user, 5)
    Work.work = f"{job.pk}-{job.attempt}"
    with invitation(Work(), {"http://media.example/a.png": "0" * 64}):
        assert help_somebody(ME)
        assert not help_somebody(ME)


def test_one_that_another_release_renders_is_left_alone(user, monkeypatch):
    job = rendered(user, 5)
    with with_invitation(job), monkeypatch.context() as next_release:
        next_release.setattr(keys, "engine", lambda: "the next release")
        assert help_somebody(ME)
        assert not help_somebody(ME)
    assert not JobEvent.objects.filter(job=job, kind="step").exists()


def test_an_invitation_is_gone_with_the_work():
    class Work:
        work = f"{uuid4()}-1"

    with invitation(Work(), {}):
        assert invited(Work()) == {}
    assert invited(Work()) is None


def test_only_what_has_moved_is_told(user, monkeypatch, tmp_path):
    """Else one whose FFmpeg hangs would seem to move, for that is asked four times a second."""

    def assist(movie, workdir, checkpoint, **options):
        for fraction in (0.3, 0.3, 0.3, 0.4, 0.4):
            checkpoint(Stage.RENDERING, fraction)

    sent = []
    monkeypatch.setattr(helping.assisting, "assist", assist)
    helping.assist(rendered(user, 5), tmp_path, {}, sent.append)
    assert [message["fraction"] for message in sent] == [0.3, 0.4]
