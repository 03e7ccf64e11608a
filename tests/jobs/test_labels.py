"""Workers by their labels: each takes what asks for none that it has not, in the order that holds without labels."""

import json

import pytest
from django.db import connection

from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS, WorkerLabels, refuse_odd, tidy
from jobs.models import Job, scheduling
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db
EIGHT = ("a", "b", "c", "d", "e", "f", "g", "gpu")


def worker(*labels, are_dedicated=False):
    return WorkerIdentity("here", 1, 1, labels=WorkerLabels(labels, are_dedicated))


def claims(who):
    """Claim until nothing is due for a worker, and return the labels of what it took."""
    claimed = []
    while job := Job.objects.claim(who):
        claimed.append(",".join(job.labels))
    return claimed


@pytest.mark.parametrize("label", ["gpu", "0", "a-", "a" * 32, "null"])
def test_a_label_is_what_is_written_like_one(label):
    assert refuse_odd(label) == label


@pytest.mark.parametrize("label", ["", "-a", "GPU", "a b", "a\n", "é", "a" * 33, "a,b", "{}"])
def test_what_is_no_label_is_refused(label):
    with pytest.raises(ValueError, match="is not a label"):
        refuse_odd(label)


def test_labels_are_sorted_each_once_and_no_more_than_eight():
    assert tidy(["b", "a", "b"]) == ["a", "b"]
    with pytest.raises(ValueError, match="there are 9 labels, and 8 may be"):
        tidy("abcdefghi")


@pytest.mark.parametrize(
    ("who", "taken"),
    [
        (worker(), [""]),
        (worker("gpu"), ["", "gpu"]),
        (worker("big", "null"), ["", "big", "null"]),
        (worker("gpu", "big"), ["", "gpu", "big", "big,gpu"]),
        (worker("gpu", are_dedicated=True), ["gpu"]),
        (worker("x", are_dedicated=True), []),
    ],
    ids=lambda value: str(value.labels) if isinstance(value, WorkerIdentity) else None,
)
def test_a_worker_takes_the_jobs_all_of_whose_labels_it_has(user, who, taken):
    for labels in ([], ["gpu"], ["big"], ["big", "gpu"], ["null"]):
        make_job(user, labels=labels)
    foretold = Job.objects.next_due(who.labels)
    assert (foretold is not None) == bool(taken)
    assert claims(who) == taken


def test_a_higher_priority_goes_first_whatever_is_asked_for(user):
    for priority, labels in ((0, []), (5, ["gpu"]), (9, ["x"]), (3, [])):
        make_job(user, priority=priority, labels=labels)
    first = [Job.objects.claim(worker("gpu")).priority for _ in range(3)]
    assert first == [5, 3, 0]


def test_who_asks_for_several_lists_of_labels_has_one_turn(user, other_user):
    for labels in ([], ["gpu"], ["big"], ["big", "gpu"]):
        make_job(user, labels=labels)
    for _ in range(2):
        make_job(other_user)
    served = [Job.objects.claim(worker("big", "gpu")).owner.username for _ in range(6)]
    assert served == ["ann", "bob", "ann", "bob", "ann", "ann"]


def test_what_an_owner_may_have_at_work_counts_whatever_it_asks_for(user, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"quota_concurrent_jobs": 2})
    for labels in (["gpu"], [], ["gpu"]):
        make_job(user, labels=labels)
    assert claims(worker("gpu")) == ["gpu", ""]


def test_a_job_of_code_that_knows_no_labels_is_for_every_worker(user):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_job (id, owner_id, config, strict, priority, max_attempts, status, progress, warnings,"
            " attempt, failures) VALUES (gen_random_uuid(), %s, '[]', false, 0, 3, 'pending', 0, '[]', 0, 0)",
            [user.pk],
        )
        cursor.execute(
            "INSERT INTO jobs_cluster (id, host, pid, workers) VALUES (gen_random_uuid(), 'there', 1, 2)",
        )
    assert not Job.objects.without_worker().exists()
    assert Job.objects.claim(worker()).labels == []


def rows_read(labels, finds):
    """Return how many rows of jobs the statement reads that looks for a worker's next one."""
    statement, known = scheduling.next_due(labels)
    assert (Job.objects.next_due(labels) is not None) == finds
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", known)
        found = cursor.fetchone()[0]
    return _rows((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])


def _rows(node):
    rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    here = rows if node.get("Relation Name") == "jobs_job" else 0
    return here + sum(_rows(below) for below in node.get("Plans", ()))


@pytest.mark.parametrize("is_analyzed", [True, False])
def test_jobs_that_a_worker_may_not_have_are_not_read_however_many_they_are(user, is_analyzed):
    Job.objects.bulk_create(Job(owner=user, config=[], labels=["gpu"]) for _ in range(3000))
    if is_analyzed:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_job")
    assert rows_read(NO_LABELS, finds=False) < 10
    make_job(user, created_at=Job.objects.latest("created_at").created_at)
    assert rows_read(NO_LABELS, finds=True) < 10
    assert rows_read(WorkerLabels(("gpu",)), finds=True) < 10
    assert rows_read(WorkerLabels(EIGHT), finds=True) < 300  # one for each of 256 lists


def test_an_owner_who_asks_for_a_label_of_its_own_with_each_job_delays_nobody(user, other_user):
    Job.objects.bulk_create(Job(owner=user, config=[], labels=[f"x{number}"]) for number in range(3000))
    make_job(other_user)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")
    assert rows_read(NO_LABELS, finds=True) < 10
    assert rows_read(WorkerLabels(("gpu",)), finds=True) < 10
