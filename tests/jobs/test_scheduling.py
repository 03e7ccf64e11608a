"""Whose job is next: priorities first, then owners by turns, and none beyond what he may have at work."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from jobs.api.rows import jobs_of
from jobs.identity import WorkerIdentity
from jobs.models import Job, JobStatus, OwnerQuota
from tests.jobs.factories import make_job

ME = WorkerIdentity("here", 1, 1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def quota(settings):
    def set_quota(jobs):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"quota_concurrent_jobs": jobs})

    return set_quota


def claims(count=None):
    """Claim until nothing is due, or so often, and return the jobs in that order."""
    claimed = []
    while len(claimed) != count and (job := Job.objects.claim(ME)):
        claimed.append(job)
    return claimed


def owners(jobs):
    return "".join(job.owner.username[0] for job in jobs)


def test_an_owner_with_two_jobs_is_served_by_turns_with_one_of_twenty(user, other_user):
    for owner, count in ((user, 20), (other_user, 2)):
        for _ in range(count):
            make_job(owner)
    assert owners(claims()) == "abab" + "a" * 18


def test_turns_are_taken_too_when_each_job_ends_before_the_next_begins(user, other_user):
    for owner, count in ((user, 20), (other_user, 3)):
        for _ in range(count):
            make_job(owner)
    served = []
    for _ in range(7):
        served += claims(1)
        Job.objects.complete(served[-1], [], [])
    assert owners(served) == "abababa"


def test_who_has_fewer_jobs_at_work_is_served_before_who_waits_longer(user, other_user):
    for owner in (user, user, other_user):
        make_job(owner, status="processing", worker_pid=random.randrange(2**31))
    make_job(user)
    make_job(other_user)
    assert owners(claims()) == "ba"


def test_a_higher_priority_is_served_first_whoever_has_had_his_turn(user, other_user):
    for owner, priority in ((user, 5), (user, 5), (other_user, 0), (user, 0), (other_user, -1), (user, 5)):
        make_job(owner, priority=priority)
    assert [(job.owner.username, job.priority) for job in claims()] == [
        ("ann", 5), ("ann", 5), ("ann", 5), ("bob", 0), ("ann", 0), ("bob", -1),
    ]  # fmt: skip


def test_jobs_of_one_owner_are_served_as_they_came(user, other_user):
    made = [make_job(user) for _ in range(3)]
    make_job(other_user)
    assert [job for job in claims() if job.owner == user] == made


def test_what_is_planned_for_later_takes_nobodys_turn(user, other_user):
    make_job(user, priority=9, run_after=timezone.now() + timezone.timedelta(hours=1))
    due = make_job(user)
    make_job(other_user)
    assert claims(1) == [due]


def test_who_has_as_many_at_work_as_he_may_is_passed_over(user, other_user, quota):
    quota(1)
    for owner in (user, user, other_user):
        make_job(owner)
    first, _ = claimed = claims()
    assert owners(claimed) == "ab"
    assert Job.objects.next_due() is None
    Job.objects.complete(first, [], [])
    assert Job.objects.next_due() is not None
    assert owners(claims()) == "a"


@pytest.mark.parametrize(("own", "served"), [(None, 2), (0, 5), (1, 1), (3, 3)])
def test_a_quota_of_his_own_counts_before_that_of_the_settings(user, quota, own, served):
    quota(2)
    OwnerQuota.objects.create(user=user, concurrent_jobs=own)
    for _ in range(5):
        make_job(user)
    assert len(claims()) == served


def test_a_quota_that_was_lowered_counts_all_that_are_at_work(user, quota):
    for _ in range(4):
        make_job(user)
    unseated, *_ = claims(2)
    quota(2)
    assert claims() == []
    Job.objects.release(unseated)
    assert len(claims()) == 1


def test_a_released_job_gives_its_seat_back(user, quota):
    quota(2)
    for _ in range(2):
        make_job(user)
    for job in claims():
        Job.objects.release(job)
    assert [job.seat for job in claims()] == [1, 2]


def test_the_next_job_is_the_one_that_is_claimed(user, other_user):
    for owner in (user, user, other_user):
        make_job(owner)
    for _ in range(3):
        following = Job.objects.next_due()
        assert claims(1)[0].pk == following
    assert Job.objects.next_due() is None


def positions(staff):
    return {job.pk: job.queue_position for job in jobs_of(staff, with_config=False).filter(status="pending")}


@pytest.mark.parametrize("seed", range(6))
def test_the_place_in_the_queue_is_the_order_of_claiming(user, other_user, staff, seed):
    choose = random.Random(seed)
    for owner in choose.choices([user, other_user, staff], k=4):
        make_job(owner, status="processing")
    for owner in choose.choices([user, other_user, staff], k=15):
        make_job(owner, priority=choose.choice([0, 0, 0, 5]) if seed % 2 else 0)
    foretold = positions(staff)
    claimed = [job.pk for job in claims()]
    assert foretold[claimed[0]] == 1
    assert sorted(foretold.values()) == list(range(1, 16))
    if seed % 2 == 0:  # of several priorities the later turns are told roughly
        assert [foretold[pk] for pk in claimed] == list(range(1, 16))


def test_what_an_owner_may_not_yet_have_at_work_stands_last(user, other_user, staff, quota):
    quota(1)
    first, held = make_job(user, priority=9), make_job(user, priority=9)
    other = make_job(other_user)
    later = make_job(user, run_after=timezone.now() + timezone.timedelta(hours=1))
    assert positions(staff) == {first.pk: 1, other.pk: 2, held.pk: 3, later.pk: None}


def claim_at_once(workers, tries):
    """Claim in several threads, each with a connection of its own; return what each claim gave."""

    def claim(number):
        try:
            return [Job.objects.claim(WorkerIdentity("here", number + 1, 1)) for _ in range(tries)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return [job for jobs in pool.map(claim, range(workers)) for job in jobs if job]


@pytest.mark.django_db(transaction=True)
def test_claims_at_once_take_each_job_once_and_leave_none(user, other_user):
    for owner in [user] * 38 + [other_user] * 2:
        make_job(owner)
    claimed = claim_at_once(8, 5)
    assert len({job.pk for job in claimed}) == len(claimed) == 40


def test_a_claim_looks_through_no_more_seats_than_are_taken(user, quota):
    quota(2**31 - 1)
    make_job(user)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20s'")
    assert claims(1)[0].seat == 1


@pytest.mark.django_db(transaction=True)
def test_claims_at_once_never_exceed_what_an_owner_may_have_at_work(user, quota):
    quota(3)
    for _ in range(30):
        make_job(user)
    assert len(claim_at_once(8, 3)) == 3
    assert sorted(Job.objects.filter(status=JobStatus.PROCESSING).values_list("seat", flat=True)) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_claim_waits_for_nobody_who_holds_a_row(user, other_user):
    held, free = make_job(user), make_job(other_user)
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=held.pk)
        assert [job.pk for job in claim_at_once(1, 2)] == [free.pk]
