"""The API over a bucket: files are sent from there, uploads lie in it, and what is wrong with it is said."""

import time
from datetime import timedelta

import httpx
import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from jobs.api.sharing import sign
from jobs.cleaning import clean
from jobs.housekeeping import discard, stored_prefix
from jobs.models import Asset, Video
from jobs.work import local_sources
from media_services import bucket
from media_services.bucket import Patience
from media_services.errors import ErrorCode, MediaError
from media_services.media import MediaKind
from media_services.sources import Stored, Wanted, fetch_all
from tests import media
from tests.chromium import EXECUTABLE, Chromium
from tests.jobs.api.answers import refusal
from tests.jobs.api.test_headers import policy
from tests.jobs.factories import SUBTITLES, make_asset, make_captioned_video, make_job

pytestmark = pytest.mark.django_db
FILM = bytes(range(256)) * 4


@pytest.fixture(autouse=True)
def in_a_bucket(settings, s3_server):
    settings.STORAGES = settings.STORAGES | s3_server.storages()


@pytest.fixture
def impatient(settings, s3_server, monkeypatch):
    """Let a bucket that hangs be given up soon."""
    for name in ("CONTENT", "_CONTROL"):
        monkeypatch.setattr(bucket, name, Patience(0.3, 0.3, 2))


@pytest.fixture
def video(user, in_a_bucket):
    return make_captioned_video(make_job(user, status="completed"), content=FILM)


def followed(answer, **options):
    """Return what is at the address that an answer leads to."""
    assert answer.status_code == 302, answer.content
    return httpx.get(answer["Location"], **options)


@pytest.mark.parametrize(
    ("path", "content", "kind", "filename"),
    [
        ("download", FILM, "video/mp4", "video-{}.mp4"),
        ("thumbnail", b"a picture", "image/jpeg", "video-{}.jpg"),
        ("subtitles.srt", SUBTITLES["srt"], "application/x-subrip; charset=utf-8", "video-{}.srt"),
        ("subtitles.vtt", SUBTITLES["vtt"], "text/vtt; charset=utf-8", "video-{}.vtt"),
        ("subtitles.ass", SUBTITLES["ass"], "text/x-ssa; charset=utf-8", "video-{}.ass"),
        ("words.json", SUBTITLES["words"], "application/json; charset=utf-8", "video-{}.json"),
    ],
)
def test_a_file_is_sent_from_the_bucket_as_it_would_be_from_here(api, video, path, content, kind, filename):
    sent = followed(api.get(f"/api/v1/videos/{video.pk}/{path}"))
    assert (sent.status_code, sent.content) == (200, content)
    assert sent.headers["Content-Type"] == kind
    assert sent.headers["Content-Disposition"] == f'attachment; filename="{filename.format(video.pk)}"'


def test_a_range_is_sent_from_the_bucket(api, video):
    sent = followed(api.get(f"/api/v1/videos/{video.pk}/download"), headers={"Range": "bytes=-4"})
    assert (sent.status_code, sent.content) == (206, FILM[-4:])


def test_a_head_leads_to_an_address_for_a_head(api, video):
    answer = api.head(f"/api/v1/videos/{video.pk}/download")
    assert httpx.head(answer["Location"]).headers["Content-Length"] == str(len(FILM))


def test_a_shared_film_is_for_a_browser_to_play(client, video):
    sent = followed(client.get(f"/shared/{sign(video, timezone.now() + timedelta(minutes=1))}"))
    assert sent.content == FILM
    assert sent.headers["Content-Disposition"].startswith("inline; filename=")


def test_nobody_is_sent_to_what_is_not_his(other_api, video):
    assert refusal(other_api.get(f"/api/v1/videos/{video.pk}/download")) == (404, "VIDEO_NOT_FOUND")


@pytest.mark.parametrize("address", ["/admin/login/", "/shared/x"])
def test_a_page_may_show_what_is_in_the_bucket(client, s3_server, address):
    allowed = policy(client.get(address))
    assert s3_server.url in allowed["media-src"]
    assert s3_server.url in allowed["img-src"]
    assert s3_server.url not in allowed.get("script-src", [])


@pytest.mark.parametrize("address", ["/api/v1/jobs", "/health"])
def test_what_is_no_page_may_not(api, s3_server, address):
    assert s3_server.url not in api.get(address)["Content-Security-Policy"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(EXECUTABLE is None, reason="there is no Chromium to look at the pages with")
def test_a_browser_plays_the_film_of_a_page_of_the_admin_from_the_bucket(staff, live_server, settings):
    film = make_captioned_video(make_job(staff, status="completed"), content=media.video(duration_s=1).read_bytes())
    film.thumbnail.storage.save(film.thumbnail.name, ContentFile(media.picture(suffix=".jpg").read_bytes()))
    client = Client()
    client.force_login(staff)
    with Chromium() as page:
        page.log_in(live_server.url, client.cookies["sessionid"].value)
        page.open(f"{live_server.url}/admin/jobs/video/{film.pk}/change/")
        page.wait_until("document.querySelector('video').videoWidth > 0")
        page.wait_until("(new URL(document.querySelector('video').poster)).pathname")
        assert page.complaints == []


def test_an_upload_lies_in_the_bucket_and_is_gone_when_it_is_deleted(api, s3_server):
    sound = media.tone(duration_s=0.5).read_bytes()
    asset = api.post("/api/v1/assets", sound, content_type="application/octet-stream").json()
    assert list(s3_server.objects()) == [Asset.objects.get().file.name]
    assert api.delete(f"/api/v1/assets/{asset['asset_id']}").status_code == 204
    assert not s3_server.objects()


def test_an_upload_in_the_bucket_is_brought_to_where_it_is_worked_with(user, tmp_path):
    content = media.tone(duration_s=0.5).read_bytes()
    asset = make_asset(user, content=content)
    src = f"asset:{asset.pk}"
    scene = {"elements": [{"type": "audio", "src": src}]}
    local = local_sources(make_job(user, config={"scenes": [scene]}))
    assert local == {src: Stored(asset.file.name)}
    heard = []
    wanted = [Wanted(src, MediaKind.AUDIO, "/0")]
    found = fetch_all(wanted, tmp_path, local=local, report=heard.append)[src]
    assert (found.file.read_bytes(), found.sha256) == (content, asset.sha256)
    assert heard[-1] == 1.0


def test_an_upload_that_is_gone_or_cannot_be_had_is_told(user, tmp_path, s3_server, impatient):
    asset = make_asset(user)
    wanted = [Wanted("asset:x", MediaKind.AUDIO, "/0/scenes/0")]
    with pytest.raises(MediaError, match="no longer in the storage") as raised:
        fetch_all(wanted, tmp_path, local={"asset:x": Stored("assets/none.wav")})
    assert (raised.value.code, raised.value.path) == (ErrorCode.DOWNLOAD_FAILED, "/0/scenes/0")
    s3_server.kill()
    with pytest.raises(MediaError, match="does not answer") as raised:
        fetch_all(wanted, tmp_path, local={"asset:x": Stored(asset.file.name)})
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.STORAGE_FAILED, True)


def test_a_document_with_uploads_is_looked_at(api, user):
    asset = make_asset(user, content=media.tone(duration_s=1).read_bytes())
    document = {"scenes": [{"elements": [{"type": "audio", "src": f"asset:{asset.pk}"}]}]}
    answer = api.post("/api/v1/jobs/validate", document, content_type="application/json").json()
    assert (answer["errors"], answer["valid"]) == ([], True)
    assert answer["projects"][0]["duration_s"] == 1


def test_deleting_a_video_leaves_nothing_of_it(api, video, s3_server):
    assert len(s3_server.objects()) == 6
    assert api.delete(f"/api/v1/videos/{video.pk}").status_code == 204
    assert not s3_server.objects()


class TestWithoutAnAnswer:
    @pytest.fixture(autouse=True, params=["dead", "hanging", "refusing"])
    def struck(self, request, user, s3_server, impatient):
        self.video = make_captioned_video(make_job(user, status="completed"))
        if request.param == "refusing":
            with s3_server.failing():
                yield
            return
        s3_server.kill() if request.param == "dead" else s3_server.pause()
        yield

    def test_uploading_and_deleting_can_be_tried_again(self, api):
        sound = media.tone(duration_s=0.5).read_bytes()
        answer = api.post("/api/v1/assets", sound, content_type="application/octet-stream")
        assert refusal(answer) == (503, "UNAVAILABLE")
        assert int(answer["Retry-After"]) > 0
        assert refusal(api.delete(f"/api/v1/videos/{self.video.pk}")) == (503, "UNAVAILABLE")
        assert (Asset.objects.count(), Video.objects.count()) == (0, 1)

    def test_the_service_is_not_ready(self, anonymous):
        began = time.monotonic()
        check = anonymous.get("/ready").json()["checks"]["storage"]
        assert not check["ok"]
        assert check["message"].startswith("cannot be written to: the object storage ")
        assert time.monotonic() - began < 15

    def test_a_download_still_leads_to_the_bucket(self, api):
        assert api.get(f"/api/v1/videos/{self.video.pk}/download").status_code == 302


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"bucket_name": "missing"}, "no such bucket"),
        ({"secret_key": "another"}, "refuses what the service asks (SignatureDoesNotMatch)"),
        ({"access_key": "another"}, "refuses what the service asks (InvalidAccessKeyId)"),
    ],
)
def test_what_is_wrong_with_the_bucket_is_said(anonymous, settings, wrong, says):
    default = settings.STORAGES["default"]
    settings.STORAGES = settings.STORAGES | {"default": default | {"OPTIONS": default["OPTIONS"] | wrong}}
    assert anonymous.get("/ready").json()["checks"]["storage"]["message"].endswith(says)


def test_a_service_is_ready_and_leaves_nothing(anonymous, s3_server):
    assert anonymous.get("/ready").json()["checks"]["storage"] == {"ok": True, "message": "can be written to"}
    assert not s3_server.objects()


class TestCleaning:
    def clean(self):
        for _ in clean():
            pass

    def test_films_without_a_row_go_and_others_stay_without_a_request_for_each(self, user, s3_server):
        jobs = [make_job(user, status="completed", attempt=2) for _ in range(30)]
        for job in jobs:
            for attempt in (1, 2):
                default_storage.save(f"videos/{job.pk}/{attempt}-0.mp4", ContentFile(b"a film"))
            make_captioned_video(job, file=f"videos/{job.pk}/2-0.mp4")
        s3_server.forget_requests()
        self.clean()
        left = [name for name in s3_server.objects() if name.count("/") == 2]
        assert sorted(left) == sorted(f"videos/{job.pk}/2-0.mp4" for job in jobs)
        assert len(s3_server.requests()) < 10

    def test_uploads_without_a_row_go_when_they_are_old(self, user, s3_server):
        kept = make_asset(user).file.name
        default_storage.save("assets/stray.wav", ContentFile(b"a"))
        s3_server.age(7200)
        fresh = default_storage.save("assets/fresh.wav", ContentFile(b"a"))
        s3_server.forget_requests()
        self.clean()
        assert sorted(s3_server.objects()) == sorted([kept, fresh])
        assert len(s3_server.requests()) < 10

    def test_transfers_that_broke_off_are_aborted_when_they_are_old(self, s3_server):
        client = default_storage.connection.meta.client
        for folder in ("assets", "results", "another"):
            client.create_multipart_upload(Bucket=default_storage.bucket_name, Key=f"{folder}/a")
        self.clean()
        assert len(s3_server.uploads()) == 3
        s3_server.age((timedelta(days=1) + django_settings.VIDEOCRAFT.job_process_timeout).total_seconds() + 60)
        self.clean()
        assert s3_server.uploads() == ["another/a"]

    def test_films_on_their_way_are_aborted_when_no_attempt_sends_them(self, user, s3_server):
        job, over = make_job(user, status="processing", attempt=2), make_job(user, status="completed", attempt=2)
        client = default_storage.connection.meta.client
        for name in (f"{stored_prefix(job)}-0.mp4", f"{stored_prefix(over)}-0.mp4", f"videos/{job.pk}/1-0.mp4"):
            client.create_multipart_upload(Bucket=default_storage.bucket_name, Key=name)
        self.clean()
        assert s3_server.uploads() == [f"{stored_prefix(job)}-0.mp4"]

    def test_what_an_attempt_left_is_discarded_whatever_was_on_its_way(self, user, s3_server):
        job = make_job(user, status="processing", attempt=1)
        other = make_job(user, status="processing", attempt=1)
        for each in (job, other):
            default_storage.save(f"{stored_prefix(each)}-0.mp4", ContentFile(b"a film"))
            key = default_storage.key(f"{stored_prefix(each)}-1.mp4")
            default_storage.connection.meta.client.create_multipart_upload(Bucket=default_storage.bucket_name, Key=key)
        discard(job)
        assert list(s3_server.objects()) == [f"{stored_prefix(other)}-0.mp4"]
        assert s3_server.uploads() == [f"{stored_prefix(other)}-1.mp4"]

    def test_a_bucket_that_hangs_holds_nobody_up(self, user, s3_server, impatient):
        jobs = [make_job(user, status="processing", attempt=1) for _ in range(50)]
        s3_server.pause()
        began = time.monotonic()
        for job in jobs:
            discard(job)
        assert time.monotonic() - began < 10
