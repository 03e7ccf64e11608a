"""What may be reached: public addresses on the usual ports, what is allowed, and never what is denied."""

import contextlib
import ipaddress
import socket

import httpcore
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_services import addresses, network, pipeline, retry
from media_services.addresses import Reach, UnsafeAddress, parse_ports
from media_services.errors import ErrorCode, MediaError
from media_services.fetch import Fetcher
from media_services.kept import NOBODY, Asking, Shelf
from media_services.media import MediaKind
from media_services.movie.reading import read
from media_services.network import answered, reach_by_settings
from media_services.sources import Wanted, fetch_all
from tests.hostile.fetching import LOCAL, failure, opened
from tests.hostile.raw import RawServer

pytestmark = pytest.mark.timeout(60)
BODY = b"some bytes of media"


@pytest.fixture
def reached(monkeypatch):
    """Return the addresses and ports connected to so far; each such connection is refused."""
    with refusing_connections() as reached:
        yield reached


@contextlib.contextmanager
def refusing_connections():
    reached = []

    def connect(address, port, deadline, beat):
        reached.append((address, port))
        raise httpcore.ConnectError("refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "_connect", connect)
        yield reached


def resolve_to(monkeypatch, *numbers):
    answers = [
        (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in numbers
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)


class TestMetadata:
    @pytest.mark.parametrize(
        "host",
        [
            "169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE",
            "0251.0376.0251.0376",
            "025177524776", "169.254.43518", "169.16689662", "0xa9.254.0251.254", "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::169.254.169.254]", "[64:ff9b::169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[2001:0:0:0:0:0:5601:5601]",
            "[fd00:ec2::254]", "[fe80::a9fe:a9fe]", "169。254。169。254", "169．254．169．254",
            "１６９.２５４.１６９.２５４",
            "①⑥⑨.②⑤④.①⑥⑨.②⑤④", "%31%36%39.254.169.254", "169%2e254%2e169%2e254", "169.254.169.254%00.example",
            "169.254.169.254\t", "٢٨٥٢٠٣٩١٦٦", "100.100.100.200", "192.0.0.192", "168.63.129.16", "metadata",
        ],
    )  # fmt: skip
    def test_no_notation_of_a_clouds_own_service_is_connected_to(self, folder, reached, monkeypatch, host):
        monkeypatch.setattr(retry, "ATTEMPTS", 1)  # a name is for the machine's own resolver, which may be slow
        with pytest.raises(MediaError) as caught:
            Fetcher(folder).fetch(f"http://{host}/latest/meta-data/")
        assert reached == []
        assert caught.value.retryable in (False, "cannot be resolved" in caught.value.message)

    @pytest.mark.parametrize("number", ["169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "::ffff:a9fe:a9fe"])
    def test_no_name_leads_there(self, folder, reached, monkeypatch, number):
        resolve_to(monkeypatch, number)
        failure(Fetcher(folder), "http://media.example/a", ErrorCode.UNSAFE_URL)
        assert reached == []


class TestPorts:
    @pytest.mark.parametrize(
        ("url", "port"),
        [("http://h.example/", 80), ("https://h.example/", 443), ("http://h.example:443/", 443)],
    )
    def test_those_of_the_web_are_open(self, folder, reached, monkeypatch, url, port):
        resolve_to(monkeypatch, "93.184.215.14")
        failure(Fetcher(folder), url)
        assert set(reached) == {("93.184.215.14", port)}

    @pytest.mark.parametrize("port", [1, 22, 25, 81, 6379, 8080, 65535])
    def test_all_others_are_closed(self, folder, reached, monkeypatch, port):
        resolve_to(monkeypatch, "93.184.215.14")
        error = failure(Fetcher(folder), f"http://h.example:{port}/", ErrorCode.UNSAFE_URL)
        assert f"port {port} is not one that VIDEOCRAFT_FETCH_PORTS opens" in error.message
        assert (reached, error.retryable) == ([], False)

    def test_the_setting_opens_others(self, folder, reached, monkeypatch, settings):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_ports": ["8000-8099"]})
        resolve_to(monkeypatch, "93.184.215.14")
        failure(Fetcher(folder), "http://h.example:8080/")
        failure(Fetcher(folder), "http://h.example/", ErrorCode.UNSAFE_URL)
        assert set(reached) == {("93.184.215.14", 8080)}

    def test_an_open_port_opens_no_address(self, server, folder):
        fetcher = Fetcher(folder, reach=opened(ports=parse_ports([str(server.port)])))
        assert "loopback" in failure(fetcher, server.serve("/a", BODY), ErrorCode.UNSAFE_URL).message

    @pytest.mark.parametrize(("entry", "is_open"), [("93.184.215.14", True), ("93.184.215.14:8080", True),
                                                    ("h.example", True), ("93.184.215.14:80", False)])  # fmt: skip
    def test_what_is_allowed_has_its_own_ports(self, folder, reached, monkeypatch, entry, is_open):
        resolve_to(monkeypatch, "93.184.215.14")
        code = ErrorCode.DOWNLOAD_FAILED if is_open else ErrorCode.UNSAFE_URL
        failure(Fetcher(folder, reach=opened(entry)), "http://h.example:8080/", code)

    @pytest.mark.parametrize("entry", ["0", "65536", "80-", "-80", "443-80", "http", "80,443", "8o", "", "²"])
    def test_nonsense_is_refused(self, entry):
        with pytest.raises(ValueError, match="is neither a port"):
            parse_ports([entry])


class TestDenied:
    @pytest.mark.parametrize(
        "entry", ["127.0.0.1", "127.0.0.0/8", "127.0.0.1:{port}", "0.0.0.0/0", "localhost", "LOCALHOST:{port}"]
    )
    def test_it_beats_what_is_allowed(self, server, folder, entry):
        reach = opened("127.0.0.0/8", "localhost", deny=[entry.format(port=server.port)])
        url = server.url("/a", host="LocalHost")
        error = failure(Fetcher(folder, reach=reach), url, ErrorCode.UNSAFE_URL)
        assert "is refused: VIDEOCRAFT_FETCH_DENY forbids localhost" in error.message
        assert (server.requests, error.retryable) == ([], False)

    @pytest.mark.parametrize("entry", ["127.0.0.2", "127.0.0.1:1", "localhost:1", "host", ".localhost"])
    def test_it_denies_nothing_else(self, server, folder, entry):
        server.serve("/a", BODY)
        fetcher = Fetcher(folder, reach=opened("127.0.0.0/8", deny=[entry]))
        assert fetcher.fetch(server.url("/a", host="localhost")).size_bytes == len(BODY)

    @pytest.mark.parametrize(
        ("url", "entry"),
        [
            ("http://h.example/", "h.example"), ("http://H.EXAMPLE./", "h.example"),
            ("http://a.h.example/", ".h.example"),
            ("http://h.example/", "93.184.215.14"), ("http://h.example/", "93.184.0.0/16"),
            ("https://h.example/", "h.example:443"), ("http://bücher.example/", "xn--bcher-kva.example"),
            ("http://h。example/", "h.example"),
        ],
    )  # fmt: skip
    def test_public_hosts_are_denied_by_name_and_by_address(self, folder, reached, monkeypatch, url, entry):
        resolve_to(monkeypatch, "93.184.215.14")
        failure(Fetcher(folder, reach=opened(deny=[entry])), url, ErrorCode.UNSAFE_URL)
        assert reached == []

    @pytest.mark.parametrize(
        "number", ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::", "::10.0.0.1",
                   "2001:0:0:0:0:0:f5ff:fffe"],
    )  # fmt: skip
    def test_an_address_within_another_is_denied_as_well(self, monkeypatch, number):
        resolve_to(monkeypatch, number)
        with pytest.raises(UnsafeAddress, match="FETCH_DENY"):
            addresses.resolve("h.example", 80, opened("::/0", "0.0.0.0/0", deny=["10.0.0.0/8"]))

    def test_of_several_addresses_those_that_are_not_denied_are_left(self, monkeypatch):
        resolve_to(monkeypatch, "93.184.215.14", "93.184.215.15")
        assert addresses.resolve("h.example", 80, opened(deny=["93.184.215.14"])) == ["93.184.215.15"]

    @pytest.mark.parametrize("entry", ["localhost", "127.0.0.2"])
    def test_a_redirect_is_checked_by_name_and_by_address(self, server, folder, entry):
        server.serve("/b", BODY)
        host = "localhost" if entry == "localhost" else "127.0.0.2"
        reach = opened("127.0.0.0/8", deny=[entry])
        url = server.redirect("/a", server.url("/b", host=host))
        assert "FETCH_DENY" in failure(Fetcher(folder, reach=reach), url, ErrorCode.UNSAFE_URL).message
        assert server.hits["/b"] == 0

    def test_the_setting_is_what_counts_by_default(self, server, folder, settings):
        named = {"fetch_allow": ["127.0.0.0/8"], "fetch_deny": ["127.0.0.1"]}
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update=named)
        failure(Fetcher(folder), server.serve("/a", BODY), ErrorCode.UNSAFE_URL)
        assert reach_by_settings().allow.entries


class TestEverySource:
    """Captions and fonts are fetched by the same rules as pictures, and so would be whatever is sent."""

    def test_captions_and_fonts_are_wanted_like_all_else(self, server, folder):
        captions, font = server.url("/a.srt"), server.url("/a.ttf")
        subtitles = {"type": "subtitles", "captions": captions, "settings": {"font-url": font}}
        wanted = pipeline.wanted(read({"scenes": [{"duration": 1}], "elements": [subtitles]}))
        assert {(each.src, each.kind) for each in wanted} >= {(captions, MediaKind.CAPTIONS), (font, MediaKind.FONT)}

    @pytest.mark.parametrize("kind", MediaKind)
    def test_no_kind_of_source_is_fetched_from_inside(self, server, folder, kind):
        with pytest.raises(MediaError) as caught:
            fetch_all([Wanted(server.serve("/a", BODY), kind, "/")], folder, local={})
        assert (caught.value.code, server.requests) == (ErrorCode.UNSAFE_URL, [])

    def test_nothing_is_sent_inside_either(self, server):
        request = httpx.Request("POST", server.url("/hook"), content=b"{}")
        with pytest.raises(UnsafeAddress), answered(request, Reach(), lambda: None):
            pass
        assert server.requests == []

    def test_what_is_allowed_is_sent_whole(self, server):
        request = httpx.Request("POST", server.serve("/hook", b"ok"), content=bytes(3_000_000))
        with answered(request, LOCAL, lambda: None) as response:
            assert response.status_code == 200
        assert len(server.requests[0].body) == 3_000_000


HOSTS = st.one_of(
    st.text(max_size=12),
    st.ip_addresses().map(lambda each: f"[{each}]" if each.version == 6 else str(each)),
    st.integers(0, 2**32 + 5).flatmap(lambda number: st.sampled_from([str(number), hex(number), oct(number)])),
    st.sampled_from(
        ["localhost", "127.1", "0", "::1", "[::ffff:127.0.0.1]", "a@127.0.0.1", "127.0.0.1\\@h", "h#@127.1"]
    ),
)
URLS = st.one_of(
    st.text(),
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(
            ["http://", "https://", "HTTP://", "http:/\\", "http:", "//", "ftp://", "http://u:p@", "file://"]
        ),
        HOSTS,
        st.sampled_from(["", ":80", ":443", ":0", ":65536", ":", ":٨٠", ":-1", ":80:80", ":22"]),
        st.text(max_size=8),
        st.sampled_from(["", "?a=b", "#c", "/../..", "/%00", "/\r\nX: y", "/\ud800"]),
    ),
    st.sampled_from(["https://drive.google.com", "https://www.dropbox.com/s/a"]).flatmap(
        lambda start: st.text(st.characters(), max_size=20).map(lambda end: f"{start}/open?id={end}")
    ),
)
fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
look_up = socket.getaddrinfo


def look_up_inside(host, port, *args, **kwargs):
    """Answer numbers as they are, and names, which are not asked for in tests, by an address inside."""
    try:
        return look_up(host, port, *args, flags=socket.AI_NUMERICHOST, **kwargs)
    except socket.gaierror:
        return look_up("10.0.0.1", port, *args, **kwargs)


class TestAnyUrl:
    @fuzzed
    @given(URLS)
    def test_no_text_leads_inside_or_raises_anything_unforeseen(self, tmp_path, url):
        with pytest.MonkeyPatch.context() as patch, refusing_connections() as reached:
            patch.setattr(socket, "getaddrinfo", look_up_inside)
            with pytest.raises(MediaError) as caught:
                Fetcher(tmp_path / "sources").fetch(url)
        assert all(ipaddress.ip_address(address).is_global and port in (80, 443) for address, port in reached)
        caught.value.message.encode()
        assert "\0" not in caught.value.message

    @pytest.mark.parametrize(
        "url",
        ["https://drive.google.com/open?id=\ud800", "http://\ud800/", "http://h/\udfff?a", "\ud800", "http://h/\0",
         "http://[::1", "http://h:٨٠/", "http://" + "a" * 70_000, "http://h/" + "a" * 70_000],
    )  # fmt: skip
    @pytest.mark.parametrize("asking", [NOBODY, Asking("ann")])
    def test_odd_texts_are_refused_whoever_asks(self, folder, reached, monkeypatch, url, asking):
        monkeypatch.setattr(socket, "getaddrinfo", look_up_inside)
        with pytest.raises(MediaError) as caught:
            Fetcher(folder, shelf=Shelf(asking)).fetch(url)
        assert len(caught.value.message.encode()) < 800
        assert reached == []

    @settings(fuzzed, max_examples=100)
    @given(st.one_of(URLS.map(lambda url: url.encode(errors="replace")), st.binary(max_size=40)))
    def test_no_redirect_does(self, tmp_path, location):
        location = location.replace(b"\r", b"").replace(b"\n", b"")
        answer = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
        connect = network._connect
        reached = []

        def only_here(address, port, deadline, beat):
            if port == server.port:
                return connect(address, port, deadline, beat)
            reached.append((address, port))
            raise httpcore.ConnectError("refused")

        with pytest.MonkeyPatch.context() as patch, RawServer(lambda peer: peer.send(answer)) as server:
            patch.setattr(socket, "getaddrinfo", look_up_inside)
            patch.setattr(network, "_connect", only_here)
            with pytest.raises(MediaError) as caught:
                Fetcher(tmp_path / "sources", reach=opened(f"127.0.0.1:{server.port}")).fetch(server.url())
        assert all(ipaddress.ip_address(address).is_global for address, _ in reached)
        caught.value.message.encode()
