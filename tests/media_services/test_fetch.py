"""Fetching over real connections: once, capped, in time, and from nowhere it should not."""

import hashlib
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from media_services import retry
from media_services.addresses import HostList, Reach
from media_services.errors import ErrorCode, MediaError
from media_services.fetch import Fetcher
from media_services.link import direct_url, shown_url
from tests.web import LocalServer

BODY = b"some bytes of media " * 1000


def opened(*entries):
    return Reach(HostList.parse(entries))


LOCAL = opened("127.0.0.0/8")


@pytest.fixture
def fetcher(folder):
    return Fetcher(folder, reach=LOCAL, max_bytes=1_000_000, timeout_s=20)


def failure(fetcher, url, code=ErrorCode.DOWNLOAD_FAILED):
    with pytest.raises(MediaError) as caught:
        fetcher.fetch(url)
    assert caught.value.code == code, caught.value.message
    assert left_in(fetcher.folder) == []
    return caught.value


def left_in(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


def resolve_to(monkeypatch, *answers):
    """Let every look-up of a name answer the next of these addresses, the last one for ever."""
    real, left = socket.getaddrinfo, list(answers)

    def look_up(host, port, *args, **kwargs):
        address = left.pop(0) if len(left) > 1 else left[0]
        return real(address, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return left


class TestOnce:
    def test_a_file_is_stored_under_the_hash_of_its_content(self, server, fetcher):
        fetched = fetcher.fetch(server.serve("/a.mp4", BODY, content_type="video/mp4"))
        assert fetched.file.read_bytes() == BODY
        assert fetched.file.name == fetched.sha256 == hashlib.sha256(BODY).hexdigest()
        assert (fetched.size_bytes, fetched.content_type) == (len(BODY), "video/mp4")
        assert left_in(fetcher.folder) == [fetched.file]

    def test_a_url_is_fetched_once(self, server, fetcher):
        url = server.serve("/a", BODY)
        assert fetcher.fetch(url) == fetcher.fetch(url + "#t=5")
        assert server.hits["/a"] == 1

    def test_a_url_asked_for_by_many_threads_at_once_is_fetched_once(self, server, fetcher):
        url = server.slow("/a", BODY, delay_s=0.3, pause_s=0, chunk_bytes=5000)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(fetcher.fetch, [url] * 8))
        assert len(set(answers)) == 1
        assert server.hits["/a"] == 1

    def test_the_same_bytes_from_two_urls_are_one_file(self, server, fetcher):
        first, second = fetcher.fetch(server.serve("/a", BODY)), fetcher.fetch(server.serve("/b", BODY))
        assert first.file == second.file
        assert left_in(fetcher.folder) == [first.file]

    def test_a_failed_url_is_fetched_anew(self, server, fetcher):
        failure(fetcher, server.status("/a", 503))
        assert fetcher.fetch(server.serve("/a", BODY)).size_bytes == len(BODY)

    def test_a_failure_reaches_all_who_wait_for_it(self, server, fetcher):
        def fail_late(handler):
            handler.pause(0.5)
            handler.answer(404)

        url = server.handle("/a", fail_late)
        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(fetcher.fetch, url) for _ in range(4)]
        assert all("404" in future.exception().message for future in futures)
        assert server.hits["/a"] == 1

    def test_one_who_waits_goes_on_when_the_one_who_fetches_is_stopped(self, server, fetcher):
        url = server.slow("/a", BODY, delay_s=0.5, pause_s=0, chunk_bytes=len(BODY))
        stop = threading.Event()

        def tick(received_bytes, total_bytes):
            if stop.is_set():
                raise KeyboardInterrupt

        with ThreadPoolExecutor(2) as pool:
            stopped = pool.submit(fetcher.fetch, url, tick)
            while not server.hits["/a"]:
                time.sleep(0.01)
            waiting = pool.submit(fetcher.fetch, url)
            stop.set()
            assert isinstance(stopped.exception(), KeyboardInterrupt)
            assert waiting.result().size_bytes == len(BODY)


class TestSize:
    def test_an_announced_size_is_refused_before_the_body(self, server, fetcher):
        error = failure(fetcher, server.status("/a", 200, content_length="1000001"))
        assert "larger than the allowed 0.9537 MiB" in error.message
        assert not error.retryable

    def test_a_body_without_a_length_is_cut_off_at_the_cap(self, server, fetcher):
        error = failure(fetcher, server.endless("/a"))
        assert "larger than the allowed" in error.message

    def test_nothing_compressed_is_asked_for(self, server, fetcher):
        fetcher.fetch(server.serve("/a", BODY))
        assert server.requests[0].headers["accept-encoding"] == "identity"


class TestTime:
    @pytest.mark.timeout(20)
    def test_a_drip_does_not_outlive_the_total_deadline(self, server, folder):
        fetcher = Fetcher(folder, reach=LOCAL, timeout_s=1)
        started = time.monotonic()
        error = failure(fetcher, server.slow("/a", BODY, pause_s=0.05))
        assert time.monotonic() - started < 3
        assert error.retryable
        assert "not finished after 1 s" in error.message

    @pytest.mark.timeout(20)
    def test_a_dripping_head_does_not_outlive_it_either(self, server, folder):
        def drip(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while handler.pause(0.05):
                handler.wfile.write(b"X-Drip: 1\r\n")

        error = failure(Fetcher(folder, reach=LOCAL, timeout_s=1), server.handle("/a", drip))
        assert "not finished after 1 s" in error.message

    @pytest.mark.timeout(20)
    def test_silence_does_not_outlive_it_either(self, server, folder):
        error = failure(Fetcher(folder, reach=LOCAL, timeout_s=1), server.slow("/a", BODY, delay_s=15))
        assert error.retryable

    @pytest.mark.timeout(20)
    def test_a_host_that_swallows_connections_does_not_outlive_it_either(self, folder):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.create_connection(deaf.getsockname()):
            fetcher = Fetcher(folder, reach=LOCAL, timeout_s=1)
            error = failure(fetcher, f"http://127.0.0.1:{deaf.getsockname()[1]}/a")
        assert "not finished after 1 s" in error.message

    def test_a_tick_hears_the_bytes_and_may_stop_the_fetch(self, server, fetcher):
        heard = []

        def tick(received_bytes, total_bytes):
            heard.append((received_bytes, total_bytes))
            if received_bytes > 2000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetcher.fetch(server.slow("/a", BODY, pause_s=0.01, chunk_bytes=1000), tick)
        assert heard[-1][1] == len(BODY)
        assert left_in(fetcher.folder) == []


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "retryable"),
        [(404, False), (403, False), (410, False), (204, False), (408, True), (429, True), (500, True), (503, True)],
    )
    def test_the_status_is_quoted_and_says_whether_to_try_again(self, server, fetcher, status, retryable):
        error = failure(fetcher, server.status("/a.mp4", status) + "?token=secret")
        assert f"/a.mp4?… could not be fetched: the server answered {status}" in error.message
        assert "secret" not in error.message
        assert error.retryable is retryable

    @pytest.mark.parametrize("after", [b"", BODY[:100]])
    def test_a_reset_can_be_tried_again(self, server, fetcher, after):
        assert failure(fetcher, server.reset("/a", after=after)).retryable

    def test_a_body_shorter_than_announced_can_be_tried_again(self, server, fetcher):
        assert failure(fetcher, server.truncated("/a", BODY, sent_bytes=5000)).retryable

    def test_a_closed_port_can_be_tried_again(self, fetcher):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            assert failure(fetcher, f"http://127.0.0.1:{unused.getsockname()[1]}/a").retryable

    def test_an_unknown_host_is_named(self, fetcher):
        assert "nowhere.invalid cannot be resolved" in failure(fetcher, "http://nowhere.invalid/a").message

    def test_a_folder_that_cannot_be_written_is_not_the_servers_fault(self, server, fetcher):
        fetcher.folder = Path("/dev/null/sources")
        with pytest.raises(MediaError) as caught:
            fetcher.fetch(server.serve("/a", BODY))
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_FAILED, True)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_followed(self, server, fetcher, status):
        server.serve("/b", BODY)
        assert fetcher.fetch(server.redirect("/a", "/b", status)).size_bytes == len(BODY)

    def test_five_redirects_are_followed_and_six_are_not(self, server, fetcher):
        server.serve("/0", BODY)
        for number in range(1, 7):
            server.redirect(f"/{number}", f"/{number - 1}")
        assert "redirects more than 5 times" in failure(fetcher, server.url("/6")).message
        assert fetcher.fetch(server.url("/5")).size_bytes == len(BODY)

    def test_a_loop_ends(self, server, fetcher):
        error = failure(fetcher, server.redirect("/a", "/a"))
        assert server.hits["/a"] == 6
        assert not error.retryable

    @pytest.mark.parametrize(
        "target", ["http://127.0.0.2:{port}/b", "http://169.254.169.254/latest/meta-data", "http://[::1]:{port}/b"]
    )
    def test_a_redirect_to_a_private_address_is_refused(self, server, folder, target):
        fetcher = Fetcher(folder, reach=opened(f"127.0.0.1:{server.port}"))
        server.serve("/b", BODY)
        error = failure(fetcher, server.redirect("/a", target.format(port=server.port)), ErrorCode.UNSAFE_URL)
        assert f"{server.url('/a')} (redirected to http://" in error.message
        assert server.hits["/b"] == 0

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/", "data:,x"])
    def test_a_redirect_to_another_scheme_is_refused(self, server, fetcher, target):
        error = failure(fetcher, server.redirect("/a", target), ErrorCode.UNSAFE_URL)
        assert "only http and https" in error.message

    def test_cookies_are_not_carried_on(self, server, fetcher):
        server.serve("/b", BODY)
        fetcher.fetch(server.status("/a", 302, location="/b", set_cookie="session=1; Path=/"))
        assert "cookie" not in server.requests[-1].headers


class TestAddresses:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "0", "0.0.0.0",
            "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
            "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[fe80::1]",
            "[fc00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "10.0.0.1", "172.16.0.1", "192.168.1.1",
            "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.88.99.1", "198.18.0.1", "224.0.0.1",
            "240.0.0.1", "255.255.255.255", "168.63.129.16", "127。0。0。1",
        ],
    )  # fmt: skip
    def test_an_address_inside_is_refused_however_it_is_written(self, server, folder, host):
        error = failure(Fetcher(folder), f"http://{host}:{server.port}/a", ErrorCode.UNSAFE_URL)
        assert "is refused: " in error.message
        assert not error.retryable
        assert server.requests == []

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/a", "/etc/passwd", "http://", "http://a:0/",
                                     "http://a:99999/", "http://user:word@example.com/a"])  # fmt: skip
    def test_what_is_no_plain_web_address_is_refused(self, folder, url):
        error = failure(Fetcher(folder), url, ErrorCode.UNSAFE_URL)
        assert "user:word" not in error.message

    def test_a_name_that_leads_inside_is_refused(self, server, folder, monkeypatch):
        resolve_to(monkeypatch, "127.0.0.1")
        error = failure(Fetcher(folder), server.url("/a", host="media.example"), ErrorCode.UNSAFE_URL)
        assert "media.example is a loopback address (127.0.0.1)" in error.message
        assert "VIDEOCRAFT_FETCH_ALLOW" in error.message

    def test_a_name_that_answers_differently_the_second_time_gains_nothing(self, server, folder, monkeypatch):
        """The first answer is allowed, the second would lead to the server; only the first is ever connected to."""
        monkeypatch.setattr(retry, "ATTEMPTS", 1)
        left = resolve_to(monkeypatch, "127.0.0.9", "127.0.0.1")
        server.serve("/a", BODY)
        fetcher = Fetcher(folder, reach=opened("127.0.0.9"))
        failure(fetcher, server.url("/a", host="media.example"))
        assert server.requests == []
        assert left == ["127.0.0.1"]

    def test_a_name_that_answers_differently_at_the_next_attempt_is_checked_again(self, server, folder, monkeypatch):
        resolve_to(monkeypatch, "127.0.0.9", "127.0.0.1")
        fetcher = Fetcher(folder, reach=opened("127.0.0.9"))
        error = failure(fetcher, server.url("/a", host="media.example"), ErrorCode.UNSAFE_URL)
        assert "loopback" in error.message
        assert server.requests == []

    def test_the_address_that_was_checked_is_the_one_connected_to(self, server, folder, monkeypatch):
        resolve_to(monkeypatch, "127.0.0.1", "169.254.169.254")
        url = server.url("/a", host="media.example")
        server.serve("/a", BODY)
        assert Fetcher(folder, reach=LOCAL).fetch(url).size_bytes == len(BODY)
        assert server.requests[0].headers["host"] == f"media.example:{server.port}"

    def test_of_several_addresses_only_the_allowed_are_used(self, server, folder, monkeypatch):
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in ("127.0.0.1", "127.0.0.9")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)
        failure(Fetcher(folder, reach=opened("127.0.0.9")), server.url("/a", host="media.example"))
        assert server.requests == []

    def test_the_proxy_of_the_environment_is_ignored(self, server, fetcher, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert fetcher.fetch(server.serve("/a", BODY)).size_bytes == len(BODY)


class TestAllowList:
    @pytest.mark.parametrize(
        "entry",
        ["127.0.0.1", "127.0.0.0/8", "127.0.0.1:{port}", "127.0.0.0/8:{port}", "localhost", "localhost:{port}",
         "LOCALHOST"],
    )  # fmt: skip
    def test_an_entry_opens_what_it_names(self, server, folder, entry):
        fetcher = Fetcher(folder, reach=opened(entry.format(port=server.port)))
        server.serve("/a", BODY)
        assert fetcher.fetch(server.url("/a", host="localhost")).size_bytes == len(BODY)

    def test_an_ipv4_address_written_as_ipv6_is_the_same_address(self, server, fetcher):
        server.serve("/a", BODY)
        assert fetcher.fetch(server.url("/a", host="[::ffff:127.0.0.1]")).size_bytes == len(BODY)

    @pytest.mark.parametrize("entry", ["127.0.0.2", "10.0.0.0/8", "127.0.0.1:1", "localhost:1", ".localhost", "host"])
    def test_an_entry_opens_nothing_else(self, server, folder, entry):
        url = server.url("/a", host="localhost")
        failure(Fetcher(folder, reach=opened(entry)), url, ErrorCode.UNSAFE_URL)

    def test_a_domain_opens_the_names_under_it(self, server, folder, monkeypatch):
        resolve_to(monkeypatch, "127.0.0.1")
        server.serve("/a", BODY)
        fetcher = Fetcher(folder, reach=opened(".media.example"))
        assert fetcher.fetch(server.url("/a", host="cdn.media.example")).size_bytes == len(BODY)
        with pytest.raises(MediaError, match=r"evilmedia\.example is a loopback address"):
            fetcher.fetch(server.url("/a", host="evilmedia.example"))

    def test_an_ipv6_entry_may_have_a_port(self):
        allow = HostList.parse(["[::1]:80", "fd00::/8"])
        assert [each.port for each in allow.entries] == [80, None]

    @pytest.mark.parametrize("entry", ["10.0.0.0/33", "*.example", "http://example", "", "a b"])
    def test_nonsense_is_refused_loudly(self, entry):
        with pytest.raises(ValueError, match="is not a host"):
            HostList.parse([entry])

    def test_the_setting_is_what_counts_by_default(self, server, folder, settings):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.1"]})
        assert Fetcher(folder).fetch(server.serve("/a", BODY)).size_bytes == len(BODY)


class TestTls:
    @pytest.fixture
    def secure(self):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(Path(__file__).with_name("media.test.pem"))
        with LocalServer(tls) as server:
            yield server

    @pytest.fixture
    def trusting(self, folder, monkeypatch):
        resolve_to(monkeypatch, "127.0.0.1")
        context = ssl.create_default_context(cafile=Path(__file__).with_name("media.test.pem"))
        return Fetcher(folder, reach=LOCAL, ssl_context=context, timeout_s=10)

    def test_a_trusted_server_of_that_name_is_fetched_from(self, secure, trusting):
        secure.serve("/a", BODY)
        assert trusting.fetch(secure.url("/a", host="media.test")).size_bytes == len(BODY)

    def test_a_certificate_for_another_name_is_refused(self, secure, trusting):
        error = failure(trusting, secure.url("/a", host="other.test"))
        assert "certificate" in error.message
        assert not error.retryable

    def test_a_certificate_nobody_vouches_for_is_refused(self, secure, folder):
        assert "certificate" in failure(Fetcher(folder, reach=LOCAL), secure.url("/a")).message
        assert secure.requests == []

    def test_a_drip_over_tls_ends_in_time(self, secure, trusting):
        secure.slow("/a", BODY, pause_s=0.05)
        trusting.timeout_s = 1
        assert failure(trusting, secure.url("/a", host="media.test")).retryable


@pytest.mark.parametrize(
    ("shared", "direct"),
    [
        ("https://drive.google.com/file/d/1aB-c_9/view?usp=sharing",
         "https://drive.usercontent.google.com/download?id=1aB-c_9&export=download&confirm=t"),
        ("https://drive.google.com/file/u/1/d/1aB/view?resourcekey=0-x",
         "https://drive.usercontent.google.com/download?id=1aB&export=download&confirm=t&resourcekey=0-x"),
        ("https://drive.google.com/open?id=1aB",
         "https://drive.usercontent.google.com/download?id=1aB&export=download&confirm=t"),
        ("https://drive.google.com/uc?export=download&id=1aB",
         "https://drive.usercontent.google.com/download?id=1aB&export=download&confirm=t"),
        ("https://www.dropbox.com/s/abc/a.mp4?dl=0", "https://www.dropbox.com/s/abc/a.mp4?dl=1"),
        ("https://dropbox.com/s/abc/a.mp4", "https://dropbox.com/s/abc/a.mp4?dl=1"),
        ("https://www.dropbox.com/scl/fi/x/a.mp4?rlkey=k&st=s&dl=0",
         "https://www.dropbox.com/scl/fi/x/a.mp4?rlkey=k&st=s&dl=1"),
    ],
)  # fmt: skip
def test_a_share_link_becomes_the_file_itself(shared, direct):
    assert direct_url(shared) == direct
    assert direct_url(direct) == direct


@pytest.mark.parametrize(
    "url",
    ["https://example.com/file/d/1/view", "https://drive.google.com/drive/folders/1", "https://drive.google.com/open",
     "https://www.dropbox.com/s/abc/a.mp4?raw=1", "https://www.dropbox.com/login", "asset:1", "http://[bad", ""],
)  # fmt: skip
def test_every_other_url_stays_as_it_is(url):
    assert direct_url(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [("https://u:p@h.example/a?X-Signature=1#f", "https://h.example/a?…"), ("https://h/a#f", "https://h/a"),
     ("not a url", "not a url")],
)  # fmt: skip
def test_secrets_are_not_shown(url, shown):
    assert shown_url(url) == shown
