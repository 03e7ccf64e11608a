"""Storing films: moved where they can be moved, and progress where bytes are read."""

import os
import tempfile
from fractions import Fraction
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage

from media_services import storage
from media_services.render.encode import Film

MIB = 2**20
IN_PIECES = "django.core.files.storage.InMemoryStorage"
AT_ONCE = "tests.media_services.test_storage.Bucket"


class Bucket(InMemoryStorage):
    """A storage that reads what it is given in one go."""

    def _save(self, name, content):
        return super()._save(name, ContentFile(content.read()))


@pytest.fixture
def film(tmp_path):
    (tmp_path / "film.mp4").write_bytes(os.urandom(4 * MIB))
    (tmp_path / "poster.jpg").write_bytes(bytes(1000))
    return Film(tmp_path / "film.mp4", tmp_path / "poster.jpg", 16, 16, Fraction(25), 25, 1000)


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


def test_a_copy_to_another_file_system_is_reported_as_it_goes(film, settings):
    if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == film.file.stat().st_dev:
        pytest.skip("there is no second file system")
    content = film.file.read_bytes()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        settings.MEDIA_ROOT = Path(folder) / "media"
        done, heard = stored(film)
        assert Path(default_storage.path(done.file)).read_bytes() == content
    assert len([fraction for fraction in set(heard) if fraction > 0.5]) > 8


def test_a_report_that_raises_stops_the_upload(film, settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": IN_PIECES}}

    class Cancelled(Exception):
        pass

    def report(fraction):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        storage.store([film], "films/a", report)
