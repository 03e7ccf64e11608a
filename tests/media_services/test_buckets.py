"""A bucket as a storage, over real HTTP: what lies where, what its failures are, and how long it is waited for."""

import errno
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest
from django.core.files.base import ContentFile, File

from media_services import bucket, stored
from media_services.bucket import Bucket, Patience
from media_services.errors import StorageUnavailable
from tests.s3 import BUCKET, S3Server
from tests.service import free_port

MIB = 2**20
QUICK = Patience(connect_s=0.3, read_s=0.3, tries=2)


@pytest.fixture
def make(s3_server):
    """Make storages over the server, as the settings would."""

    def make(**options):
        known = {"bucket_name": BUCKET, "endpoint_url": s3_server.url, "region_name": "eu-test-1"}
        return Bucket(**known | {"addressing_style": "path", "location": "some/where"} | options)

    return make


@pytest.fixture
def storage(make):
    return make()


@pytest.fixture
def quick(make, monkeypatch):
    """A storage that gives up soon."""
    for name in ("CONTENT", "CONTENT_THAT_CAN_BE_MADE_AGAIN", "_CONTROL"):
        monkeypatch.setattr(bucket, name, QUICK)
    return make()


@pytest.fixture
def large(tmp_path):
    """A file that is sent in parts."""
    file = tmp_path / "large.mp4"
    file.write_bytes(os.urandom(20 * MIB))
    return file


def test_what_is_stored_lies_under_its_prefix_and_is_read_as_it_was(storage, s3_server):
    assert storage.save("videos/a/1-0.mp4", ContentFile(b"a film")) == "videos/a/1-0.mp4"
    assert s3_server.objects() == {"some/where/videos/a/1-0.mp4": 6}
    with storage.open("videos/a/1-0.mp4") as file:
        assert (file.read(), file.size) == (b"a film", 6)
    assert (storage.exists("videos/a/1-0.mp4"), storage.size("videos/a/1-0.mp4")) == (True, 6)
    assert abs(storage.get_modified_time("videos/a/1-0.mp4") - datetime.now(UTC)) < timedelta(minutes=1)


def test_storing_takes_one_request_and_reading_another(storage, s3_server):
    storage.save("a.txt", ContentFile(b"text"))
    storage.open("a.txt").read()
    assert [entry["method"] for entry in s3_server.requests()] == ["PUT", "GET"]


def test_what_is_stored_again_is_replaced(storage, s3_server):
    for content in (b"first", b"second"):
        assert storage.save("a.txt", ContentFile(content)) == "a.txt"
    assert storage.open("a.txt", "r").read() == "second"
    assert len(s3_server.objects()) == 1


@pytest.mark.parametrize("name", ["../outside.txt", "videos/../../outside.txt"])
def test_nothing_is_stored_outside_of_the_prefix(storage, s3_server, name):
    with pytest.raises(Exception, match=r"denied|traversal"):
        storage.save(name, ContentFile(b"text"))
    assert not s3_server.objects()


def test_a_large_file_is_sent_in_parts_and_read_from_anywhere(storage, large, s3_server):
    content = large.read_bytes()
    with large.open("rb") as file:
        storage.save("large.mp4", File(file))
    assert (s3_server.objects(), s3_server.uploads()) == ({"some/where/large.mp4": 20 * MIB}, [])
    with storage.open("large.mp4") as file:
        assert file.size == 20 * MIB
        assert file.read(1000) == content[:1000]
        file.seek(-1000, os.SEEK_END)
        assert file.read() == content[-1000:]
        file.seek(0)
        assert file.read() == content


def test_neither_storing_nor_reading_holds_the_whole_of_a_file(storage, tmp_path):
    file = tmp_path / "film.mp4"
    with file.open("wb") as sparse:
        sparse.truncate(256 * MIB)
    storage.save("warm.txt", ContentFile(b"the client is made"))
    before, most = psutil.Process().memory_info().rss, 0
    is_over = threading.Event()

    def watch():
        nonlocal most
        while not is_over.wait(0.005):
            most = max(most, psutil.Process().memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with file.open("rb") as film:
        storage.save("film.mp4", File(film))
    with storage.open("film.mp4") as film:
        assert sum(len(chunk) for chunk in iter(lambda: film.read(MIB), b"")) == 256 * MIB
    is_over.set()
    watcher.join()
    assert 0 < most < 96 * MIB


def test_a_connection_that_breaks_is_taken_up_where_it_broke(storage, large, s3_server):
    with large.open("rb") as file:
        storage.save("large.mp4", File(file))
    with storage.open("large.mp4") as file:
        begun = file.read(MIB)
        s3_server.kill()
        s3_server.start()
        assert begun + file.read() == large.read_bytes()


def test_a_file_that_was_replaced_while_it_was_read_is_not_read_on(storage, s3_server):
    storage.save("a.txt", ContentFile(bytes(9 * MIB)))
    with storage.open("a.txt") as file:
        file.read(MIB)
        storage.save("a.txt", ContentFile(os.urandom(9 * MIB)))
        s3_server.kill()
        s3_server.start()
        with pytest.raises(StorageUnavailable, match="412"):
            file.read()


def test_reading_tells_as_it_goes_in_the_calling_thread_and_may_stop_it(storage, large, s3_server):
    class Enough(Exception):
        pass

    class Reading(File):
        def read(self, size=-1):
            threads.add(threading.get_ident())
            if self.tell() > 10 * MIB:
                raise Enough
            return super().read(size)

    threads = set()
    with large.open("rb") as file, pytest.raises(Enough):
        storage.save("large.mp4", Reading(file))
    assert threads == {threading.get_ident()}
    assert (s3_server.objects(), s3_server.uploads()) == ({}, [])


@pytest.mark.parametrize(
    ("name", "kind"), [("a.mp4", "video/mp4"), ("a.vtt", "text/vtt"), ("a", "application/octet-stream")]
)
def test_what_is_stored_has_the_type_of_its_name(storage, name, kind):
    storage.save(name, ContentFile(b"content"))
    assert httpx.get(storage.url(name)).headers["Content-Type"] == kind


def test_a_signed_address_is_sent_as_it_says_and_in_ranges(storage):
    storage.save("a.srt", ContentFile(b"subtitles"))
    url = storage.signed_url("a.srt", "GET", "application/x-subrip; charset=utf-8", 'attachment; filename="é.srt"')
    answer = httpx.get(url, headers={"Range": "bytes=3-5"})
    assert (answer.status_code, answer.text) == (206, "tit")
    assert answer.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_signed_address_is_good_for_its_method_and_its_time_alone(make):
    storage = make(querystring_expire=1)
    storage.save("a.txt", ContentFile(b"text"))
    url, head = storage.url("a.txt"), storage.url("a.txt", http_method="HEAD")
    assert [httpx.get(url).status_code, httpx.head(url).status_code, httpx.head(head).status_code] == [200, 403, 200]
    assert httpx.get(url.replace("a.txt", "b.txt")).status_code == 403
    deadline = time.monotonic() + 20
    while httpx.get(url).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "expired" in httpx.get(url).text


def test_addresses_are_signed_for_where_browsers_reach_it(make, s3_server):
    storage = make(public_endpoint_url=s3_server.url.replace("127.0.0.1", "localhost"))
    storage.save("a.txt", ContentFile(b"text"))
    assert storage.url("a.txt").startswith(f"http://localhost:{s3_server.port}/{BUCKET}/some/where/a.txt?")
    assert httpx.get(storage.url("a.txt")).text == "text"
    assert storage.origin == f"http://localhost:{s3_server.port}"


@pytest.mark.parametrize(
    ("style", "origin"),
    [("virtual", f"https://{BUCKET}.s3.eu-west-3.amazonaws.com"), ("path", "https://s3.eu-west-3.amazonaws.com")],
)
def test_the_origin_of_a_bucket_of_aws_is_known_without_asking(style, origin):
    assert Bucket(bucket_name=BUCKET, region_name="eu-west-3", addressing_style=style).origin == origin


class TestMany:
    @pytest.fixture(autouse=True)
    def thousands(self, s3_server):
        self.folder = s3_server.folder / BUCKET / "some/where"
        for number in range(2500):
            file = self.folder / f"videos/{number // 50:02}/{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes(number % 7))

    def test_thousands_are_listed_with_three_requests(self, storage, s3_server):
        found = list(stored.listed(storage, "videos"))
        assert [entry.name for entry in found] == sorted(f"videos/{n // 50:02}/{n}.txt" for n in range(2500))
        assert sum(entry.size_bytes for entry in found) == sum(number % 7 for number in range(2500))
        assert len(s3_server.requests()) == 3

    def test_a_folder_is_listed_by_itself(self, storage):
        assert storage.listdir("videos") == ([f"{number:02}" for number in range(50)], [])
        assert storage.listdir("videos/03") == ([], sorted(f"{number}.txt" for number in range(150, 200)))
        assert storage.listdir("nothing") == ([], [])

    def test_thousands_are_deleted_with_three_requests(self, storage, s3_server):
        names = [f"videos/{number // 50:02}/{number}.txt" for number in range(2500)]
        stored.remove_all(storage, [*names, "videos/none.txt"])
        assert (s3_server.objects(), len(s3_server.requests())) == ({}, 3)

    def test_what_begins_so_is_cleared_and_nothing_else(self, storage, s3_server):
        storage.clear("videos/03/1")
        assert not any(name.startswith("some/where/videos/03/") for name in s3_server.objects())
        assert len(s3_server.objects()) == 2450


def begin_upload(storage, name):
    storage.connection.meta.client.create_multipart_upload(Bucket=BUCKET, Key=storage.key(name))


def test_uploads_that_were_begun_are_aborted_by_their_beginning_or_age(storage, s3_server):
    for name in ("videos/a/1-0.mp4", "videos/a/11-0.mp4", "assets/b.mp4"):
        begin_upload(storage, name)
    storage.clear("videos/a/1-")
    assert sorted(s3_server.uploads()) == ["some/where/assets/b.mp4", "some/where/videos/a/11-0.mp4"]
    soon, day_ago = datetime.now(UTC) + timedelta(minutes=1), datetime.now(UTC) - timedelta(days=1)
    assert storage.abort_uploads("videos", lambda upload: upload.modified_at < day_ago) == 0
    assert storage.abort_uploads("videos", lambda upload: upload.modified_at < soon) == 1
    assert s3_server.uploads() == ["some/where/assets/b.mp4"]


def test_what_is_gone_already_is_deleted_and_aborted(storage, s3_server):
    """Some servers say of it that it is not there, and somebody else may have been quicker."""
    begin_upload(storage, "videos/a/1-0.mp4")
    with s3_server.failing("DELETE", status=404):
        storage.delete("a.txt")
        storage.clear("videos/a/1-")
    assert [entry["status"] for entry in s3_server.requests() if entry["method"] == "DELETE"] == [404, 404]


def attempts(storage):
    """Return all that is done with a storage, by what it is."""
    return {
        "open": lambda: storage.open("a.txt"),
        "save": lambda: storage.save("a.txt", ContentFile(b"text")),
        "save parts": lambda: storage.save("a.txt", ContentFile(bytes(9 * MIB))),
        "delete": lambda: storage.delete("a.txt"),
        "exists": lambda: storage.exists("a.txt"),
        "size": lambda: storage.size("a.txt"),
        "time": lambda: storage.get_modified_time("a.txt"),
        "listdir": lambda: storage.listdir("a"),
        "listed": lambda: list(storage.listed("a")),
        "remove": lambda: storage.remove_all(["a.txt"]),
        "clear": lambda: storage.clear("a"),
        "abort": lambda: storage.abort_uploads("a", bool),
        "try out": lambda: storage.try_out("a.txt"),
    }


DOINGS = list(attempts(None))


@pytest.mark.parametrize("doing", ["open", "size", "time"])
def test_what_is_not_there_is_not_found(storage, doing):
    with pytest.raises(FileNotFoundError) as raised:
        attempts(storage)[doing]()
    assert raised.value.filename == "a.txt"
    assert not storage.exists("a.txt")
    storage.delete("a.txt")


@pytest.mark.parametrize("doing", DOINGS)
class TestFailures:
    def test_a_server_that_is_dead(self, quick, s3_server, doing):
        s3_server.kill()
        with pytest.raises(StorageUnavailable, match="does not answer") as raised:
            attempts(quick)[doing]()
        assert raised.value.errno == errno.ETIMEDOUT

    def test_a_server_that_hangs(self, quick, s3_server, doing):
        s3_server.pause()
        began = time.monotonic()
        with pytest.raises(StorageUnavailable, match="does not answer"):
            attempts(quick)[doing]()
        assert time.monotonic() - began < 15  # twice 0.3 s, what is between, and how busy the machine is

    def test_a_server_that_refuses_for_now(self, quick, s3_server, doing):
        with s3_server.failing(status=503), pytest.raises(StorageUnavailable, match="503"):
            attempts(quick)[doing]()

    def test_credentials_that_are_wrong(self, make, s3_server, doing):
        with pytest.raises(StorageUnavailable, match=r"refuses what the service asks") as raised:
            attempts(make(secret_key="another"))[doing]()
        assert raised.value.errno == errno.EACCES

    def test_no_credentials(self, make, doing, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        with pytest.raises(StorageUnavailable, match="no credentials"):
            attempts(make())[doing]()

    def test_a_bucket_that_does_not_exist(self, make, doing):
        missing = make(bucket_name="missing")
        if doing == "exists":  # to a HEAD it is not said which of the two there is not
            assert not attempts(missing)[doing]()
            return
        with pytest.raises(OSError, match="no such file" if doing in ("size", "time") else "no such bucket"):
            attempts(missing)[doing]()


def test_a_server_without_an_answer_is_left_alone_for_a_moment(quick, s3_server, monkeypatch):
    s3_server.kill()
    with pytest.raises(StorageUnavailable, match="does not answer"):
        quick.exists("a.txt")
    s3_server.start()
    s3_server.forget_requests()
    with pytest.raises(StorageUnavailable, match="a moment ago"):
        quick.exists("a.txt")
    assert not s3_server.requests()
    monkeypatch.setattr(quick, "_away", (os.getpid(), time.monotonic()))
    assert not quick.exists("a.txt")


def test_a_failure_that_passes_is_not_noticed(storage, s3_server):
    saving = threading.Thread(target=storage.save, args=("a.txt", ContentFile(b"text")))
    with s3_server.failing("PUT", status=503):
        saving.start()
        deadline = time.monotonic() + 20
        while not s3_server.requests() and time.monotonic() < deadline:
            time.sleep(0.005)
    saving.join()
    assert s3_server.objects() == {"some/where/a.txt": 4}
    assert {entry["status"] for entry in s3_server.requests()} == {200, 503}


def test_a_child_has_connections_of_its_own(storage, s3_server):
    storage.save("a.txt", ContentFile(b"text"))
    client = storage.connection.meta.client
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        is_another = storage.connection.meta.client is not client
        os.write(write, b"%d%s" % (is_another, storage.open("a.txt").read()))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"1text"
    assert storage.connection.meta.client is client


def test_threads_share_a_client(storage):
    found = []
    threads = [threading.Thread(target=lambda: found.append(storage.connection)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_nothing_is_asked_of_a_bucket_before_it_is_used(s3_server):
    Bucket(bucket_name=BUCKET, endpoint_url=f"http://127.0.0.1:{free_port()}", region_name="eu-test-1")
    assert isinstance(s3_server, S3Server)
