"""The state machine: each transition happens once, to the right job, and only for who holds it."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from jobs.identity import WorkerIdentity
from jobs.models import AttemptOutcome, Job, JobEvent, JobStatus, Video
from jobs.models.transitions import backoff
from tests.jobs.factories import make_job

ERROR = {"code": "DOWNLOAD_FAILED", "message": "gone", "retryable": False}
TRY_AGAIN = {**ERROR, "retryable": True}
ME = WorkerIdentity("here", 1, 1)
pytestmark = pytest.mark.django_db


def claimed(user, **fields):
    make_job(user, **fields)
    job = Job.objects.claim(ME)
    assert job is not None
    return job


def outcome(job):
    return job.attempts.get(number=job.attempt).outcome


def events(job):
    return [(event.kind, event.attempt, event.worker, event.data) for event in job.events.order_by("id")]


def told(job):
    """Return the kinds of a job's events after its claim."""
    return [kind for kind, *_ in events(job)][1:]


def test_claiming_gives_a_lease_and_opens_an_attempt(user):
    job = claimed(user)
    assert (job.status, job.attempt, job.worker_host, job.stage) == (JobStatus.PROCESSING, 1, "here", "fetching")
    assert job.lease_expires_at > timezone.now()
    assert [attempt.worker for attempt in job.attempts.all()] == ["here:1"]


def test_jobs_are_claimed_by_priority_and_then_first_come(user):
    made = [make_job(user, priority=priority) for priority in (0, 5, 0, 5, -5)]
    order = [Job.objects.claim(ME).pk for _ in made]
    assert order == [made[number].pk for number in (1, 3, 0, 2, 4)]
    assert Job.objects.claim(ME) is None


def test_a_job_planned_for_later_is_not_claimed_yet(user):
    make_job(user, run_after=timezone.now() + timezone.timedelta(hours=1))
    assert Job.objects.claim(ME) is None


def test_one_claim_takes_one_job_under_stale_statistics(user):
    make_job(user)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")
    for _ in range(50):
        make_job(user)
    Job.objects.claim(ME)
    assert Job.objects.filter(status=JobStatus.PROCESSING).count() == 1


def test_the_warnings_of_reading_survive_the_claim(user):
    assert claimed(user, warnings=[{"path": "/0"}]).warnings == [{"path": "/0"}]


def test_progress_never_falls_within_an_attempt(user):
    job = claimed(user)
    for progress, shown in ((30, 30), (20, 30), (40, 40)):
        assert Job.objects.beat(job, stage="rendering", progress=progress)
        job.refresh_from_db()
        assert job.progress == shown


def test_a_permanent_error_fails_at_once(user):
    job = claimed(user)
    assert Job.objects.fail(job, ERROR, exit_code=1, stderr_tail="last words")
    job.refresh_from_db()
    assert (job.status, job.failures, job.error["message"]) == (JobStatus.FAILED, 1, "gone")
    attempt = job.attempts.get()
    assert (attempt.outcome, attempt.exit_code, attempt.stderr_tail) == (AttemptOutcome.FAILED, 1, "last words")


def test_a_passing_error_is_tried_again_later_within_the_budget(user, settings):
    job = claimed(user, max_attempts=2)
    assert Job.objects.fail(job, TRY_AGAIN)
    job.refresh_from_db()
    assert (job.status, job.failures) == (JobStatus.PENDING, 1)
    assert 4 < (job.run_after - timezone.now()).total_seconds() < 6.5
    assert outcome(job) == AttemptOutcome.RETRIED
    Job.objects.update(run_after=timezone.now())
    again = Job.objects.claim(ME)
    assert again.attempt == 2
    Job.objects.fail(again, TRY_AGAIN)
    again.refresh_from_db()
    assert again.status == JobStatus.FAILED


def test_an_attempt_that_was_overtaken_changes_nothing(user):
    late = claimed(user)
    Job.objects.release(late)
    now = Job.objects.claim(ME)
    video = Video(job=late, owner=user, project=0, width=2, height=2, frames=1, duration_ms=1, size_bytes=1)
    assert not Job.objects.beat(late, stage="rendering", progress=50)
    assert not Job.objects.complete(late, [video], [])
    assert not Job.objects.fail(late, ERROR)
    assert not Job.objects.release(late)
    assert not Job.objects.cancelled_by_worker(late)
    now.refresh_from_db()
    assert (now.status, now.attempt, now.progress) == (JobStatus.PROCESSING, 2, 0)
    assert Video.objects.count() == 0


def test_a_release_is_not_charged(user):
    job = claimed(user)
    assert Job.objects.release(job)
    job.refresh_from_db()
    assert (job.status, job.failures, job.attempt) == (JobStatus.PENDING, 0, 1)
    assert outcome(job) == AttemptOutcome.RELEASED


def test_a_pending_job_is_cancelled_at_once(user):
    job = make_job(user)
    assert Job.objects.cancel(job.pk)
    job.refresh_from_db()
    assert (job.status, job.finished_at is not None) == (JobStatus.CANCELLED, True)
    assert Job.objects.claim(ME) is None


def test_cancelling_a_processing_job_records_the_wish_and_beats_a_completion(user):
    job = claimed(user)
    assert Job.objects.cancel(job.pk)
    assert not Job.objects.complete(job, [], [])
    assert not Job.objects.fail(job, ERROR)
    assert Job.objects.cancelled_by_worker(job)
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert outcome(job) == AttemptOutcome.CANCELLED


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_finished_job_cannot_be_cancelled(user, status):
    assert not Job.objects.cancel(make_job(user, status=status).pk)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_retry_gives_a_fresh_budget_and_keeps_counting_attempts(user, status):
    job = make_job(user, status=status, failures=3)
    assert Job.objects.retry(job.pk)
    again = Job.objects.claim(ME)
    assert (again.pk, again.failures, again.attempt, again.error) == (job.pk, 0, 2, None)


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.COMPLETED])
def test_only_failed_and_cancelled_jobs_are_retried(user, status):
    assert not Job.objects.retry(make_job(user, status=status).pk)


@pytest.mark.parametrize(
    "nonsense",
    [{"status": "processing"}, {"lease_expires_at": timezone.now()}, {"status": "completed"}, {"progress": 101},
     {"finished_at": timezone.now()}],
)  # fmt: skip
def test_the_database_refuses_states_that_cannot_be(user, nonsense):
    job = make_job(user)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**nonsense)


@pytest.mark.parametrize(("failures", "least_s"), [(0, 5), (1, 10), (4, 80), (11, 3600), (99, 3600)])
def test_the_delay_doubles_up_to_an_hour_and_never_falls_short(failures, least_s):
    delays = [backoff(failures).total_seconds() for _ in range(50)]
    assert all(least_s <= delay <= least_s * 1.25 for delay in delays)
    assert len(set(delays)) > 40


def test_a_delay_of_more_than_an_hour_is_respected(settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_retry_delay": timezone.timedelta(hours=5)})
    assert backoff(3) >= timezone.timedelta(hours=5)


def test_a_wish_that_comes_while_a_lost_worker_is_noticed_is_honoured(user):
    job = claimed(user)
    Job.objects.cancel(job.pk)
    assert job.cancel_requested_at is None  # as whoever read the row before the wish sees it
    assert Job.objects.lose(job, if_lease_is_over=False)
    job.refresh_from_db()
    assert (job.status, outcome(job)) == (JobStatus.CANCELLED, AttemptOutcome.LOST)


def test_a_job_that_is_to_be_cancelled_is_not_released(user):
    job = claimed(user)
    Job.objects.cancel(job.pk)
    assert not Job.objects.release(job)


def test_what_a_worker_is_wrongly_said_to_hold_is_given_back_and_nothing_else(user):
    mine = claimed(user)
    make_job(user)
    other = Job.objects.claim(WorkerIdentity("here", 1, 2))
    assert Job.objects.release_all_of(ME) == 1
    for job, status in ((mine, JobStatus.PENDING), (other, JobStatus.PROCESSING)):
        job.refresh_from_db()
        assert job.status == status


@pytest.mark.parametrize(
    ("before", "after"),
    [("completed", "pending"), ("completed", "failed"), ("failed", "completed"), ("cancelled", "processing")],
)
def test_the_database_lets_nothing_out_of_a_final_state_but_a_retry(user, before, after):
    job = make_job(user, status=before)
    with pytest.raises(IntegrityError, match="is final"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(status=after)


def test_the_database_lets_the_fence_only_rise(user):
    job = make_job(user, status="failed", attempt=3)
    with pytest.raises(IntegrityError, match="would fall"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(attempt=2)


def test_a_pending_job_has_no_wish_to_be_cancelled(user):
    job = make_job(user)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())


class TestStory:
    """Each transition writes its event, and what changes nothing writes none."""

    def test_a_claim_tells_who_has_the_job(self, user):
        assert events(claimed(user)) == [("claimed", 1, "here:1", {})]

    def test_a_completion_tells_the_warnings_of_the_work_before_it(self, user):
        read, made = ({"path": path, "code": "font", "message": "no such font"} for path in ("/0", "/1"))
        job = claimed(user, warnings=[read])
        Job.objects.complete(job, [], [read, made])
        ended = ("completed", 1, "here:1", {"status": "completed"})
        assert events(job)[1:] == [("warning", 1, "here:1", made), ended]

    def test_a_failure_tells_its_error(self, user):
        job = claimed(user)
        Job.objects.fail(job, ERROR)
        assert events(job)[1:] == [("failed", 1, "here:1", {"status": "failed", "error": ERROR})]

    def test_a_failure_that_is_tried_again_tells_when(self, user):
        job = claimed(user)
        Job.objects.fail(job, TRY_AGAIN)
        ((kind, _, _, data),) = events(job)[1:]
        assert (kind, data["status"], data["error"]) == ("retried", "pending", TRY_AGAIN)
        job.refresh_from_db()
        assert data["again_in_s"] == pytest.approx((job.run_after - timezone.now()).total_seconds(), abs=2)

    def test_a_release_and_the_next_claim_are_told(self, user):
        job = claimed(user)
        Job.objects.release(job)
        Job.objects.claim(ME)
        assert [(kind, attempt) for kind, attempt, *_ in events(job)] == [
            ("claimed", 1),
            ("released", 1),
            ("claimed", 2),
        ]

    def test_a_wish_to_cancel_is_told_once_and_then_its_fulfilment(self, user):
        job = claimed(user)
        assert Job.objects.cancel(job.pk)
        assert Job.objects.cancel(job.pk)
        Job.objects.cancelled_by_worker(job)
        assert told(job) == ["cancel_requested", "cancelled"]

    def test_cancelling_a_pending_job_and_retrying_it_are_told(self, user):
        job = make_job(user)
        Job.objects.cancel(job.pk)
        Job.objects.retry(job.pk)
        assert events(job) == [("cancelled", 0, "", {}), ("retry_requested", 0, "", {})]

    @pytest.mark.parametrize(
        ("fields", "wished", "status"),
        [({}, False, "pending"), ({"max_attempts": 1}, False, "failed"), ({}, True, "cancelled")],
    )
    def test_a_lost_worker_is_told_with_what_became_of_the_job(self, user, fields, wished, status):
        job = claimed(user, **fields)
        if wished:
            Job.objects.cancel(job.pk)
        Job.objects.lose(job, if_lease_is_over=False)
        kind, _, worker, data = events(job)[-1]
        assert (kind, worker, data["status"], data["error"]["code"]) == ("lost", "here:1", status, "WORKER_LOST")

    def test_what_changes_nothing_is_not_told(self, user):
        late = claimed(user)
        Job.objects.release(late)
        Job.objects.claim(ME)
        before = JobEvent.objects.count()
        Job.objects.complete(late, [], [{}])
        Job.objects.fail(late, ERROR)
        Job.objects.release(late)
        Job.objects.lose(late, if_lease_is_over=False)
        Job.objects.retry(late.pk)
        Job.objects.cancel(make_job(user, status="failed").pk)
        assert JobEvent.objects.count() == before

    def test_an_event_goes_with_its_transition(self, user):
        job = claimed(user)
        with transaction.atomic():
            Job.objects.release(job)
            transaction.set_rollback(True)
        assert told(job) == []
