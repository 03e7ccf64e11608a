"""Sources of a document: once each, side by side, with progress, and the right element blamed."""

import threading
import time

import pytest

from media_services import retry
from media_services.errors import ErrorCode, MediaError
from media_services.fetch import Fetched
from media_services.media import MediaKind
from media_services.probe import probe
from media_services.sources import Wanted, fetch_all, probe_all
from tests import media


@pytest.fixture(autouse=True)
def local_servers_allowed(settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.1"], "fetch_concurrency": 4})


def image(src, path="/0/elements/0/src"):
    return Wanted(src, MediaKind.IMAGE, path)


def gather(wanted, folder, local=None):
    return probe_all(wanted, fetch_all(wanted, folder, local=local or {}))


def left_in(folder):
    return [file.name for file in folder.iterdir()] if folder.exists() else []


class TestGathering:
    def test_every_source_is_understood_under_its_name_and_kind(self, server, folder):
        picture = server.serve("/a.png", media.picture())
        video = server.serve("/b", media.video())
        wanted = [image(picture), Wanted(video, MediaKind.VIDEO, "/1"), Wanted(video, MediaKind.AUDIO, "/2")]
        sources = gather(wanted, folder)
        assert list(sources) == [(picture, MediaKind.IMAGE), (video, MediaKind.VIDEO), (video, MediaKind.AUDIO)]
        assert [source.probe.kind for source in sources.values()] == [MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO]
        source = sources[picture, MediaKind.IMAGE]
        assert (source.src, source.file.read_bytes()) == (picture, media.picture().read_bytes())
        assert source.size_bytes == len(source.file.read_bytes())

    def test_a_source_named_often_is_fetched_and_kept_once(self, server, folder):
        url = server.slow("/a.png", media.picture().read_bytes(), delay_s=0.2, pause_s=0, chunk_bytes=10_000)
        gather([image(url, f"/{number}") for number in range(10)], folder)
        assert server.hits["/a.png"] == 1
        assert len(left_in(folder)) == 1

    def test_the_same_content_is_probed_once_for_each_kind(self, server, folder, monkeypatch):
        asked = []

        def counted(file, *, kind, tick):
            asked.append(kind)
            return probe(file, kind=kind, tick=tick)

        monkeypatch.setattr("media_services.sources.probe", counted)
        urls = [server.serve(f"/{number}", media.video()) for number in range(3)]
        gather([Wanted(url, kind, "/") for url in urls for kind in (MediaKind.VIDEO, MediaKind.AUDIO)], folder)
        assert sorted(asked) == [MediaKind.AUDIO, MediaKind.VIDEO]

    def test_sources_are_fetched_side_by_side(self, server, folder):
        """Each answer waits until all four requests are there."""
        meeting = threading.Barrier(4)

        def answer(handler):
            meeting.wait(timeout=10)
            handler.answer(200, handler.path.encode())

        fetch_all([image(server.handle(f"/{number}", answer)) for number in range(4)], folder, local={})
        assert not meeting.broken

    def test_local_files_are_used_where_they_are(self, folder):
        sources = gather([image("asset:1")], folder, local={"asset:1": media.picture()})
        assert sources["asset:1", MediaKind.IMAGE].file == media.picture()
        assert left_in(folder) == []

    def test_a_document_without_sources_is_done_at_once(self, folder):
        heard = []
        assert fetch_all([], folder, local={}, report=heard.append) == {}
        assert heard == [1.0]


class TestFailures:
    def test_a_missing_source_is_blamed_on_its_first_element(self, server, folder):
        url = server.url("/missing.png")
        with pytest.raises(MediaError) as caught:
            gather([image(server.serve("/a", b"")), image(url, "/0/elements/1/src"), image(url, "/9")], folder)
        assert (caught.value.code, caught.value.path) == (ErrorCode.DOWNLOAD_FAILED, "/0/elements/1/src")
        assert url in caught.value.message
        assert "404" in caught.value.message

    def test_a_web_page_is_named_with_its_address(self, server, folder):
        url = server.serve("/a.mp4", b"<!doctype html><html>Sign in</html>", content_type="video/mp4")
        with pytest.raises(MediaError) as caught:
            gather([Wanted(url, MediaKind.VIDEO, "/0/scenes/0/elements/0/src")], folder)
        assert caught.value.message == f"{url}: the file is a web page (HTML), not a video"
        assert caught.value.path == "/0/scenes/0/elements/0/src"

    def test_the_first_failure_in_the_document_is_told(self, server, folder):
        files = {number: media.written(f"text {number}") for number in range(3)}
        fetched = {str(number): Fetched(file, str(number), 6) for number, file in files.items()}
        with pytest.raises(MediaError) as caught:
            probe_all([image(src, f"/{src}") for src in fetched], fetched)
        assert caught.value.path == "/0"

    @pytest.mark.parametrize("src", ["asset:unknown", "file:///etc/passwd", "/etc/passwd", "../secret.png", ""])
    def test_what_is_neither_web_nor_known_is_refused(self, folder, src):
        with pytest.raises(MediaError) as caught:
            gather([image(src)], folder)
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.UNSAFE_URL, False)

    def test_a_local_file_that_is_gone_is_named(self, folder, tmp_path):
        with pytest.raises(MediaError, match="asset:1 could not be read: No such file"):
            gather([image("asset:1")], folder, local={"asset:1": tmp_path / "gone"})

    @pytest.mark.timeout(30)
    def test_a_failure_stops_the_others_at_once_and_leaves_nothing_half_done(self, server, folder):
        slow = [image(server.slow(f"/{number}", bytes(1000), pause_s=0.1), f"/{number}") for number in range(6)]
        started = time.monotonic()
        with pytest.raises(MediaError, match="404"):
            fetch_all([*slow, image(server.url("/missing"), "/6")][::-1], folder, local={})
        assert time.monotonic() - started < 3
        assert left_in(folder) == []


class TestProgress:
    def test_it_rises_by_bytes_to_one_in_the_calling_thread(self, server, folder):
        heard = []
        urls = [server.slow(f"/{number}", bytes(40), pause_s=0.03) for number in range(2)]
        fetch_all(
            [image(url) for url in urls],
            folder,
            local={},
            report=lambda fraction: heard.append((fraction, threading.current_thread())),
        )
        fractions = [fraction for fraction, _ in heard]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        assert len([fraction for fraction in fractions if 0 < fraction < 1]) >= 3
        assert {thread for _, thread in heard} == {threading.current_thread()}

    @pytest.mark.timeout(30)
    def test_a_report_that_raises_stops_all_threads_promptly(self, server, folder):
        class Cancelled(Exception):
            pass

        def report(fraction):
            raise Cancelled

        wanted = [image(server.slow(f"/{number}", bytes(9), delay_s=20)) for number in range(6)]
        started = time.monotonic()
        with pytest.raises(Cancelled):
            fetch_all(wanted, folder, local={}, report=report)
        assert time.monotonic() - started < 3
        assert not [each for each in threading.enumerate() if each.name.startswith("sources")]
        assert left_in(folder) == []

    def test_it_rises_with_every_piece_of_a_source_of_unknown_length(self, server, folder):
        heard = []

        def pour(handler):
            handler.start()
            for _ in range(5):
                handler.wfile.write(bytes(100_000))
                handler.pause(0.21)

        fetch_all([image(server.handle("/a", pour))], folder, local={}, report=heard.append)
        assert heard == sorted(heard)
        on_the_way = {fraction for fraction in heard if 0 < fraction < 1}
        assert len(on_the_way) >= 4
        assert 0.05 < max(on_the_way) < 0.5

    @pytest.mark.parametrize("stated", [{}, {"content_length": "1000000"}])
    def test_it_stands_still_while_a_server_sends_nothing(self, server, folder, stated):
        class Stop(Exception):
            pass

        heard = []

        def begin(handler):
            handler.answer(200, bytes(1000), **stated) if stated else handler.start()
            handler.wfile.write(bytes(1000))
            handler.pause(30)

        def report(fraction):
            heard.append(fraction)
            if len(heard) == 8:
                raise Stop

        with pytest.raises(Stop):
            fetch_all([image(server.handle("/a", begin))], folder, local={}, report=report)
        assert 0 < heard[-1] < 1
        assert len(set(heard[-4:])) == 1

    def test_it_goes_on_rising_when_a_source_turns_out_much_larger_than_another(self, server, folder, monkeypatch):
        monkeypatch.setattr(retry, "ATTEMPTS", 1)
        heard = []

        def a_third(handler):
            handler.pause(0.3)
            handler.answer(200, content_length="1000000")
            for _ in range(6):
                handler.wfile.write(bytes(50_000))
                handler.pause(0.21)

        wanted = [image("small"), image(server.handle("/large", a_third))]
        with pytest.raises(MediaError):
            fetch_all(wanted, folder, local={"small": media.picture()}, report=heard.append)
        assert heard == sorted(heard)
        assert len(set(heard)) >= 6

    def test_probing_reports_bytes_on_the_way(self, folder, monkeypatch):
        def slowly(file, *, kind, tick):
            return probe(file, kind=kind, tick=lambda read_bytes: (tick(read_bytes), time.sleep(0.004)))

        monkeypatch.setattr("media_services.sources.probe", slowly)
        heard = []
        fetched = fetch_all([Wanted("a", MediaKind.VIDEO, "/")], folder, local={"a": media.video()})
        probe_all([Wanted("a", MediaKind.VIDEO, "/")], fetched, report=heard.append)
        assert heard == sorted(heard)
        assert len({fraction for fraction in heard if 0 < fraction < 1}) >= 3

    def test_probing_reports_up_to_one(self, folder):
        heard = []
        wanted = [image("a"), Wanted("b", MediaKind.VIDEO, "/1")]
        fetched = fetch_all(wanted, folder, local={"a": media.picture(), "b": media.video()})
        probe_all(wanted, fetched, report=heard.append)
        assert heard == sorted(heard)
        assert heard[-1] == 1.0
