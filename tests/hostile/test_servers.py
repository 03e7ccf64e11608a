"""Servers that mean harm: whatever they send, a fetch ends soon, in bounded memory, with the reason."""

import gzip
import socket
import ssl
import time
import tracemalloc
import zlib
from pathlib import Path

import httpx
import pytest

from media_services import download, network, retry
from media_services.errors import ErrorCode, MediaError
from media_services.fetch import Fetcher
from media_services.network import Unreasonable, answered
from tests.hostile.fetching import CHUNKED, LOCAL, OK, failure
from tests.hostile.raw import RawServer
from tests.web import LocalServer

pytestmark = pytest.mark.timeout(30)
BODY = b"some bytes of media " * 1000
MOST_BYTES = 1_000_000
VALID = Path(__file__).parent.parent / "media_services" / "media.test.pem"
EXPIRED = Path(__file__).with_name("expired.test.pem")


@pytest.fixture
def fetcher(folder):
    return Fetcher(folder, reach=LOCAL, max_bytes=MOST_BYTES, timeout_s=15)


def sends(*data):
    """Send some bytes and hang up."""
    whole = b"".join(data)
    return lambda peer: peer.send(whole)


def pours(head, chunk, pause_s=0):
    """Send some bytes, and then the same again and again."""

    def script(peer):
        peer.send(head)
        peer.pour(chunk, pause_s)

    return script


def holds(*data):
    """Send some bytes, and nothing more."""

    def script(peer):
        peer.send(b"".join(data))
        peer.hold()

    return script


def packed(data):
    return sends(OK, b"Content-Encoding: gzip\r\n\r\n", data)


def members(count):
    return gzip.compress(b"") * count


def bomb(size_mib):
    packing = zlib.compressobj(9, wbits=31)
    return b"".join(packing.compress(bytes(2**20)) for _ in range(size_mib)) + packing.flush()


# What is sent, what of that is told, and whether it is worth another attempt.
ANSWERS = {
    "a header without an end": (pours(OK + b"X-A: ", bytes(b"a" * 65536)), "longer than 64 KiB", False),
    "headers without an end": (pours(OK, b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1000), "64 KiB", False),
    "10 MB of headers": (sends(OK, b"X-A: aaaaaaaaaaaaaaaaa\r\n" * 430_000, b"\r\n"), "64 KiB", False),
    "a status line without an end": (pours(b"HTTP/1.1 200 ", b"O" * 65536), "64 KiB", False),
    "no line at all": (pours(b"", b"A" * 65536), "64 KiB", False),
    "1xx for ever": (pours(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "64 KiB", False),
    "early hints for ever": (pours(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100), "64 KiB", False),
    "another protocol": (sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "SWITCH", True),
    "no HTTP": (sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "illegal status line", True),
    "HTTP/0.9": (sends(BODY), "", True),
    "a reason of 60 kB": (sends(b"HTTP/1.1 404 ", b"N" * 60_000, b"\r\n\r\n"), "answered 404 NNN", False),
    "a status of four digits": (sends(b"HTTP/1.1 2000 OK\r\n\r\n"), "illegal status line", True),
    "a header with NUL": (sends(OK, b"X-A: a\0b\r\n\r\n"), "illegal header line", True),
    "nothing": (sends(b""), "disconnected", True),
    "two lengths": (sends(OK, b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", BODY), "conflicting", True),
    "a negative length": (sends(OK, b"Content-Length: -5\r\n\r\n", BODY), "bad Content-Length", True),
    "a length of 5,000 digits": (sends(OK, b"Content-Length: ", b"9" * 5000, b"\r\n\r\n"), "bad Content", True),
    "a length of 20 digits": (sends(OK, b"Content-Length: ", b"9" * 20, b"\r\n\r\n"), "larger than", False),
    "a length that is not reached": (sends(OK, b"Content-Length: 99\r\n\r\nabc"), "received 3 bytes", True),
    "an unknown transfer coding": (sends(OK, b"Transfer-Encoding: gzip\r\n\r\n", BODY), "Transfer-Encoding", True),
    "a body without an end": (pours(OK + b"\r\n", bytes(65536)), "larger than the allowed", False),
    "chunks without an end": (pours(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"), "larger than", False),
    "a chunk size without an end": (pours(CHUNKED, b"0" * 65536), "Receive buffer too long", True),
    "a chunk size of 40 digits": (sends(CHUNKED, b"f" * 40, b"\r\n"), "illegal chunk header", True),
    "a negative chunk size": (sends(CHUNKED, b"-5\r\nabcde\r\n0\r\n\r\n"), "illegal chunk header", True),
    "a chunk that is longer than it says": (sends(CHUNKED, b"2\r\nabcdef\r\n"), "malformed chunk", True),
    "chunks that are all extensions": (pours(CHUNKED, b"1;" + b"x" * 9000 + b"\r\nA\r\n"), "framing", False),
    "trailers without an end": (pours(CHUNKED + b"0\r\n", b"X-A: aaaa\r\n" * 100), "Receive buffer", True),
    "chunks that stop": (sends(CHUNKED, b"5\r\nabcde\r\n"), "incomplete chunked read", True),
    "a bomb of gzip": (packed(bomb(64)), "larger than the allowed", False),
    "gzip of nothing for ever": (pours(OK + b"Content-Encoding: gzip\r\n\r\n", members(3000)), "larger than", False),
    "gzip that is none": (packed(BODY), "it is not", False),
    "gzip that stops": (packed(gzip.compress(BODY)[:-9]), "end is missing", True),
    "gzip twice": (sends(OK, b"Content-Encoding: gzip, gzip\r\n\r\n", BODY), "packed it (gzip, gzip)", False),
    "brotli": (sends(OK, b"Content-Encoding: br\r\n\r\n", BODY), "packed it (br) though it was asked not to", False),
    "a part nobody asked for": (sends(b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/99\r\n\r\n"), "answered 206", False),
    "a 304 nobody asked for": (sends(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "answered 304", False),
    "a 416 nobody asked for": (sends(b"HTTP/1.1 416 No\r\n\r\n"), "answered 416", False),
}


class TestAnswers:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_it_ends_soon_and_says_why(self, fetcher, name):
        script, reason, passing = ANSWERS[name]
        started = time.monotonic()
        with RawServer(script) as server:
            error = failure(fetcher, server.url() + "?token=secret")
        assert time.monotonic() - started < 5
        assert reason in error.message
        assert server.url() in error.message
        assert "secret" not in error.message
        assert error.retryable is passing
        assert len(server.requests) == (retry.ATTEMPTS if passing else 1)

    @pytest.mark.parametrize("name", ["10 MB of headers", "1xx for ever", "trailers without an end", "a bomb of gzip",
                                      "chunks that are all extensions", "a chunk size without an end"])  # fmt: skip
    def test_it_takes_little_memory(self, fetcher, name):
        with RawServer(ANSWERS[name][0]) as server:
            tracemalloc.start()
            try:
                failure(fetcher, server.url())
                _, peak_bytes = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak_bytes < 3 * 2**20

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (sends(OK, b"Content-Length: 3\r\n\r\nabcdef"), b"abc"),
            (sends(OK, b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), b"abc"),
            (sends(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\n\r\n", OK, b"\r\nabc"), b"abc"),
            (sends(b"HTTP/1.0 200\r\n\r\nabc"), b"abc"),
            (sends(CHUNKED, b"3;x=y\r\nabc\r\n0\r\nX-A: trailer\r\n\r\n"), b"abc"),
            (sends(CHUNKED, b"1\r\na\r\n" * 5000, b"0\r\n\r\n"), b"a" * 5000),
            (packed(gzip.compress(BODY)), BODY),
            (packed(gzip.compress(b"one ") + members(3) + gzip.compress(b"two")), b"one two"),
            (sends(OK, b"Content-Encoding: aws-chunked\r\n\r\nabc"), b"abc"),
            (sends(OK, b"Content-Encoding: identity\r\n\r\nabc"), b"abc"),
        ],
    )
    def test_what_is_odd_and_does_no_harm_is_taken(self, fetcher, answer, expected):
        with RawServer(answer) as server:
            assert fetcher.fetch(server.url()).file.read_bytes() == expected
        assert len(server.requests) == 1

    def test_the_body_of_a_redirect_is_not_read(self, fetcher, server):
        url = server.serve("/b", BODY)
        with RawServer(pours(b"HTTP/1.1 302 F\r\nLocation: " + url.encode() + b"\r\n\r\n", bytes(65536))) as hostile:
            assert fetcher.fetch(hostile.url()).size_bytes == len(BODY)

    @pytest.mark.parametrize(
        "location",
        [b"http://[::1", b"http://\xff\xfe/", b"//", b"http://a b/", b"http://h:99999/", b"\x01", b"http:///x"],
    )
    def test_a_redirect_to_nonsense_leads_nowhere(self, fetcher, location):
        answer = sends(b"HTTP/1.1 302 F\r\nLocation: ", location, b"\r\n\r\n")
        with RawServer(answer) as server, pytest.raises(MediaError) as caught:
            fetcher.fetch(server.url())
        assert caught.value.code in (ErrorCode.UNSAFE_URL, ErrorCode.DOWNLOAD_FAILED)


class TestTime:
    def test_a_body_that_drips_is_given_up(self, fetcher, monkeypatch):
        monkeypatch.setattr(download, "PACE_S", 0.4)
        monkeypatch.setattr(retry, "ATTEMPTS", 2)
        with RawServer(pours(OK + b"Content-Length: 99999\r\n\r\n", b"a", 0.02)) as server:
            error = failure(fetcher, server.url())
        assert "less than 1024 bytes/s came for 0.4 s (tried 2 times)" in error.message
        assert error.retryable

    def test_a_body_that_comes_slowly_enough_is_taken(self, server, fetcher, monkeypatch):
        monkeypatch.setattr(download, "PACE_S", 0.2)
        url = server.slow("/a", BODY[:4000], pause_s=0.1, chunk_bytes=500)
        assert fetcher.fetch(url).size_bytes == 4000

    @pytest.mark.parametrize(
        "answer", [pours(OK, b"X-Drip: 1\r\n", 0.02), pours(b"HTTP/1.1 100 C\r\n\r\n", b"H", 0.02)]
    )
    def test_a_head_that_drips_is_given_up(self, fetcher, monkeypatch, answer):
        monkeypatch.setattr(network, "HEAD_TIMEOUT_S", 0.3)
        monkeypatch.setattr(retry, "ATTEMPTS", 2)
        with RawServer(answer) as server:
            error = failure(fetcher, server.url())
        assert "the server does not answer (tried 2 times)" in error.message

    def test_trailers_that_drip_are_given_up(self, fetcher, monkeypatch):
        monkeypatch.setattr(download, "PACE_S", 0.3)
        monkeypatch.setattr(retry, "ATTEMPTS", 1)
        with RawServer(pours(CHUNKED + b"3\r\nabc\r\n0\r\n", b"X-A: 1\r\n", 0.02)) as server:
            assert "less than 1024 bytes/s" in failure(fetcher, server.url()).message

    def test_silence_in_many_places_adds_up(self, fetcher, monkeypatch):
        """Each head comes in time, and redirects and attempts are few enough; together they are too long."""
        monkeypatch.setattr(download, "SILENCE_S", 0.8)

        def late(peer):
            time.sleep(0.3)
            peer.send(b"HTTP/1.1 302 F\r\nLocation: /b\r\n\r\n")

        with RawServer(late) as server:
            error = failure(fetcher, server.url())
        assert "nothing came for 0.8 s (tried once)" in error.message

    def test_a_name_server_that_hangs_is_given_up_and_ticks_go_on(self, fetcher, monkeypatch):
        monkeypatch.setattr(network, "CONNECT_TIMEOUT_S", 0.5)
        monkeypatch.setattr(retry, "ATTEMPTS", 1)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(3))
        ticks = [time.monotonic()]
        error = failure(fetcher, "http://media.example/a", tick=lambda *bytes: ticks.append(time.monotonic()))
        assert "the server does not answer" in error.message
        assert ticks[-1] - ticks[0] < 2
        assert len(ticks) > 2


class TestTls:
    @pytest.fixture
    def trusting(self, folder, monkeypatch):
        """A fetcher to which every name leads here."""
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **more: real("127.0.0.1", *args, **more))
        return Fetcher(folder, reach=LOCAL, timeout_s=10)

    @pytest.mark.parametrize(
        ("shown", "trusted", "host", "reason"),
        [
            (EXPIRED, EXPIRED, "media.test", "expired"),
            (VALID, VALID, "other.test", "mismatch"),
            (VALID, None, "media.test", "self-signed"),
        ],
    )
    def test_a_certificate_that_is_not_to_be_trusted_is_refused_at_once(self, trusting, shown, trusted, host, reason):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(shown)
        trusting.ssl_context = ssl.create_default_context(cafile=trusted)
        with LocalServer(tls) as secure:
            error = failure(trusting, secure.url("/a", host=host))
        assert "certificate" in error.message
        assert reason in error.message
        assert "(tried once)" in error.message
        assert (error.retryable, secure.requests) == (False, [])

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            (holds(), "does not answer"),
            (holds(b"\x16\x03\x03\x00\x7a\x02\x00\x00"), "does not answer"),
            (sends(b"\x16\x03\x03\x00\x7a\x02\x00\x00"), ""),
            (sends(b"HTTP/1.1 400 Plain HTTP\r\n\r\n"), "SSL"),
            (pours(b"", bytes(65536)), ""),
        ],
        ids=["silent", "stops in the midst", "hangs up in the midst", "speaks plain HTTP", "pours"],
    )
    def test_a_handshake_that_comes_to_nothing_is_tried_again_and_given_up(self, trusting, monkeypatch, script, reason):
        monkeypatch.setattr(network, "CONNECT_TIMEOUT_S", 0.4)
        monkeypatch.setattr(retry, "ATTEMPTS", 2)
        with RawServer(script, reads_request=False) as server:
            error = failure(trusting, server.url(host="media.test", scheme="https"))
        assert reason in error.message
        assert "(tried 2 times)" in error.message
        assert (error.retryable, len(server.requests)) == (True, 2)


class TestAnyRequest:
    """What is sent, as a webhook would be, goes the same way out as what is fetched."""

    def test_it_is_bounded_as_a_fetch_is(self):
        request = httpx.Request("POST", "http://127.0.0.1/", content=b"{}")
        with RawServer(pours(b"", b"HTTP/1.1 100 C\r\n\r\n" * 100)) as server:
            request.url = httpx.URL(server.url())
            with pytest.raises(Unreasonable), answered(request, LOCAL, lambda: None):
                pass

    def test_a_receiver_that_takes_nothing_is_given_up_and_beats_go_on(self, monkeypatch):
        monkeypatch.setattr(network, "READ_TIMEOUT_S", 0.5)
        monkeypatch.setattr(network, "HEAD_TIMEOUT_S", 0.5)
        beats = [time.monotonic()]
        with RawServer(lambda peer: time.sleep(2)) as server:
            request = httpx.Request("POST", server.url(), content=bytes(50_000_000))
            taken = answered(request, LOCAL, lambda: beats.append(time.monotonic()))
            with pytest.raises(httpx.TimeoutException), taken:
                pass
        assert len(beats) > 2
