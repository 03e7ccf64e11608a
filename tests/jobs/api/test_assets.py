"""Assets: upload, list, look at, delete; and what is refused leaves no file behind."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError

from jobs.models import Asset
from tests import media
from tests.jobs.api.answers import NOBODY, problems, refusal
from tests.jobs.factories import make_asset

PICTURE = media.picture().read_bytes()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def left_behind(configure, tmp_path, media_root):
    """Return the files that lie in the upload and storage folders."""
    configure(data_dir=tmp_path)
    return lambda: [path for path in tmp_path.rglob("*") if path.is_file()]


def form(content=PICTURE, name="hill.png", field="file", **others):
    return {field: SimpleUploadedFile(name, content), **others}


def raw(client, content, content_type="application/octet-stream", **headers):
    return client.generic("POST", "/api/v1/assets", content, content_type=content_type, **headers)


def test_a_form_with_a_file_makes_an_asset(api, user):
    answer = api.post("/api/v1/assets", form())
    asset = Asset.objects.get()
    shown = answer.json()
    assert (answer.status_code, asset.owner) == (201, user)
    assert datetime.fromisoformat(shown.pop("created_at")) == asset.created_at
    assert (shown["media"]["kind"], shown["media"]["width"]) == ("image", 64)
    assert shown == {
        "asset_id": str(asset.pk),
        "src": f"asset:{asset.pk}",
        "name": "hill.png",
        "sha256": hashlib.sha256(PICTURE).hexdigest(),
        "size_bytes": len(PICTURE),
        "media": asset.media,
    }


@pytest.mark.parametrize("content_type", ["image/png", "application/x-www-form-urlencoded", "application/json", ""])
def test_a_body_of_any_content_type_makes_an_asset(api, content_type):
    answer = raw(api, PICTURE, content_type)
    assert (answer.status_code, answer.json()["name"]) == (201, "")
    with Asset.objects.get().file.open() as stored:
        assert stored.read() == PICTURE


@pytest.mark.parametrize(
    ("file", "kind", "suffix"),
    [
        (lambda: media.picture(suffix=".jpg"), "image", "jpg"),
        (lambda: media.tone(duration_s=1), "audio", "wav"),
        (lambda: media.video(duration_s=1), "video", "mp4"),
    ],
    ids=["jpeg", "wav", "mp4"],
)
def test_the_stored_name_comes_from_the_id_and_the_content_alone(api, file, kind, suffix):
    shown = api.post("/api/v1/assets/", form(file().read_bytes(), "../../evil.exe")).json()
    assert shown["media"]["kind"] == kind
    assert Asset.objects.get().file.name == f"assets/{shown['asset_id']}.{suffix}"


def test_a_name_is_kept_without_what_cannot_be_shown(api):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a\x00b\xe2\x80\xaec.png"\r\n\r\n'
    answer = raw(api, body + PICTURE + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")
    assert (answer.status_code, answer.json()["name"]) == (201, "abc.png")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"<!DOCTYPE html><html></html>", "HTML"),
        (lambda: media.corrupt_png().read_bytes(), "image"),
        (lambda: media.cut(media.video()).read_bytes(), "cut off"),
        (lambda: media.bomb_png().read_bytes(), "pixels"),
    ],
    ids=["html", "corrupt", "truncated", "bomb"],
)
def test_what_is_no_usable_media_is_refused_with_the_reason_and_not_kept(api, content, reason, left_behind):
    for answer in (api.post("/api/v1/assets", form(content())), raw(api, content())):
        assert refusal(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert reason in answer.json()["error"]
    assert left_behind() == []


def test_an_empty_file_in_a_form_is_refused(api, left_behind):
    assert refusal(api.post("/api/v1/assets", form(b""))) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert left_behind() == []


def test_an_empty_body_is_refused(api):
    assert problems(raw(api, b"")) == [("", "missing")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("/file", "missing")]),
        (form(field="upload"), [("/upload", "unknown-key"), ("/file", "missing")]),
        (form(folder="a"), [("/folder", "unknown-key")]),
        ({"file": [SimpleUploadedFile(name, PICTURE) for name in "ab"]}, [("/file", "unknown-key")]),
    ],
    ids=["none", "another", "more", "two"],
)
def test_a_form_has_one_file_and_nothing_else(api, fields, expected, left_behind):
    assert problems(api.post("/api/v1/assets", fields)) == expected
    assert left_behind() == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=y"])
def test_a_form_without_its_boundary_is_refused(api, content_type):
    assert refusal(raw(api, b"--x\r\n\r\n--x--", content_type)) == (400, "INVALID_INPUT")


def test_a_file_that_is_too_large_is_refused_and_not_kept(api, configure, left_behind):
    configure(asset_max_bytes=len(PICTURE) - 1)
    assert refusal(raw(api, PICTURE)) == (413, "REQUEST_TOO_LARGE")
    assert refusal(api.post("/api/v1/assets", form())) == (413, "REQUEST_TOO_LARGE")
    configure(asset_max_bytes=len(PICTURE))
    assert api.post("/api/v1/assets", form()).status_code == 201


def test_a_form_that_says_it_is_far_too_large_is_refused_unread(api, configure):
    configure(asset_max_bytes=100)
    answer = raw(api, b"", "multipart/form-data; boundary=x", CONTENT_LENGTH="10000000")
    assert refusal(answer) == (413, "REQUEST_TOO_LARGE")


def test_an_upload_is_gone_from_where_it_was_received(api, left_behind):
    api.post("/api/v1/assets", form())
    stored = default_storage.path(Asset.objects.get().file.name)
    assert [str(path) for path in left_behind()] == [stored]


def test_nothing_is_kept_when_the_row_cannot_be_written(api, left_behind, monkeypatch):
    def fail(**fields):
        raise IntegrityError("no")

    monkeypatch.setattr(Asset.objects, "create", fail)
    assert refusal(api.post("/api/v1/assets", form())) == (500, "INTERNAL_ERROR")
    assert left_behind() == []


def test_nothing_is_recorded_when_the_storage_fails(api, left_behind, media_root):
    media_root.write_text("a file where the folder should be")
    assert refusal(api.post("/api/v1/assets", form())) == (500, "INTERNAL_ERROR")
    assert left_behind() == [media_root]
    assert not Asset.objects.exists()


def test_assets_are_listed_newest_first_to_their_owner(api, staff_api, user, other_user):
    made = [str(make_asset(user, created_at=NOON + timedelta(minutes=n)).pk) for n in range(3)]
    make_asset(other_user)
    first = api.get("/api/v1/assets?limit=2").json()
    second = api.get("/api/v1/assets", {"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [asset["asset_id"] for asset in first["assets"] + second["assets"]] == made[::-1]
    assert len(staff_api.get("/api/v1/assets").json()["assets"]) == 4


def test_an_asset_can_be_looked_at_and_deleted_with_its_file(api, user):
    asset = make_asset(user)
    url = f"/api/v1/assets/{asset.pk}"
    assert api.get(url).json()["src"] == f"asset:{asset.pk}"
    assert api.delete(url).status_code == 204
    assert not default_storage.exists(asset.file.name)
    assert refusal(api.get(url)) == (404, "ASSET_NOT_FOUND")


@pytest.mark.parametrize("method", ["get", "delete"])
def test_an_asset_that_is_missing_or_malformed_or_anothers_is_not_found(api, other_user, method):
    other = make_asset(other_user)
    for pk in (NOBODY, "malformed", other.pk):
        assert refusal(getattr(api, method)(f"/api/v1/assets/{pk}/")) == (404, "ASSET_NOT_FOUND")
    assert default_storage.exists(other.file.name)


@pytest.mark.parametrize(("method", "path"), [("put", ""), ("delete", ""), ("post", f"/{NOBODY}")])
def test_another_method_is_not_allowed(api, method, path):
    assert refusal(getattr(api, method)(f"/api/v1/assets{path}")) == (405, "METHOD_NOT_ALLOWED")
