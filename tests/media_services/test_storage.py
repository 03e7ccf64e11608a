"""Storing films: moved where they can be moved, and progress where bytes are read."""

import os
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage

from media_services import storage
from media_services.errors import ErrorCode, MediaError
from media_services.render.encode import Film

MIB = 2**20
IN_PIECES = "django.core.files.storage.InMemoryStorage"
AT_ONCE = "tests.media_services.test_storage.AtOnce"


class AtOnce(InMemoryStorage):
    """A storage that reads what it is given in one go."""

    def _save(self, name, content):
        return super()._save(name, ContentFile(content.read()))


@pytest.fixture
def film(tmp_path):
    (tmp_path / "film.mp4").write_bytes(os.urandom(4 * MIB))
    (tmp_path / "poster.jpg").write_bytes(bytes(1000))
    (tmp_path / "contact.jpg").write_bytes(bytes(2000))
    sheet = tmp_path / "contact.jpg"
    return Film(tmp_path / "film.mp4", tmp_path / "poster.jpg", 16, 16, Fraction(25), 25, 1000, sheet)


def stored(film):
    """Store one film; return it, its path and what was reported."""
    heard = []
    (done,) = storage.store([film], "films/a", heard.append)
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0.0, 1.0)
    return done, heard


def test_hashing_is_reported_by_bytes_and_the_file_is_moved(film, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    inode = film.file.stat().st_ino
    done, heard = stored(film)
    assert Path(default_storage.path(done.file)).stat().st_ino == inode
    assert not film.file.exists()
    assert len(set(heard)) > 8


@pytest.mark.parametrize("backend", [IN_PIECES, AT_ONCE])
def test_a_storage_that_uploads_is_reported_as_it_reads(film, settings, backend):
    """Reading happens twice: to hash the film, and to save it."""
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": backend}}
    content = film.file.read_bytes()
    done, heard = stored(film)
    assert default_storage.open(done.file).read() == content
    assert len([fraction for fraction in set(heard) if fraction > 0.5]) > 8


def test_a_bucket_is_reported_to_as_it_is_sent_to(film, settings, s3_server):
    settings.STORAGES = settings.STORAGES | s3_server.storages()
    film.file.write_bytes(content := os.urandom(20 * MIB))
    done, heard = stored(film)
    assert default_storage.open(done.file).read() == content
    assert sorted(s3_server.objects()) == ["films/a-0.contact.jpg", "films/a-0.jpg", "films/a-0.mp4"]
    assert len([fraction for fraction in set(heard) if fraction > 0.5]) > 3  # as many parts as it is sent in


def test_a_film_that_a_bucket_does_not_take_fails_the_storing_and_can_be_tried_again(film, settings, s3_server):
    settings.STORAGES = settings.STORAGES | s3_server.storages()
    with s3_server.failing("PUT"), pytest.raises(MediaError, match=r"failed \(503") as raised:
        storage.store([film], "films/a", lambda fraction: None)
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.STORAGE_FAILED, True)


def test_what_is_left_of_an_attempt_in_a_bucket_is_discarded(captioned, settings, s3_server):
    settings.STORAGES = settings.STORAGES | s3_server.storages()
    for prefix in ("films/1", "films/11"):
        storage.store([captioned], prefix, lambda fraction: None)
    storage.discard("films/1", 1)
    assert {name.partition("-")[0] for name in s3_server.objects()} == {"films/11"}


def test_a_copy_to_another_file_system_is_reported_as_it_goes(film, settings):
    if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == film.file.stat().st_dev:
        pytest.skip("there is no second file system")
    content = film.file.read_bytes()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        settings.MEDIA_ROOT = Path(folder) / "media"
        done, heard = stored(film)
        assert Path(default_storage.path(done.file)).read_bytes() == content
    assert len([fraction for fraction in set(heard) if fraction > 0.5]) > 8


SUBTITLES = {"srt": "1\n", "vtt": "WEBVTT\n", "ass": "[Script Info]\n", "words": "{}\n"}


@pytest.fixture
def captioned(film, tmp_path):
    files = {kind: tmp_path / f"subtitles.{kind}" for kind in SUBTITLES}
    for kind, file in files.items():
        file.write_text(SUBTITLES[kind])
    return replace(film, subtitles=files)


def test_subtitles_are_stored_beside_their_film(captioned, film, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    done, _ = stored(captioned)
    assert (done.srt, done.vtt, done.ass, done.words) == (
        "films/a-0.srt",
        "films/a-0.vtt",
        "films/a-0.ass",
        "films/a-0.json",
    )
    assert {kind: default_storage.open(getattr(done, kind), "r").read() for kind in SUBTITLES} == SUBTITLES


def test_a_film_without_subtitles_has_no_files_of_them(film, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    done, _ = stored(film)
    assert [getattr(done, kind) for kind in SUBTITLES] == [""] * 4
    assert sorted(default_storage.listdir("films")[1]) == ["a-0.contact.jpg", "a-0.jpg", "a-0.mp4"]


def test_the_contact_sheet_is_stored_beside_the_poster(film, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    done, _ = stored(film)
    sizes = [len(default_storage.open(name).read()) for name in (done.thumbnail, done.contact_sheet)]
    assert (done.contact_sheet, sizes) == ("films/a-0.contact.jpg", [1000, 2000])


@pytest.mark.parametrize("suffix", ["mp4", "webm", "gif"])
def test_a_film_keeps_the_suffix_of_its_format_and_is_removed_by_it(film, tmp_path, settings, suffix):
    settings.MEDIA_ROOT = tmp_path / "media"
    done, _ = stored(replace(film, file=film.file.rename(tmp_path / f"film.{suffix}")))
    assert done.file == f"films/a-0.{suffix}"
    storage.remove(storage.names("films/a", 1))
    assert default_storage.listdir("films") == ([], [])


def test_everything_that_storing_writes_is_named_and_removed(captioned, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    done, _ = stored(captioned)
    names = storage.names("films/a", 1)
    written = {done.file, done.thumbnail, done.contact_sheet, done.srt, done.vtt, done.ass, done.words}
    assert set(names) - written == {"films/a-0.webm", "films/a-0.gif"}
    assert written < set(names)
    storage.remove([*names, "films/a-7.srt"])
    assert default_storage.listdir("films") == ([], [])


def test_subtitles_that_cannot_be_stored_fail_the_storing(captioned):
    captioned.subtitles["vtt"].unlink()
    with pytest.raises(MediaError, match="the film could not be stored") as raised:
        storage.store([captioned], "films/a", lambda fraction: None)
    assert raised.value.code == ErrorCode.STORAGE_FAILED


@pytest.mark.parametrize("is_bucket", [False, True])
def test_a_report_that_raises_stops_the_upload(film, settings, s3_server, is_bucket):
    default = s3_server.storages() if is_bucket else {"default": {"BACKEND": IN_PIECES}}
    settings.STORAGES = settings.STORAGES | default
    film.file.write_bytes(bytes(20 * MIB))

    class Cancelled(Exception):
        pass

    def report(fraction):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        storage.store([film], "films/a", report)
    assert (s3_server.objects(), s3_server.uploads()) == ({}, [])
