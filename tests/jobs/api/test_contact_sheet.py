"""Contact sheets and films of each format: what is sent, under which name and type, and what the schema says of it."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from drf_spectacular.generators import SchemaGenerator

from jobs.models import Video
from tests.jobs.api.answers import NOBODY, refusal
from tests.jobs.factories import make_job, make_video

FORMATS = [("mp4", "video/mp4"), ("webm", "video/webm"), ("gif", "image/gif")]


def stored(name, content=b"a sheet"):
    return default_storage.save(f"videos/{name}", ContentFile(content))


@pytest.fixture
def video(user):
    return make_video(make_job(user, status="completed"), contact_sheet=stored("a.contact.jpg"))


def url_of(video):
    return f"/api/v1/videos/{video.pk}/contact-sheet"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_contact_sheet_is_sent_as_the_picture_it_is(api, video, end):
    answer = api.get(url_of(video) + end)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert answer["Content-Disposition"] == f'attachment; filename="video-{video.pk}-contact.jpg"'
    assert b"".join(answer.streaming_content) == b"a sheet"


def test_a_video_links_to_its_contact_sheet(api, video):
    shown = api.get(f"/api/v1/videos/{video.pk}").json()
    assert shown["contact_sheet_url"] == f"http://testserver{url_of(video)}"
    in_job = api.get(f"/api/v1/jobs/{video.job_id}").json()["videos"][0]
    assert in_job["contact_sheet_url"] == shown["contact_sheet_url"]


def test_a_film_from_before_there_were_any_has_none(api, user):
    video = make_video(make_job(user, status="completed"))
    assert api.get(f"/api/v1/videos/{video.pk}").json()["contact_sheet_url"] is None
    assert refusal(api.get(url_of(video))) == (404, "VIDEO_NOT_FOUND")


def test_a_contact_sheet_that_is_missing_or_malformed_or_anothers_is_not_found(other_api, video):
    for pk in (NOBODY, "malformed", video.pk):
        assert refusal(other_api.get(f"/api/v1/videos/{pk}/contact-sheet")) == (404, "VIDEO_NOT_FOUND")


def test_a_contact_sheet_that_the_storage_has_lost_is_not_found(api, video):
    default_storage.delete(video.contact_sheet.name)
    assert refusal(api.get(url_of(video))) == (404, "VIDEO_NOT_FOUND")


def test_a_contact_sheet_needs_a_key_and_is_only_read(anonymous, api, video):
    assert refusal(anonymous.get(url_of(video))) == (401, "MISSING_API_KEY")
    assert refusal(api.post(url_of(video))) == (405, "METHOD_NOT_ALLOWED")


def test_a_deleted_video_takes_its_contact_sheet_along(api, video):
    assert api.delete(f"/api/v1/videos/{video.pk}").status_code == 204
    assert not default_storage.exists(video.contact_sheet.name)
    assert not Video.objects.exists()


@pytest.mark.parametrize(("suffix", "content_type"), FORMATS)
def test_a_film_is_sent_as_what_it_is(api, user, suffix, content_type):
    video = make_video(make_job(user, status="completed"), file=stored(f"film.{suffix}", b"a film"))
    answer = api.get(f"/api/v1/videos/{video.pk}/download")
    assert (answer["Content-Type"], b"".join(answer.streaming_content)) == (content_type, b"a film")
    assert answer["Content-Disposition"] == f'attachment; filename="video-{video.pk}.{suffix}"'
    assert api.get(f"/api/v1/videos/{video.pk}").json()["content_type"] == content_type


def test_the_schema_names_every_type_a_film_can_have():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for status in ("200", "206"):
        content = paths["/api/v1/videos/{video_id}/download"]["get"]["responses"][status]["content"]
        assert set(content) == {content_type for _, content_type in FORMATS}
    sheet = paths["/api/v1/videos/{video_id}/contact-sheet"]["get"]["responses"]
    assert list(sheet["200"]["content"]) == ["image/jpeg"]
    assert "404" in sheet
