"""Films in the admin: a GIF is a picture to a browser, and a contact sheet is shown where there is one."""

import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse

from jobs.models import Video
from tests.jobs.factories import make_job, make_video


@pytest.fixture
def browser(client, staff, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    client.force_login(staff)
    return client


def saved(name):
    return default_storage.save(f"videos/{name}", ContentFile(name.encode()))


def pages_of(video):
    return [reverse("admin:jobs_job_change", args=[video.job_id]), reverse("admin:jobs_video_change", args=[video.pk])]


def test_a_film_is_shown_with_its_contact_sheet(browser, user):
    video = make_video(make_job(user, status="completed"), contact_sheet=saved("sheet.jpg"))
    for url in pages_of(video):
        page = browser.get(url).content.decode()
        source = re.search(r'<img src="([^"]*contact-sheet)"', page)[1]
        assert b"".join(browser.get(source).streaming_content) == b"sheet.jpg"
        assert "<video " in page


def test_a_film_without_a_contact_sheet_shows_none(browser, user):
    for url in pages_of(make_video(make_job(user, status="completed"))):
        assert "contact-sheet" not in browser.get(url).content.decode()


def test_a_gif_is_shown_as_a_picture(browser, user):
    video = make_video(make_job(user, status="completed"), file=saved("film.gif"))
    for url in pages_of(video):
        page = browser.get(url).content.decode()
        assert "<video " not in page
        source = re.search(r'<img src="([^"]*/download)"', page)[1]
        assert browser.get(source)["Content-Type"] == "image/gif"


def test_deleting_a_video_deletes_its_contact_sheet(browser, user):
    video = make_video(make_job(user, status="completed"), contact_sheet=saved("sheet.jpg"))
    browser.post(reverse("admin:jobs_video_delete", args=[video.pk]), {"post": "yes"})
    assert not Video.objects.exists()
    assert not default_storage.exists(video.contact_sheet.name)
