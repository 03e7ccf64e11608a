"""Sources and probes that are kept: asked for once, probed once, and never older than their server says."""

import errno
import hashlib
import json
import os
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages

from media_services import kept, pipeline, results, sources
from media_services.errors import ErrorCode, MediaError
from media_services.journal import Outcome, Task
from media_services.kept import Asking, Shelf
from media_services.link import address_of
from media_services.media import Colour, MediaKind, Probe
from media_services.movie.reading import read
from media_services.probe import probe
from media_services.sources import Wanted, fetch_all, probe_all
from tests import media

ANN, BOB = Asking("ann"), Asking("bob")
BODY = b"some bytes of media " * 1000
ETAG = '"one"'


@pytest.fixture(autouse=True)
def nothing_kept(settings, tmp_path):
    options = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "results"}}
    settings.STORAGES = settings.STORAGES | {"results": options}
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.1"]})


@pytest.fixture
def get(tmp_path):
    """Return a function that fetches a URL into a new folder, as for another job."""

    def get(url, asking=ANN, *, cache=True, **options):
        return fetch_all([wanted(url, cache=cache)], new_folder(tmp_path), local={}, asking=asking, **options)[url]

    return get


def new_folder(tmp_path):
    return tmp_path / f"job-{time.monotonic_ns()}"


def wanted(src, *, kind=MediaKind.IMAGE, cache=True):
    return Wanted(src, kind, "/0/elements/0/src", cache)


def content_file(content=BODY):
    return Path(storages["results"].path(kept.content_name(hashlib.sha256(content).hexdigest())))


def files_kept(kind):
    return [file for file in Path(storages["results"].path(kind)).rglob("*") if file.is_file()]


def conditions(server):
    """Return of each request whether it was conditional."""
    return [not {"if-none-match", "if-modified-since"}.isdisjoint(each.headers) for each in server.requests]


def imported_by(root, file):
    """Return the files of our own that a file imports, and those that these import, itself included."""
    found, left = set(), [file]
    while left:
        file = left.pop()
        found.add(file)
        text = file.read_text()
        names = re.findall(r"^from media_services\.([\w.]+) import", text, re.MULTILINE)
        names += re.findall(r"\w+", " ".join(re.findall(r"^from media_services import (.+)", text, re.MULTILINE)))
        paths = [root / name.replace(".", "/") for name in names]
        files = {path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths}
        left += files - found
    return found


def freshness(settings, duration):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_freshness": duration})


class TestNewEnough:
    def test_a_source_asked_for_since_the_job_was_posted_is_taken_without_a_request(self, server, get):
        posted_at = time.time()
        url = server.serve("/a", BODY, content_type="image/png")
        first, again = get(url), get(url, Asking("ann", posted_at))
        assert server.hits["/a"] == 1
        assert again.file.read_bytes() == BODY
        assert (first.was_kept, again.was_kept) == (False, True)
        assert (again.sha256, again.size_bytes, again.content_type) == (first.sha256, len(BODY), "image/png")

    def test_a_source_asked_for_before_the_job_was_posted_is_asked_for_again(self, server, get):
        url = server.serve("/a", BODY)
        get(url)
        get(url, Asking("ann", time.time()))
        assert server.hits["/a"] == 2

    def test_a_source_is_taken_without_a_request_while_it_is_fresh(self, server, get, settings):
        freshness(settings, timedelta(hours=1))
        url = server.serve("/a", BODY)
        get(url)
        assert get(url).was_kept
        freshness(settings, timedelta(0))
        assert not get(url).was_kept
        assert server.hits["/a"] == 2

    def test_what_was_asked_for_in_the_future_is_not_fresh(self, server, get, settings, monkeypatch):
        freshness(settings, timedelta(hours=1))
        url = server.serve("/a", BODY)
        later = time.time() + 9999
        monkeypatch.setattr("media_services.fetch.time.time", lambda: later)
        get(url)
        monkeypatch.undo()
        get(url)
        assert server.hits["/a"] == 2

    def test_what_became_too_large_is_not_taken(self, server, get, settings):
        url = server.serve("/a", BODY)
        get(url)
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_max_bytes": 100})
        with pytest.raises(MediaError, match="larger than the allowed"):
            get(url, Asking("ann", 0))

    def test_a_fragment_and_a_share_link_make_no_other_source(self, server, get):
        url = server.serve("/a", BODY)
        get(url + "#t=1")
        assert get(url + "#t=2", Asking("ann", 0)).was_kept
        shared = "https://drive.google.com/file/d/1aB/view"
        assert address_of(shared) == address_of("https://drive.google.com/open?id=1aB#x")


class TestConditions:
    @pytest.mark.parametrize(
        "validators", [{"etag": ETAG}, {"etag": 'W/"one"'}, {"last_modified": "Wed, 21 Oct 2026 07:28:00 GMT"}]
    )
    def test_what_its_server_says_is_the_same_is_taken(self, server, get, validators):
        url = server.dated("/a", BODY, **validators)
        get(url)
        again = get(url)
        assert again.was_kept
        assert again.file.read_bytes() == BODY
        assert server.answered == {("/a", 200): 1, ("/a", 304): 1}

    def test_it_counts_as_asked_for_when_the_server_said_so(self, server, get):
        url = server.dated("/a", BODY, etag=ETAG)
        get(url)
        later = time.time()
        get(url)
        assert get(url, Asking("ann", later)).was_kept
        assert server.hits["/a"] == 2

    def test_what_changed_is_fetched_and_kept_in_its_place(self, server, get):
        get(server.dated("/a", BODY, etag=ETAG))
        url = server.dated("/a", b"another", etag='"two"')
        changed = get(url)
        assert (changed.was_kept, changed.file.read_bytes()) == (False, b"another")
        assert get(url).file.read_bytes() == b"another"
        assert server.answered == {("/a", 200): 2, ("/a", 304): 1}

    def test_what_has_neither_a_tag_nor_a_date_is_fetched_again(self, server, get):
        url = server.serve("/a", BODY)
        get(url)
        assert not get(url).was_kept
        assert conditions(server) == [False, False]

    @pytest.mark.parametrize("etag", ['"é"', '"' + "x" * 2000 + '"'])
    def test_a_tag_that_cannot_be_sent_back_is_none(self, server, get, etag):
        url = server.dated("/a", BODY, etag=etag)
        get(url)
        get(url)
        assert conditions(server) == [False, False]

    def test_a_server_that_fails_is_a_failure_though_there_is_a_copy(self, server, get):
        get(server.dated("/a", BODY, etag=ETAG))
        with pytest.raises(MediaError, match="503") as caught:
            get(server.status("/a", 503))
        assert caught.value.retryable

    def test_304_to_a_request_without_a_condition_is_an_error(self, server, get):
        with pytest.raises(MediaError, match="the server answered 304") as caught:
            get(server.status("/a", 304))
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.DOWNLOAD_FAILED, False)

    def test_a_server_that_always_says_304_harms_only_its_own_url_and_owner(self, server, get):
        get(server.dated("/a", BODY, etag=ETAG))
        url = server.status("/a", 304)
        assert get(url).file.read_bytes() == BODY
        with pytest.raises(MediaError, match="304"):
            get(url, BOB)
        with pytest.raises(MediaError, match="304"):
            get(server.status("/b", 304))


class TestRedirects:
    def test_the_condition_goes_to_the_address_that_gave_it_and_to_no_other(self, server, get):
        server.dated("/b", BODY, etag=ETAG)
        url = server.redirect("/a", "/b")
        get(url)
        assert get(url).was_kept
        assert conditions(server) == [False, False, False, True]

    def test_another_target_is_not_asked_whether_it_is_the_first(self, server, get):
        server.dated("/b", BODY, etag=ETAG)
        server.dated("/c", b"another", etag=ETAG)
        get(server.redirect("/a", "/b"))
        assert get(server.redirect("/a", "/c")).file.read_bytes() == b"another"

    def test_a_target_inside_is_refused_with_a_condition_as_without(self, server, get):
        get(server.dated("/a", BODY, etag=ETAG))
        with pytest.raises(MediaError) as caught:
            get(server.redirect("/a", "http://169.254.169.254/latest"))
        assert caught.value.code == ErrorCode.UNSAFE_URL

    def test_304_from_who_was_asked_no_condition_is_an_error(self, server, get):
        server.dated("/b", BODY, etag=ETAG)
        get(server.redirect("/a", "/b"))
        with pytest.raises(MediaError, match="304"):
            get(server.status("/a", 304))


class TestMisses:
    @pytest.mark.parametrize("damage", [b"", b"half", None])
    @pytest.mark.parametrize("since", [None, 0])
    def test_a_damaged_or_lost_content_is_fetched_plainly_and_heals(self, server, get, damage, since):
        url = server.dated("/a", BODY, etag=ETAG)
        get(url)
        content_file().unlink() if damage is None else content_file().write_bytes(damage)
        assert get(url, Asking("ann", since)).file.read_bytes() == BODY
        assert server.answered["/a", 200] == 2
        assert get(url).was_kept

    def test_a_content_evicted_while_its_server_is_asked_is_fetched_without_a_condition(self, server, get):
        url = server.dated("/a", BODY, etag=ETAG)
        get(url)

        def evict_first(handler):
            list(results.evict(0))
            server.dated("/a", BODY, etag=ETAG)
            handler.answer(304)

        fetched = get(server.handle("/a", evict_first))
        assert (fetched.was_kept, fetched.file.read_bytes()) == (False, BODY)
        assert conditions(server) == [False, True, False]

    @pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"sha256": "../../etc/passwd"}', b"\xff"])
    def test_a_record_that_makes_no_sense_is_a_miss_that_heals(self, server, get, record):
        url = server.dated("/a", BODY, etag=ETAG)
        results.replace(results.key("fetched", owner="ann", url=address_of(url)), record)
        assert not get(url).was_kept
        assert get(url).was_kept

    def test_a_disk_that_is_full_keeps_nothing_and_fails_nothing(self, server, get, tmp_path):
        (tmp_path / "results").write_text("no folder")
        url = server.dated("/a", BODY, etag=ETAG)
        assert [get(url).file.read_bytes() for _ in range(2)] == [BODY, BODY]
        assert conditions(server) == [False, False]

    def test_a_disk_of_the_work_that_is_full_can_be_tried_again(self, server, get, monkeypatch):
        url = server.serve("/a", BODY)
        get(url)

        def full(name, file):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(results, "take_file", full)
        with pytest.raises(MediaError, match="could not be written to disk: No space left") as caught:
            get(url, Asking("ann", 0))
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_FAILED, True)

    def test_a_failed_fetch_leaves_nothing_in_the_folder(self, server, tmp_path):
        url = server.dated("/a", BODY, etag=ETAG)
        fetch_all([wanted(url)], tmp_path / "first", local={}, asking=ANN)
        server.status("/a", 500)
        with pytest.raises(MediaError, match="500"):
            fetch_all([wanted(url)], tmp_path / "second", local={}, asking=ANN)
        assert not (tmp_path / "second").exists() or list((tmp_path / "second").iterdir()) == []


class TestWhatIsKept:
    @pytest.mark.parametrize("control", ["no-store", "private, No-Store"])
    def test_what_must_not_be_stored_is_not(self, server, get, control):
        url = server.serve("/a", BODY, etag=ETAG, cache_control=control)
        get(url)
        assert files_kept("sources") == files_kept("fetched") == []
        assert not get(url, Asking("ann", 0)).was_kept

    def test_what_was_kept_before_its_server_said_not_to_is_not_used_again(self, server, get):
        get(server.serve("/a", BODY))
        url = server.serve("/a", b"another", cache_control="no-store")
        get(url)
        assert get(url, Asking("ann", 0)).file.read_bytes() == b"another"

    def test_what_is_too_large_is_not_kept(self, server, get, monkeypatch):
        monkeypatch.setattr(kept, "MOST_BYTES", len(BODY) - 1)
        get(server.serve("/a", BODY))
        get(server.serve("/b", BODY[:-1]))
        assert len(files_kept("sources")) == len(files_kept("fetched")) == 1

    def test_nothing_is_kept_for_nobody_or_taken_by_him(self, server, get):
        url = server.dated("/a", BODY, etag=ETAG)
        get(url, Asking())
        assert files_kept("") == []
        get(url, ANN)
        assert not get(url, Asking(since=0)).was_kept

    def test_another_owner_asks_for_himself_and_the_content_is_kept_once(self, server, get):
        url = server.dated("/a", BODY, etag=ETAG)
        get(url)
        assert not get(url, Asking("bob", 0)).was_kept
        assert conditions(server) == [False, False]
        assert (len(files_kept("fetched")), len(files_kept("sources"))) == (2, 1)

    def test_no_url_stands_in_what_is_kept(self, server, get):
        server.dated("/b", BODY, etag=ETAG)
        get(server.redirect("/a", "/b?signature=secret") + "?token=secret")
        (record,) = files_kept("fetched")
        assert b"secret" not in record.read_bytes()


class TestCacheFalse:
    def test_it_is_fetched_plainly_and_kept_for_others(self, server, get):
        url = server.dated("/a", BODY, etag=ETAG)
        get(url)
        assert not get(url, Asking("ann", 0), cache=False).was_kept
        assert conditions(server) == [False, False]
        other = server.dated("/b", b"another", etag=ETAG)
        get(other, cache=False)
        assert get(other).was_kept

    def test_one_false_makes_it_false_for_that_source(self, server, get, tmp_path):
        first, second = server.serve("/a", BODY), server.serve("/b", b"another")
        get(first), get(second)
        named = [wanted(first + "#1"), wanted(first, cache=False), wanted(second)]
        fetched = fetch_all(named, new_folder(tmp_path), local={}, asking=Asking("ann", 0))
        assert [each.was_kept for each in fetched.values()] == [False, False, True]
        assert server.hits == {"/a": 2, "/b": 1}

    @pytest.mark.parametrize("where", ["film", "scene", "element", "nowhere"])
    def test_it_is_said_on_a_film_a_scene_or_an_element(self, where):
        element = {"type": "image", "src": "https://example.com/a.png"}
        scene = {"duration": 1, "elements": [element, element | {"src": "https://example.com/b.png"}]}
        film = {"scenes": [scene, {**scene}], "elements": [element]}
        {"film": film, "scene": scene, "element": element, "nowhere": {}}[where]["cache"] = False
        named = [each.cache for each in pipeline.wanted(read(film))]
        expected = {
            "film": [False] * 5,
            "scene": [False, False, True, True, True],
            "element": [False, True, False, True, False],
            "nowhere": [True] * 5,
        }
        assert named == expected[where]


class TestAtOnce:
    def test_two_jobs_that_fetch_the_same_corrupt_nothing(self, server, get):
        meeting = threading.Barrier(4)

        def answer(handler):
            meeting.wait(timeout=10)
            handler.answer(200, BODY, etag=ETAG)

        url = server.handle("/a", answer)
        with ThreadPoolExecutor(4) as pool:
            assert {each.file.read_bytes() for each in pool.map(get, [url] * 4)} == {BODY}
        assert get(url, Asking("ann", 0)).file.read_bytes() == BODY
        assert (len(files_kept("fetched")), len(files_kept("sources"))) == (1, 1)

    def test_one_content_under_many_urls_is_taken_whole_by_all(self, server, get, tmp_path):
        urls = [server.serve(f"/{number}", BODY) for number in range(8)]
        for url in urls:
            get(url)
        folder = new_folder(tmp_path)
        fetched = fetch_all([wanted(url) for url in urls], folder, local={}, asking=Asking("ann", 0))
        assert {each.file for each in fetched.values()} == {folder / hashlib.sha256(BODY).hexdigest()}
        assert [file.read_bytes() for file in folder.iterdir()] == [BODY]


class TestProbes:
    @pytest.fixture
    def probed(self, monkeypatch):
        """Return the kinds that were probed for, so far."""
        kinds = []

        def counted(file, *, kind, tick):
            kinds.append(kind)
            return probe(file, kind=kind, tick=tick)

        monkeypatch.setattr(sources, "probe", counted)
        return kinds

    @pytest.fixture
    def understand(self, tmp_path):
        def understand(file, kind, asking=ANN, *, cache=True, **options):
            named = [Wanted("asset:1", kind, "/", cache)]
            fetched = fetch_all(named, tmp_path / "unused", local={"asset:1": file}, asking=asking)
            return probe_all(named, fetched, asking=asking, **options)["asset:1", kind].probe

        return understand

    def test_a_content_is_probed_once_for_each_kind_whoever_asks(self, understand, probed):
        file = media.video()
        first = [understand(file, kind) for kind in (MediaKind.VIDEO, MediaKind.AUDIO)]
        again = [understand(file, kind, BOB) for kind in (MediaKind.VIDEO, MediaKind.AUDIO)]
        assert again == first
        assert probed == [MediaKind.VIDEO, MediaKind.AUDIO]

    def test_a_source_whose_probe_is_kept_is_not_opened(self, understand, monkeypatch):
        files = [(media.video(), MediaKind.VIDEO), (media.picture(), MediaKind.IMAGE)]
        found = [understand(*each) for each in files]
        monkeypatch.setattr("av.open", None)
        monkeypatch.setattr("PIL.Image.open", None)
        monkeypatch.setattr("media_services.process.run", None)
        assert [understand(*each) for each in files] == found

    def test_every_fact_of_a_probe_is_kept(self):
        found = Probe(
            MediaKind.VIDEO, "mov", 1234, 64, 48, 90, 30000 / 1001, 37, True, False, True,
            Colour("bt709", None, "smpte2084"), True, 48000, 2, "h264", "aac",
        )  # fmt: skip
        assert all(value != getattr(Probe(MediaKind.IMAGE, "", 0), name) for name, value in vars(found).items())
        Shelf(ANN).keep_probe("0" * 64, MediaKind.VIDEO, found)
        assert Shelf(BOB).find_probe("0" * 64, MediaKind.VIDEO) == found

    def test_cache_false_probes_anew(self, understand, probed):
        for cache in (True, False, True):
            understand(media.picture(), MediaKind.IMAGE, cache=cache)
        assert len(probed) == 2

    def test_nothing_is_kept_for_nobody(self, understand, probed):
        understand(media.picture(), MediaKind.IMAGE, Asking())
        understand(media.picture(), MediaKind.IMAGE, Asking())
        assert len(probed) == 2
        assert files_kept("probes") == []

    @pytest.mark.parametrize("content", [b"", b"[]", b'{"kind": "smell", "format": "x", "duration_ms": 0}'])
    def test_a_kept_probe_that_makes_no_sense_is_a_miss_that_heals(self, understand, probed, content):
        understand(media.picture(), MediaKind.IMAGE)
        (file,) = files_kept("probes")
        file.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        understand(media.picture(), MediaKind.IMAGE)
        understand(media.picture(), MediaKind.IMAGE)
        assert len(probed) == 2

    def test_another_limit_of_pixels_makes_another_probe(self, understand, settings):
        understand(media.picture(), MediaKind.IMAGE)
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"image_max_pixels": 100})
        with pytest.raises(MediaError, match="more than the allowed 100 pixels"):
            understand(media.picture(), MediaKind.IMAGE)

    def test_other_code_makes_another_probe(self, understand, probed, monkeypatch):
        understand(media.picture(), MediaKind.IMAGE)
        monkeypatch.setattr(kept, "prober", lambda: "another")
        understand(media.picture(), MediaKind.IMAGE)
        assert len(probed) == 2

    def test_all_code_that_finds_out_about_a_source_counts_as_its_prober(self):
        """Of what `probe` imports, only these can change nothing that it finds."""
        around = {"errors.py", "fonts/__init__.py", "fonts/choice.py", "fonts/configuration.py"}
        root = Path(kept.__file__).parent
        covered = {file for pattern in kept._CODE for file in root.glob(pattern)}
        assert imported_by(root, root / "probe.py") - covered == {root / name for name in around}

    def test_a_source_that_is_not_understood_is_asked_for_anew(self, server, get, tmp_path):
        """A server that cut it off where nobody could see would say for ever that it has not changed."""
        whole = media.picture().read_bytes()
        urls = [server.dated(path, whole[:60], etag=ETAG) for path in ("/a.png", "/b.png")]
        named = [wanted(url) for url in urls]
        with pytest.raises(MediaError, match="damaged or cut off"):
            probe_all(named, fetch_all(named, new_folder(tmp_path), local={}, asking=ANN), asking=ANN)
        assert files_kept("probes") == files_kept("fetched") == []
        assert [get(server.dated(path, whole, etag=ETAG)).was_kept for path in ("/a.png", "/b.png")] == [False, False]


class TestJournal:
    def test_each_source_is_told_of_with_what_came_of_it(self, server, tmp_path):
        same = server.dated("/same.png", media.picture(), etag=ETAG)
        new = server.serve("/new.png", media.picture(color="blue"))

        def told(urls):
            named, steps = [wanted(url) for url in urls], []
            options = {"asking": ANN, "journal": steps.append}
            local = {"asset:1": media.picture(color="lime")}
            fetched = fetch_all(named, new_folder(tmp_path), local=local, **options)
            probe_all(named, fetched, **options)
            assert all(step.began_at <= step.ended_at for step in steps)
            assert all((step.task == Task.FETCH) == (step.size_bytes is not None) for step in steps)
            return {(step.task, step.what, step.outcome) for step in steps}

        told([same, "asset:1"])
        assert told([same + "?token=secret", "asset:1", new]) == {
            (Task.FETCH, server.url("/same.png?…"), Outcome.MADE),
            (Task.FETCH, new, Outcome.MADE),
            (Task.PROBE, server.url("/same.png?…"), Outcome.KEPT),
            (Task.PROBE, "asset:1", Outcome.KEPT),
            (Task.PROBE, new, Outcome.MADE),
        }
        assert (Task.FETCH, same, Outcome.KEPT) in told([same])

    def test_what_was_fetched_is_told_with_its_size(self, server, tmp_path):
        steps = []
        url = server.serve("/a.png", media.picture())
        fetch_all([wanted(url)], new_folder(tmp_path), local={}, asking=ANN, journal=steps.append)
        assert [step.size_bytes for step in steps] == [media.picture().stat().st_size]

    def test_a_plan_tells_it_on(self, server, tmp_path):
        image = {"type": "image", "src": server.dated("/a.png", media.picture(), etag=ETAG)}
        movie = read({"scenes": [{"duration": 1, "elements": [image]}]})
        told = Counter()

        def plan():
            steps = []
            options = {"local": {}, "asking": ANN, "journal": steps.append}
            pipeline.plan(movie, new_folder(tmp_path), lambda stage, fraction: None, **options)
            told.update((step.task, step.outcome) for step in steps)

        plan()
        plan()
        assert told == {(task, outcome): 1 for task in (Task.FETCH, Task.PROBE) for outcome in ("made", "kept")}


class TestProgress:
    def test_kept_sources_count_as_done(self, server, get, tmp_path):
        heard = []
        large = server.serve("/a", bytes(1_000_000))
        get(large)
        slow = server.slow("/b", bytes(1000), pause_s=0.25, chunk_bytes=250)
        named = [wanted(large), wanted(slow)]
        fetch_all(named, new_folder(tmp_path), local={}, asking=Asking("ann", 0), report=heard.append)
        assert heard == sorted(heard)
        assert heard[-1] == 1.0
        assert next(fraction for fraction in heard if fraction) > 0.4


def test_a_record_says_what_is_told_of_it(server, get):
    before = time.time()
    url = server.dated("/a", BODY, etag=ETAG, content_type="image/png", last_modified="Wed, 21 Oct 2026 07:28:00 GMT")
    get(url)
    found = asdict(Shelf(ANN).find(address_of(url)))
    assert before <= found.pop("asked_at") <= time.time()
    assert found == {
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "size_bytes": len(BODY),
        "content_type": "image/png",
        "etag": ETAG,
        "last_modified": "Wed, 21 Oct 2026 07:28:00 GMT",
        "place": hashlib.sha256(url.encode()).hexdigest(),
    }
    stored = results.take(results.key("fetched", owner="ann", url=url))
    assert json.loads(stored)["sha256"] == found["sha256"]
    assert content_file().relative_to(storages["results"].path("")).parts[:2] == ("sources", found["sha256"][:2])
    assert os.path.basename(content_file()) == found["sha256"]
