"""Servers that fail for a while: asked again with care, gone on with where they can, and no file of two versions."""

import contextlib
import gzip
import hashlib
import random
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_services import retry
from media_services.errors import MediaError
from media_services.fetch import Fetcher
from media_services.kept import Asking
from media_services.media import MediaKind
from media_services.sources import Wanted, fetch_all
from tests.hostile.fetching import LOCAL, failure

pytestmark = pytest.mark.timeout(30)
ONE = bytes(range(256)) * 200
TWO = ONE[::-1]
CUT = 20_000
TAG = '"one"'
OLD = {"last_modified": "Wed, 21 Oct 2020 07:28:00 GMT"}  # LocalServer dates its answers today
NEW = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)  # whenever it is that the test runs


@pytest.fixture
def fetcher(folder):
    return Fetcher(folder, reach=LOCAL, max_bytes=1_000_000, timeout_s=15)


def in_turn(server, path, *answers):
    """Let a path answer by each of some functions in turn, and by the last for ever."""

    def answer(handler):
        answers[min(server.hits[path], len(answers)) - 1](handler)

    return server.handle(path, answer)


def status(number, **headers):
    return lambda handler: handler.answer(number, **headers)


def whole(body=ONE, **headers):
    return lambda handler: handler.answer(200, body, **headers)


def cut(body=ONE, at=CUT, **headers):
    """Announce all and send a part."""
    return lambda handler: handler.answer(200, body[:at], content_length=str(len(body)), **headers)


def rest(body=ONE, until=None, **headers):
    """Send what is asked for by Range, or less."""

    def answer(handler):
        first = int(re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"])[1])
        named = {
            "content_range": f"bytes {first}-{len(body) - 1}/{len(body)}",
            "content_length": str(len(body) - first),
        }
        handler.answer(206, body[first:until], **named | headers)

    return answer


def ranges(server):
    return [request.headers.get("range") for request in server.requests]


class TestStatuses:
    @pytest.mark.parametrize("number", [408, 425, 429, 500, 502, 503, 504, 599])
    def test_what_passes_is_waited_for(self, server, fetcher, number):
        url = in_turn(server, "/a", status(number), status(number), whole())
        assert fetcher.fetch(url).size_bytes == len(ONE)
        assert server.hits["/a"] == 3

    @pytest.mark.parametrize("number", [400, 401, 403, 404, 410, 451])
    def test_what_does_not_pass_is_asked_for_once(self, server, fetcher, number):
        error = failure(fetcher, server.status("/a", number) + "?token=secret")
        assert f"{server.url('/a')}?… could not be fetched: the server answered {number}" in error.message
        assert "(tried once)" in error.message
        assert (error.retryable, server.hits["/a"]) == (False, 1)

    def test_it_is_given_up_after_some_attempts_and_says_after_how_many(self, server, fetcher):
        error = failure(fetcher, server.status("/a", 503))
        reason = "the server answered 503 Service Unavailable (tried 4 times)"
        assert error.message == f"{server.url('/a')} could not be fetched: {reason}"
        assert (error.retryable, server.hits["/a"]) == (True, 4)

    def test_each_attempt_follows_the_redirects_anew(self, server, fetcher):
        server.status("/down", 503)
        server.serve("/up", ONE)
        url = in_turn(server, "/a", status(302, location="/down"), status(302, location="/up"))
        assert fetcher.fetch(url).size_bytes == len(ONE)

    def test_a_redirect_inside_at_the_second_attempt_is_refused(self, server, fetcher):
        url = in_turn(server, "/a", status(503), status(302, location="http://169.254.169.254/"))
        with pytest.raises(MediaError, match="link-local"):
            fetcher.fetch(url)

    def test_a_condition_is_asked_again(self, server, tmp_path, settings, fetcher):
        options = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "kept"}}
        settings.STORAGES = settings.STORAGES | {"results": options}
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.1"]})
        url = in_turn(server, "/a", whole(etag=TAG), status(503), status(304, content_length="0"))
        for folder in ("first", "second"):
            wanted = [Wanted(url, MediaKind.IMAGE, "/")]
            (fetched,) = fetch_all(wanted, tmp_path / folder, local={}, asking=Asking("ann")).values()
        assert fetched.was_kept
        assert fetched.file.read_bytes() == ONE


class TestWaiting:
    def test_a_server_says_how_long_and_ticks_go_on_meanwhile(self, server, fetcher):
        ticks = [time.monotonic()]
        url = in_turn(server, "/a", status(429, retry_after="1"), whole())
        fetcher.fetch(url, lambda *bytes: ticks.append(time.monotonic()))
        assert ticks[-1] - ticks[0] >= 1
        assert len(ticks) > 4

    def test_what_a_tick_raises_ends_the_waiting(self, server, fetcher):
        def tick(received_bytes, total_bytes):
            if time.monotonic() > started + 0.3:
                raise KeyboardInterrupt

        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            fetcher.fetch(server.status("/a", 503, retry_after="10"), tick)
        assert time.monotonic() - started < 3

    def test_nobody_waits_for_what_comes_too_late(self, server, folder):
        started = time.monotonic()
        error = failure(Fetcher(folder, reach=LOCAL, timeout_s=5), server.status("/a", 503, retry_after="20"))
        assert time.monotonic() - started < 3
        assert "answered 503 Service Unavailable (tried once)" in error.message
        assert error.retryable

    @pytest.mark.parametrize(
        ("asked", "wait_s"),
        [
            ("", 0), ("7", 7), (" 7 ", 7), ("3600", 30), ("999999999", 30), ("9" * 5000, 0), ("-7", 0), ("7.5", 0),
            ("soon", 0), ("٧", 0), ("Wed, 21 Oct 2020 07:28:00 GMT", 0), ("Wed, 21 Oct 2999 07:28:00 GMT", 30),
            ("Wed, 21 Oct 99999 07:28:00 GMT", 0), ("Wed, 32 Oct 2026 07:28:00 GMT", 0),
        ],
    )  # fmt: skip
    def test_what_a_server_asks_for_is_kept_to_within_reason(self, asked, wait_s):
        assert retry.wait_s(1, asked) == pytest.approx(wait_s, abs=0.01)

    @pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
    def test_a_date_is_a_time_to_wait_for(self, zone):
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True).replace("GMT", zone)
        assert 8.5 < retry.wait_s(1, at) <= 10

    @given(st.text())
    def test_no_text_is_too_odd(self, text):
        assert 0 <= retry.wait_s(1, text) <= retry.LONGEST_WAIT_S

    def test_the_waits_grow(self, monkeypatch):
        monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.5)
        for failures, expected_s in ((1, 0.5), (2, 1), (3, 2)):
            assert expected_s <= retry.wait_s(failures) <= 1.5 * expected_s


class TestGoingOn:
    @pytest.mark.parametrize("named", [{"etag": TAG}, OLD])
    @pytest.mark.parametrize("end", [len(ONE), 30_000])
    def test_it_goes_on_where_it_was_cut_off(self, server, fetcher, named, end):
        url = in_turn(server, "/a", cut(**named), rest(until=end, **named), rest(**named))
        fetched = fetcher.fetch(url)
        assert fetched.file.read_bytes() == ONE
        assert (fetched.sha256, fetched.size_bytes) == (hashlib.sha256(ONE).hexdigest(), len(ONE))
        assert ranges(server) == [None, f"bytes={CUT}-", "bytes=30000-"][: 2 if end == len(ONE) else 3]
        assert {each.headers.get("if-range") for each in server.requests[1:]} == set(named.values())

    def test_what_had_no_length_has_that_of_the_rest_and_of_what_came(self, server, fetcher):
        def in_chunks(handler):
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.send_header("ETag", TAG)
            handler.end_headers()
            handler.wfile.write(b"%x\r\n" % CUT + ONE[:CUT] + b"\r\n")

        heard = []
        url = in_turn(server, "/a", in_chunks, rest(etag=TAG))
        assert fetcher.fetch(url, lambda *told: heard.append(told)).file.read_bytes() == ONE
        assert ranges(server) == [None, f"bytes={CUT}-"]
        assert {total for _, total in heard} == {None, len(ONE)}

    def test_it_goes_on_after_a_status_in_between(self, server, fetcher):
        url = in_turn(server, "/a", cut(etag=TAG), status(503), rest(etag=TAG))
        assert fetcher.fetch(url).file.read_bytes() == ONE
        assert ranges(server) == [None, f"bytes={CUT}-", f"bytes={CUT}-"]

    @pytest.mark.parametrize(
        "headers",
        [{}, {"etag": 'W/"one"'}, {"etag": 'W/"one"'} | OLD, {"last_modified": NEW}, {"last_modified": "today"}],
    )
    def test_what_names_no_exact_version_is_sent_again(self, server, fetcher, headers):
        url = in_turn(server, "/a", cut(**headers), whole(TWO, **headers))
        assert fetcher.fetch(url).file.read_bytes() == TWO
        assert ranges(server) == [None, None]

    def test_what_is_packed_is_sent_again(self, server, fetcher):
        packed, headers = gzip.compress(TWO), {"content_encoding": "gzip", "etag": TAG}
        url = in_turn(server, "/a", cut(packed, at=len(packed) - 20, **headers), whole(packed, **headers))
        assert fetcher.fetch(url).file.read_bytes() == TWO
        assert ranges(server) == [None, None]

    @pytest.mark.parametrize(
        "answer",
        [
            whole(TWO, etag='"two"'),
            whole(TWO, etag=TAG),
            rest(TWO, etag='"two"'),
            rest(TWO + ONE, etag=TAG),
            rest(TWO[:-1], etag=TAG),
            rest(etag=TAG, content_range=f"bytes {CUT + 1}-{len(ONE) - 1}/{len(ONE)}"),
            rest(etag=TAG, content_range=f"bytes 0-{len(ONE) - 1}/{len(ONE)}"),
            rest(etag=TAG, content_range=f"bytes {CUT}-{CUT + 9}/{len(ONE)}", content_length="10"),
            rest(etag=TAG, content_range=f"bytes {CUT}-{len(ONE) - 1}/*"),
            rest(etag=TAG, content_range="items 1-2/3"),
            rest(etag=TAG, content_encoding="gzip"),
            rest(etag=TAG, content_type="multipart/byteranges; boundary=x", content_range=""),
            status(416, content_range="bytes */10"),
        ],
    )
    def test_what_is_not_the_rest_of_the_same_is_no_part_of_it(self, server, fetcher, answer):
        url = in_turn(server, "/a", cut(etag=TAG), answer, whole(TWO, etag='"two"'))
        assert fetcher.fetch(url).file.read_bytes() == TWO

    def test_304_to_a_request_for_the_rest_is_an_error(self, server, fetcher):
        url = in_turn(server, "/a", cut(etag=TAG), status(304, content_length="0"))
        assert "answered 304 Not Modified (tried 2 times)" in failure(fetcher, url).message

    def test_a_rest_that_is_longer_than_announced_is_thrown_away(self, server, fetcher):
        def too_much(handler):
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {CUT}-{len(ONE) - 1}/{len(ONE)}")
            handler.send_header("ETag", TAG)
            handler.end_headers()
            handler.wfile.write(ONE[CUT:] + b"more")

        url = in_turn(server, "/a", cut(etag=TAG), too_much, whole(TWO, etag='"two"'))
        assert fetcher.fetch(url).file.read_bytes() == TWO

    def test_another_address_is_not_asked_for_the_rest(self, server, fetcher):
        """Both have the same tag; a tag says something within one address only."""
        in_turn(server, "/one", cut(etag=TAG))
        server.serve("/two", TWO, etag=TAG)
        url = in_turn(server, "/a", status(302, location="/one"), status(302, location="/two"))
        assert fetcher.fetch(url).file.read_bytes() == TWO
        assert set(ranges(server)) == {None}

    @pytest.mark.parametrize("seed", range(12))
    def test_a_server_that_changes_and_breaks_at_random_gives_one_version_or_none(self, server, fetcher, seed):
        """Some of these servers lie: a version of another tag is sent as the rest of the first."""
        chance = random.Random(seed)
        bodies = {'"one"': ONE, '"two"': TWO}

        def answer(handler):
            tag = chance.choice([*bodies])
            body, asked = bodies[tag], handler.headers.get("Range")
            is_lying = chance.random() < 0.2
            if asked and (is_lying or handler.headers["If-Range"] == tag):
                rest(body, until=chance.choice([None, 40_000]), etag=tag)(handler)
            else:
                chance.choice([whole, cut])(body, etag=tag)(handler)

        url = server.handle("/a", answer)
        with contextlib.suppress(MediaError):  # to give up is as good
            assert fetcher.fetch(url).file.read_bytes() in (ONE, TWO)


class TestProgress:
    def test_what_was_told_never_falls_and_ends_at_the_total(self, server, fetcher):
        told = []
        url = in_turn(server, "/a", cut(), cut(at=40_000), whole())
        fetcher.fetch(url, lambda received, total: told.append((received, total)))
        received = [each for each, _ in told]
        assert received == sorted(received)
        assert told[-1] == (CUT + 40_000 + len(ONE),) * 2
        assert all(total is None or each <= total for each, total in told)

    def test_what_is_gone_on_with_counts_once(self, server, fetcher):
        told = []
        fetcher.fetch(in_turn(server, "/a", cut(etag=TAG), rest(etag=TAG)), lambda *bytes: told.append(bytes))
        assert told[-1] == (len(ONE), len(ONE))

    def test_the_fraction_goes_on_rising_when_a_source_starts_over(self, server, folder, settings):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.1"]})

        def slowly(body, until):
            def answer(handler):
                handler.answer(200, content_length=str(len(body)))
                for start in range(0, until, 5000):
                    handler.wfile.write(body[start : start + 5000])
                    handler.pause(0.06)

            return answer

        heard = []
        url = in_turn(server, "/a", slowly(ONE, 30_000), slowly(ONE, len(ONE)))
        fetch_all([Wanted(url, MediaKind.IMAGE, "/")], folder, local={}, report=heard.append)
        assert heard == sorted(heard)
        assert heard[-1] == 1
        assert len(set(heard)) >= 5
