"""Looking at jobs and moving them: list, get, wait, status, cancel, retry."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from jobs.api import jobs as job_views
from jobs.identity import WorkerIdentity
from jobs.models import Job
from tests.jobs.api.answers import NOBODY, problems, refusal
from tests.jobs.factories import DOCUMENT, make_cluster, make_job, make_token, make_video

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ids(answer):
    return [job["job_id"] for job in answer.json()["jobs"]]


def make_jobs(user, count, **fields):
    """Make jobs a minute apart and return their ids, newest first."""
    made = [make_job(user, created_at=NOON + timedelta(minutes=n), **fields) for n in range(count)]
    return [str(job.pk) for job in reversed(made)]


def test_the_list_is_newest_first_without_documents(api, user):
    made = make_jobs(user, 3)
    answer = api.get("/api/v1/jobs")
    assert ids(answer) == made
    assert answer.json()["next_cursor"] is None
    assert all("config" not in job for job in answer.json()["jobs"])


def test_the_list_shows_a_user_his_own_and_staff_everything(api, staff_api, user, other_user):
    mine, other = make_job(user), make_job(other_user)
    assert ids(api.get("/api/v1/jobs/")) == [str(mine.pk)]
    assert set(ids(staff_api.get("/api/v1/jobs/"))) == {str(mine.pk), str(other.pk)}


def test_the_list_can_be_narrowed_by_status_and_time(api, user):
    newest, middle, oldest = make_jobs(user, 3)
    Job.objects.filter(pk=middle).update(status="cancelled", finished_at=timezone.now())
    assert ids(api.get("/api/v1/jobs?status=cancelled")) == [middle]
    assert ids(api.get("/api/v1/jobs?created_after=2026-01-01T12:00:00Z")) == [newest, middle]
    assert ids(api.get("/api/v1/jobs?created_before=2026-01-01T12:01:00Z")) == [oldest]


def test_pages_neither_repeat_nor_skip_a_job_when_others_arrive_between_them(api, user):
    made = make_jobs(user, 5)
    first = api.get("/api/v1/jobs?limit=2")
    newer = str(make_job(user).pk)
    second = api.get("/api/v1/jobs", {"limit": 2, "cursor": first.json()["next_cursor"]})
    third = api.get("/api/v1/jobs", {"limit": 2, "cursor": second.json()["next_cursor"]})
    assert ids(first) + ids(second) + ids(third) == made
    assert newer not in ids(second) + ids(third)
    assert third.json()["next_cursor"] is None


def test_pages_part_jobs_of_the_same_moment_and_outlive_the_job_the_cursor_names(api, user):
    made = {str(make_job(user, created_at=NOON).pk) for _ in range(4)}
    first = api.get("/api/v1/jobs?limit=2")
    Job.objects.filter(pk=ids(first)[-1]).delete()
    second = api.get("/api/v1/jobs", {"limit": 2, "cursor": first.json()["next_cursor"]})
    assert set(ids(first)) | set(ids(second)) == made


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("status=done", "?status"),
        ("limit=0", "?limit"),
        ("limit=101", "?limit"),
        ("limit=many", "?limit"),
        ("created_after=yesterday", "?created_after"),
        ("created_before=0001-01-01T00:00:00%2B14:00", "?created_before"),
        ("cursor=abc", "?cursor"),
        ("cursor=%00", "?cursor"),
    ],
)
def test_a_wrong_query_parameter_is_named(api, query, path):
    assert [problem[0] for problem in problems(api.get(f"/api/v1/jobs?{query}"))] == [path]


def test_a_cursor_of_another_list_is_refused(api, user):
    make_video(make_job(user, status="completed"))
    make_video(make_job(user, status="completed"))
    cursor = api.get("/api/v1/videos?limit=1").json()["next_cursor"]
    assert problems(api.get("/api/v1/jobs", {"cursor": cursor})) == [("?cursor", "invalid-value")]


def test_a_list_of_many_jobs_costs_as_many_queries_as_one_of_few(api, user, django_assert_num_queries):
    for status in ("pending", "processing", "completed", "failed", "cancelled"):
        for _ in range(3):
            make_video(make_job(user, status=status))
    with django_assert_num_queries(3):  # the token, the jobs, their videos
        assert len(ids(api.get("/api/v1/jobs"))) == 15


def test_a_job_is_shown_with_its_document_and_its_status_without(api, user):
    job = make_job(user)
    whole = api.get(f"/api/v1/jobs/{job.pk}").json()
    assert whole.pop("config") == DOCUMENT
    assert api.get(f"/api/v1/jobs/{job.pk}/status").json() == whole
    assert api.get(f"/api/v1/jobs/{job.pk}/status/").json() == whole


def test_a_completed_job_has_its_videos_in_the_order_of_its_projects(api, user):
    job = make_job(user, status="completed", started_at=NOON, finished_at=NOON + timedelta(seconds=2.5))
    second, first = make_video(job, project=1), make_video(job, project=0, fps="30000/1001")
    shown = api.get(f"/api/v1/jobs/{job.pk}").json()
    root = f"http://testserver/api/v1/videos/{first.pk}"
    assert [video["video_id"] for video in shown["videos"]] == [str(first.pk), str(second.pk)]
    assert (shown["video_id"], shown["duration_seconds"]) == (str(first.pk), 2.5)
    assert shown["videos"][0] == {
        "video_id": str(first.pk),
        "project": 0,
        "video_url": root,
        "download_url": f"{root}/download",
        "thumbnail_url": f"{root}/thumbnail",
        "contact_sheet_url": None,
        "content_type": "video/mp4",
        "subtitles": {"srt": None, "vtt": None, "ass": None, "words": None},
        "width": 640,
        "height": 360,
        "duration_s": 1.5,
        "fps": 30000 / 1001,
        "size_bytes": 6,
        "sha256": first.sha256,
        "expires_at": None,
    }


def test_a_failed_job_says_why(api, user):
    job = make_job(user, status="failed")
    assert api.get(f"/api/v1/jobs/{job.pk}").json()["error"] == job.error


def test_the_place_in_the_queue_is_that_of_claiming(api, user, other_user):
    late = make_job(user, created_at=NOON + timedelta(hours=1))
    early = make_job(other_user, created_at=NOON)
    urgent = make_job(user, priority=5)
    waiting = make_job(user, run_after=timezone.now() + timedelta(hours=1))
    make_job(user, status="processing")

    def place(job):
        return api.get(f"/api/v1/jobs/{job.pk}").json().get("queue_position", "another's")

    assert [place(job) for job in (urgent, early, late, waiting)] == [1, "another's", 3, None]
    assert Job.objects.claim(WorkerIdentity.current()) == urgent


@pytest.mark.parametrize(
    ("labels", "has", "is_dedicated", "waiting_for"),
    [
        (["gpu"], [], False, ["gpu"]),
        (["big", "gpu"], ["gpu"], False, ["big", "gpu"]),
        (["gpu"], ["big", "gpu"], True, None),
        ([], ["gpu"], False, None),
        ([], ["gpu"], True, []),
    ],
)
def test_a_due_job_says_for_which_labels_it_waits_if_no_living_cluster_takes_it(
    api, user, labels, has, is_dedicated, waiting_for
):
    make_cluster(labels=has, is_dedicated=is_dedicated)
    make_cluster(labels=labels, heartbeat_at=timezone.now() - timedelta(seconds=31))
    job = make_job(user, labels=labels)
    assert api.get(f"/api/v1/jobs/{job.pk}").json()["waiting_for"] == waiting_for
    assert api.get("/api/v1/jobs").json()["jobs"][0]["waiting_for"] == waiting_for


def test_only_what_is_pending_and_due_waits_for_a_worker(api, user):
    make_job(user, labels=["gpu"], run_after=timezone.now() + timedelta(hours=1))
    make_job(user, labels=["gpu"], status="processing")
    assert [job["waiting_for"] for job in api.get("/api/v1/jobs").json()["jobs"]] == [None, None]


def test_what_is_left_of_a_processing_job_is_estimated_from_its_pace(api, user):
    started = timezone.now() - timedelta(seconds=30)
    fast = make_job(user, status="processing", progress=75, started_at=started)
    fresh = make_job(user, status="processing", progress=1, started_at=started)
    assert api.get(f"/api/v1/jobs/{fast.pk}").json()["eta_s"] == pytest.approx(10, abs=2)
    assert api.get(f"/api/v1/jobs/{fresh.pk}").json()["eta_s"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/v1/jobs/{}"),
        ("get", "/api/v1/jobs/{}?wait=1"),
        ("delete", "/api/v1/jobs/{}"),
        ("get", "/api/v1/jobs/{}/status"),
        ("post", "/api/v1/jobs/{}/cancel"),
        ("post", "/api/v1/jobs/{}/retry"),
    ],
)
def test_a_job_that_is_missing_or_malformed_or_anothers_is_not_found(api, other_user, method, path):
    other = make_job(other_user, status="failed")
    for pk in (NOBODY, "malformed", "%00", other.pk):
        assert refusal(getattr(api, method)(path.format(pk))) == (404, "JOB_NOT_FOUND")
    other.refresh_from_db()
    assert other.status == "failed"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", "/api/v1/jobs"),
        ("delete", "/api/v1/jobs"),
        ("post", "/api/v1/jobs/{}"),
        ("post", "/api/v1/jobs/{}/status"),
        ("get", "/api/v1/jobs/{}/cancel"),
        ("get", "/api/v1/jobs/{}/retry"),
        ("get", "/api/v1/generate-video"),
    ],
)
def test_another_method_is_not_allowed(api, user, method, path):
    answer = getattr(api, method)(path.format(make_job(user).pk))
    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer["Allow"]


@pytest.mark.parametrize(
    ("method", "path"), [("post", "/cancel"), ("post", "/cancel/"), ("delete", ""), ("delete", "/")]
)
def test_a_pending_job_is_cancelled_at_once(api, user, method, path):
    job = make_job(user)
    answer = getattr(api, method)(f"/api/v1/jobs/{job.pk}{path}")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["completed_at"] is not None


def test_a_processing_job_is_asked_to_stop_as_often_as_the_client_likes(api, user):
    job = make_job(user, status="processing")
    for _ in range(2):
        answer = api.post(f"/api/v1/jobs/{job.pk}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "processing")
    job.refresh_from_db()
    assert job.cancel_requested_at is not None


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_finished_job_cannot_be_cancelled(api, user, status):
    job = make_job(user, status=status)
    for answer in (api.post(f"/api/v1/jobs/{job.pk}/cancel"), api.delete(f"/api/v1/jobs/{job.pk}")):
        assert refusal(answer) == (409, "CONFLICT")
        assert status in answer.json()["error"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_failed_or_cancelled_job_can_be_retried(api, user, status):
    job = make_job(user, status=status, attempt=3, failures=3)
    answer = api.post(f"/api/v1/jobs/{job.pk}/retry")
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (200, "pending", None)
    assert (answer.json()["attempt"], answer.json()["queue_position"]) == (3, 1)


@pytest.mark.parametrize("status", ["pending", "processing", "completed"])
def test_any_other_job_cannot_be_retried(api, user, status):
    job = make_job(user, status=status)
    assert refusal(api.post(f"/api/v1/jobs/{job.pk}/retry")) == (409, "CONFLICT")


@pytest.mark.parametrize("wait", ["61", "-1", "long", "nan", "inf"])
def test_waiting_is_0_to_60_seconds(api, user, wait):
    answer = api.get(f"/api/v1/jobs/{make_job(user).pk}?wait={wait}")
    assert [problem[0] for problem in problems(answer)] == ["?wait"]


def test_a_finished_job_is_not_waited_for(api, user):
    job = make_job(user, status="completed")
    started = time.monotonic()
    api.get(f"/api/v1/jobs/{job.pk}?wait=60")
    assert time.monotonic() - started < 5


def test_waiting_ends_with_the_job_as_it_is_when_the_seconds_are_up(api, user):
    job = make_job(user)
    started = time.monotonic()
    answer = api.get(f"/api/v1/jobs/{job.pk}?wait=0.5")
    assert answer.json()["status"] == "pending"
    assert 0.5 <= time.monotonic() - started < 5


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_when_the_status_changes(user):
    job = make_job(user)
    answers = []

    def wait():
        client = Client(headers={"Authorization": f"Bearer {token}"})
        answers.append(client.get(f"/api/v1/jobs/{job.pk}?wait=60").json())
        connections.close_all()

    token = make_token(user)
    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.3)
    Job.objects.cancel(job.pk)
    waiter.join(10)
    assert [answer["status"] for answer in answers] == ["cancelled"]


def test_too_many_waiting_at_once_are_answered_at_once(api, user, monkeypatch):
    monkeypatch.setattr(job_views, "_waiting", threading.BoundedSemaphore(1))
    job = make_job(user)
    started = time.monotonic()
    with job_views._waiting:
        assert api.get(f"/api/v1/jobs/{job.pk}?wait=60").json()["status"] == "pending"
    assert time.monotonic() - started < 5
