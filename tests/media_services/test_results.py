"""Results: kept under what they depend on, checked when they are read, and never more than fits."""

import os
import time

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from media_services import bucket, results
from media_services.bucket import Patience

MIB = 2**20


@pytest.fixture(autouse=True, params=["disk", "bucket"])
def nothing_kept(request, settings, tmp_path):
    if request.param == "bucket":
        settings.STORAGES = settings.STORAGES | request.getfixturevalue("s3_server").storages()
        return
    options = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "results"}}
    settings.STORAGES = settings.STORAGES | {"results": options}


on_disk = pytest.mark.parametrize("nothing_kept", ["disk"], indirect=True)
in_a_bucket = pytest.mark.parametrize("nothing_kept", ["bucket"], indirect=True)


def name(number=0):
    return results.key("words", number=number)


def test_what_was_kept_is_taken():
    assert results.take(name()) is None
    results.put(name(), b"one\ntwo")
    assert results.take(name()) == b"one\ntwo"


def test_every_input_makes_another_name_and_their_order_does_not():
    assert results.key("words", a=1, b=2) == results.key("words", b=2, a=1)
    others = [results.key("words", a=1, b=3), results.key("words", a=1), results.key("plates", a=1, b=2)]
    assert len({results.key("words", a=1, b=2), *others}) == 4


@pytest.mark.parametrize("damage", [b"", b"half", b"\n"])
def test_a_damaged_one_is_a_miss_that_heals(damage):
    results.put(name(), b"content")
    storages["results"].delete(name())
    storages["results"].save(name(), ContentFile(damage))
    assert results.take(name()) is None
    results.put(name(), b"content")
    assert results.take(name()) == b"content"


def test_the_second_to_keep_it_changes_nothing_and_leaves_nothing():
    for content in (b"first", b"second"):
        results.put(name(), content)
    assert results.take(name()) in (b"first", b"second")  # which are the same, of the same inputs
    assert len(storages["results"].listdir(os.path.dirname(name()))[1]) == 1


def test_what_is_replaced_is_there_whole_and_leaves_nothing():
    for content in (b"first", b"second", b"third"):
        results.replace(name(), content)
        assert results.take(name()) == content
    assert len(storages["results"].listdir(os.path.dirname(name()))[1]) == 1


class Elsewhere(Storage):
    """A storage that is not of files."""

    def __init__(self):
        self.contents = {}

    def _open(self, name, mode):
        return ContentFile(self.contents[name])

    def _save(self, name, content):
        self.contents[name] = b"".join(content.chunks())
        return name

    def exists(self, name):
        return name in self.contents

    def delete(self, name):
        self.contents.pop(name, None)


@on_disk
def test_one_in_a_storage_that_is_not_of_files_is_replaced_as_well(settings):
    settings.STORAGES = settings.STORAGES | {"results": {"BACKEND": f"{__name__}.Elsewhere"}}
    for content in (b"first", b"second"):
        results.replace(name(), content)
        assert results.take(name()) == content
    assert list(storages["results"].contents) == [name()]


def test_a_forgotten_one_is_gone():
    results.put(name(), b"content")
    for _ in range(2):
        results.forget(name())
    assert results.take(name()) is None


@on_disk
def test_a_storage_that_cannot_take_it_is_no_reason_to_fail(tmp_path):
    (tmp_path / "results").write_text("no folder")
    results.put(name(), b"content")
    results.replace(name(), b"content")
    assert results.take(name()) is None


@on_disk
def test_the_longest_unused_are_evicted_until_the_rest_fits():
    for number in range(4):
        results.put(name(number), bytes(1000))
        long_ago = time.time() - 1000 + number
        os.utime(storages["results"].path(name(number)), (long_ago, long_ago))
    results.take(name(0))
    assert sum(results.evict(2500)) == 2
    assert [results.take(name(number)) is not None for number in range(4)] == [True, False, False, True]


def test_what_fits_is_left_and_an_empty_store_has_nothing_to_evict():
    assert sum(results.evict(0)) == 0
    results.put(name(), bytes(1000))
    assert sum(results.evict(2000)) == 0
    assert results.take(name()) is not None


@pytest.mark.parametrize("size_bytes", [0, 1, 20 * MIB])
def test_a_file_is_kept_and_taken_whole(tmp_path, size_bytes):
    (tmp_path / "made").write_bytes(os.urandom(size_bytes))
    results.put_file(name(), tmp_path / "made")
    assert results.has(name())
    assert results.take_file(name(), tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == (tmp_path / "made").read_bytes()


@in_a_bucket
class TestInABucket:
    def test_keeping_taking_and_replacing_are_a_request_each(self, s3_server):
        results.put(name(), b"content")
        results.take(name())
        results.replace(name(), b"content")
        assert [entry["method"] for entry in s3_server.requests()] == ["PUT", "GET", "PUT"]

    def test_the_oldest_are_evicted_with_one_list_and_one_request_for_all(self, s3_server):
        for number in range(4):
            results.put(name(number), bytes(1000))
            if number == 1:
                s3_server.age(1000)
        s3_server.forget_requests()
        assert sum(results.evict(2500)) == 2
        assert [entry["method"] for entry in s3_server.requests()] == ["GET", "POST"]
        assert [results.has(name(number)) for number in range(4)] == [False, False, True, True]

    def test_one_that_fails_or_is_dead_is_no_reason_to_fail(self, s3_server, tmp_path):
        results.put(name(), b"content")
        s3_server.kill()
        results.put(name(1), b"content")
        (tmp_path / "made").write_bytes(b"content")
        results.put_file(name(2), tmp_path / "made")
        assert (results.take(name()), results.has(name())) == (None, False)
        assert not results.take_file(name(), tmp_path / "taken")
        results.forget(name())

    def test_one_that_hangs_is_waited_for_once(self, s3_server, monkeypatch):
        monkeypatch.setattr(bucket, "CONTENT_THAT_CAN_BE_MADE_AGAIN", Patience(0.3, 0.3, 2))
        s3_server.pause()
        assert results.take(name()) is None
        began = time.monotonic()
        for number in range(100):
            results.put(name(number), b"content")
        assert time.monotonic() - began < 5
