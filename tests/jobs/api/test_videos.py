"""Videos: list, look at, delete."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import default_storage

from jobs.models import Job, Video
from tests.jobs.api.answers import NOBODY, problems, refusal
from tests.jobs.factories import make_captioned_video, make_job, make_video

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ids(answer):
    return [video["video_id"] for video in answer.json()["videos"]]


def test_pages_of_videos_are_newest_first_and_stable(api, user):
    job = make_job(user, status="completed")
    made = [str(make_video(job, created_at=NOON + timedelta(minutes=n)).pk) for n in range(3)]
    first = api.get("/api/v1/videos/?limit=2")
    make_video(job)
    second = api.get("/api/v1/videos", {"limit": 2, "cursor": first.json()["next_cursor"]})
    assert ids(first) + ids(second) == made[::-1]
    assert second.json()["next_cursor"] is None


def test_a_user_sees_his_own_videos_and_staff_all(api, staff_api, user, other_user):
    mine, other = make_video(make_job(user)), make_video(make_job(other_user))
    assert ids(api.get("/api/v1/videos")) == [str(mine.pk)]
    assert set(ids(staff_api.get("/api/v1/videos"))) == {str(mine.pk), str(other.pk)}


def test_a_wrong_query_is_refused(api):
    assert [path for path, _ in problems(api.get("/api/v1/videos?limit=0&cursor=x"))] == ["?limit"]
    assert problems(api.get("/api/v1/videos?cursor=x")) == [("?cursor", "invalid-value")]


def test_a_list_of_many_videos_costs_two_queries(api, user, django_assert_num_queries):
    for _ in range(5):
        make_video(make_job(user))
    with django_assert_num_queries(2):  # the token, the videos
        assert len(ids(api.get("/api/v1/videos"))) == 5


def test_a_video_by_itself_names_its_job(api, user):
    video = make_video(make_job(user))
    shown = api.get(f"/api/v1/videos/{video.pk}/").json()
    in_job = api.get(f"/api/v1/jobs/{video.job_id}").json()["videos"][0]
    assert datetime.fromisoformat(shown.pop("created_at")) == video.created_at
    assert shown == {**in_job, "job_id": str(video.job_id)}


def test_a_deleted_video_is_gone_with_its_files_and_its_job_is_not(api, user):
    video = make_captioned_video(make_job(user, status="completed"))
    answer = api.delete(f"/api/v1/videos/{video.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert len(video.files) == 6
    assert not any(default_storage.exists(stored.name) for stored in video.files)
    assert Job.objects.filter(pk=video.job_id).exists()
    assert refusal(api.get(f"/api/v1/videos/{video.pk}")) == (404, "VIDEO_NOT_FOUND")


def test_a_video_whose_files_are_gone_already_can_be_deleted(api, user):
    video = make_video(make_job(user))
    default_storage.delete(video.file.name)
    assert api.delete(f"/api/v1/videos/{video.pk}").status_code == 204
    assert not Video.objects.exists()


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_video_that_is_missing_or_malformed_or_anothers_is_not_found(api, other_user, method):
    other = make_video(make_job(other_user))
    for pk in (NOBODY, "malformed", "%00", other.pk):
        assert refusal(getattr(api, method)(f"/api/v1/videos/{pk}")) == (404, "VIDEO_NOT_FOUND")
    assert default_storage.exists(other.file.name)


@pytest.mark.parametrize(("method", "path"), [("put", ""), ("delete", ""), ("post", "/{}"), ("delete", "/{}/download")])
def test_another_method_is_not_allowed(api, user, method, path):
    answer = getattr(api, method)(f"/api/v1/videos{path.format(make_video(make_job(user)).pk)}")
    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
