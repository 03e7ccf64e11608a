"""Hostile media: files that would have their reader open others, and files that are small and mean to be endless."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from PIL import Image

from tests import media


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of an MP4."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def head(kind: bytes, *, size: int) -> bytes:
    """Return the head of a box that claims a size."""
    return struct.pack(">I4s", size, kind)


def replaced(content: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return an MP4 in which the first box of a kind has another content, and all around it fit."""
    return b"".join(_boxes_with(content, kind, change, [False]))


_HOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"}


def _boxes_with(content: bytes, kind: bytes, change: Callable[[bytes], bytes], done: list[bool]) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        inner = content[at + 8 : at + size]
        if name == kind and not done[0]:
            done[0], inner = True, change(inner)
        elif name in _HOLDERS:
            inner = b"".join(_boxes_with(inner, kind, change, done))
        yield box(name, inner)
        at += size


# Files that name others. `secret` is a file that must not be read, `url` an address that must not be asked.


def playlist(secret: Path, url: str) -> bytes:
    pieces = f"#EXTINF:10,\n{url}a.ts\n#EXTINF:10,\n{secret}\n"
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n{pieces}#EXT-X-ENDLIST\n".encode()


def subfile(secret: Path, url: str) -> bytes:
    return playlist(Path(f"subfile,,start,0,end,64,,:{secret}"), url)


def data_addresses(secret: Path, url: str) -> bytes:
    return b'#EXTM3U\n#EXT-X-MAP:URI="data:;base64,AAAA"\n' + playlist(secret, url)[8:]


def keyed(secret: Path, url: str) -> bytes:
    return playlist(secret, url).replace(b"#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{url}key"\n#EXTINF'.encode(), 1)


def after(prefix: bytes) -> Callable[[Path, str], bytes]:
    return lambda secret, url: prefix + playlist(secret, url)


def with_id3(secret: Path, url: str) -> bytes:
    return b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + playlist(secret, url)


def in_an_mp4s_head(secret: Path, url: str) -> bytes:
    return box(b"ftyp", b"isom", bytes(4), b"isom") + box(b"free", playlist(secret, url))


def in_subtitles_of_an_avi(secret: Path, url: str) -> bytes:
    """An AVI with the playlist as an embedded subtitle track (GAB2), which FFmpeg opens as a file of its own."""
    name = "a.m3u8".encode("utf-16-le")
    gab2 = b"GAB2\0" + struct.pack("<HI", 2, len(name)) + name + struct.pack("<HI", 4, 0) + playlist(secret, url)
    chunk = b"00tx" + struct.pack("<I", len(gab2)) + gab2 + b"\0" * (len(gab2) % 2)
    header = struct.pack("<14I", 40_000, 0, 0, 0x10, 1, 0, 1, 0, 16, 16, 0, 0, 0, 0)
    stream = b"txts" + bytes(44) + bytes(8)
    lists = _chunk(b"strh", stream) + _chunk(b"strf", bytes(4))
    hdrl = b"hdrl" + _chunk(b"avih", header) + _chunk(b"LIST", b"strl" + lists)
    return _riff(b"AVI ", _chunk(b"LIST", hdrl), _chunk(b"LIST", b"movi" + chunk))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _riff(kind: bytes, *chunks: bytes) -> bytes:
    content = kind + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def dash(secret: Path, url: str) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        f'<Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>{url}a.mp4</BaseURL>'
        f"<SegmentBase/></Representation></AdaptationSet></Period></MPD><!-- {secret} -->"
    ).encode()


def imf(secret: Path, url: str) -> bytes:
    return (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        f"<Id>urn:uuid:0</Id><!-- {secret} {url} --></CompositionPlaylist>"
    ).encode()


def concat(secret: Path, url: str) -> bytes:
    return f"ffconcat version 1.0\nfile {url}a.mp4\nfile {secret}\n".encode()


def hidden_concat(secret: Path, url: str) -> bytes:
    return concat(secret, url).replace(b"\n", b"\n# \x01\x02\n", 1)


def concatf(secret: Path, url: str) -> bytes:
    return f"{url}a.mp4\n{secret}\n".encode()


def session(secret: Path, url: str) -> bytes:
    return b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"


def rtsp(secret: Path, url: str) -> bytes:
    return f"RTSPtext\nrtsp://{url.removeprefix('http://')}a\n".encode()


def avisynth(secret: Path, url: str) -> bytes:
    return f'DirectShowSource("{url}a.avi")\nImport("{secret}")\n'.encode()


def vapoursynth(secret: Path, url: str) -> bytes:
    return f"import vapoursynth\nopen('{secret}').read()\n".encode()


def asx(secret: Path, url: str) -> bytes:
    return f'<asx version="3.0"><entry><ref href="{url}a.wmv"/><ref href="{secret}"/></entry></asx>'.encode()


def xspf(secret: Path, url: str) -> bytes:
    return (
        f'<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><location>{url}</location></playlist>'.encode()
    )


def cue(secret: Path, url: str) -> bytes:
    return f'FILE "{secret}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'.encode()


def svg(secret: Path, url: str) -> bytes:
    return (
        f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{secret}">]>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}a.png"/><text>&x;</text></svg>'
    ).encode()


def pls(secret: Path, url: str) -> bytes:
    return f"[playlist]\nFile1={url}a.mp3\nFile2={secret}\nNumberOfEntries=2\n".encode()


def elsewhere(kind: bytes) -> Callable[[Path, str], bytes]:
    """An MP4 whose frames are said to lie in another file."""

    def made(secret: Path, url: str) -> bytes:
        content = media.video(sound=False).read_bytes()
        at = content.index(b"mdat") - 4
        reference = _alias(secret) if kind == b"alis" else url.encode() + b"a.mp4\0"
        entry = box(kind, bytes(4), reference)
        return replaced(content[:at], b"dref", lambda old: old[:8] + entry) + content[at + 8 :]

    return made


def _alias(secret: Path) -> bytes:
    """Return an alias record of Mac OS that leads to a file, as FFmpeg reads it."""
    path = str(secret).encode()
    named = struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2)
    name = secret.name.encode()
    volume = b"\x04disk" + bytes(23)
    levels = struct.pack(">HH", 1, 1) + bytes(16)
    return bytes(10) + volume + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + levels + named * 2


PLAYLISTS: dict[str, Callable[[Path, str], bytes]] = {
    "hls.mp4": playlist,
    "hls-subfile.mp4": subfile,
    "hls-data.m3u8": data_addresses,
    "hls-key.m3u8": keyed,
    "hls-after-a-bom.mp4": after(b"\xef\xbb\xbf"),
    "hls-after-spaces.mp4": after(b" \r\n\t\n"),
    "hls-after-zeros.mp4": after(bytes(16)),
    "hls-after-id3.mp3": with_id3,
    "hls-in-an-mp4.mp4": in_an_mp4s_head,
    "hls-in-an-avi.avi": in_subtitles_of_an_avi,
    "dash.mpd": dash,
    "imf.xml": imf,
    "concat.mp4": concat,
    "hidden-concat.mp4": hidden_concat,
    "list.concatf": concatf,
    "session.sdp": session,
    "a.rtsp": rtsp,
    "script.avs": avisynth,
    "script.vpy": vapoursynth,
    "list.asx": asx,
    "list.xspf": xspf,
    "list.pls": pls,
    "disc.cue": cue,
    "drawing.svg": svg,
    "elsewhere-alias.mov": elsewhere(b"alis"),
    "elsewhere-url.mov": elsewhere(b"url "),
}


# Files that are small and mean to be endless.


def png(width: int, height: int) -> bytes:
    return media.bomb_png(width, height).read_bytes()


def gif(width: int, height: int, frames: int = 1, *, comment_bytes: int = 0) -> bytes:
    """A GIF of so many frames of one pixel, on a canvas of a size."""
    comment = b"!\xfe" + (b"\xff" + bytes(255)) * (comment_bytes // 255) + b"\0" if comment_bytes else b""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + comment + frame * frames + b";"


def growing_gif() -> bytes:
    """A GIF whose second frame is far larger than it."""
    small, large = io.BytesIO(), io.BytesIO()
    Image.new("P", (4, 4)).save(small, "GIF")
    Image.new("P", (300, 300)).save(large, "GIF")
    second = large.getvalue()[large.getvalue().index(b"\x2c\0\0\0\0") :]
    return small.getvalue().removesuffix(b";") + second


def webp(width: int, height: int) -> bytes:
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = media.picture(suffix=".webp").read_bytes()[12:]
    return _riff(b"WEBP", _chunk(b"VP8X", bytes(4) + canvas), frame)


def avif(width: int, height: int) -> bytes:
    content = media.picture(suffix=".avif").read_bytes()
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", width, height) + content[at + 8 :]


def tiff(width: int, height: int) -> bytes:
    """A TIFF that is said to be of a size."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, width * height & 0xFFFFFFFF)]  # fmt: skip
    return b"II*\0" + struct.pack("<I", 8) + directory(tags)


def directory(tags: list[tuple[int, int, int, int]]) -> bytes:
    """Return a directory of a TIFF."""
    return struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)


def shared_tags(count: int = 5000, length: int = 60_000) -> bytes:
    """A TIFF of whose entries each is all of it: to be read, each is copied."""
    start = b"II*\0" + struct.pack("<I", 8)
    return start + directory([(1000 + number, 7, length, 8) for number in range(count)]).ljust(length + 8, b"\0")


def with_exif(exif: bytes) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8)).save(made, "PNG")
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    content = made.getvalue()
    return content[:33] + chunk + content[33:]


def jpeg_with_exif(segments: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8)).save(made, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 60_002) + b"Exif\0\0".ljust(60_000, b"\0")
    return made.getvalue()[:2] + segment * segments + made.getvalue()[2:]


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    made = io.BytesIO()
    Image.new("L", (64, 64)).save(made, "JPEG", progressive=True)
    content = made.getvalue()
    last, end = content.rindex(b"\xff\xda"), content.rindex(b"\xff\xd9")
    return content[:last] + content[last:end] * count + content[end:]


def wav(*, channels: int = 1, rate: int = 48_000, samples: int = 4_800) -> bytes:
    data = bytes(2 * channels * samples)
    bytes_a_second, block = rate * 2 * channels & 0xFFFFFFFF, 2 * channels & 0xFFFF
    form = struct.pack("<HHIIHH", 1, channels, rate, bytes_a_second, block, 16)
    return _riff(b"WAVE", _chunk(b"fmt ", form), _chunk(b"data", data))


def tracks(count: int) -> bytes:
    """An MP4 with the same track so many times."""
    content = media.video(sound=False, duration_s=0.2).read_bytes()
    at = content.index(b"moov") - 4
    size = int.from_bytes(content[at : at + 4], "big")
    moov = content[at : at + size]
    track_at = moov.index(b"trak") - 4
    track = moov[track_at : track_at + int.from_bytes(moov[track_at : track_at + 4], "big")]
    return content[:at] + box(b"moov", moov[8:] + track * (count - 1)) + content[at + size :]


def late_mkv(hours: int) -> bytes:
    """A Matroska file whose last cluster begins so late."""
    content = media.converted(media.video(sound=False, duration_s=0.2), ".mkv", "-c", "copy").read_bytes()
    cluster = b"\x1f\x43\xb6\x75"
    frames = b"\xa3\x85\x81\0\0\x80\0"
    time = b"\xe7\x88" + struct.pack(">Q", hours * 3_600_000)
    size = struct.pack(">Q", len(time + frames) | 1 << 56)
    last = cluster + size + time + frames
    segment = content.index(b"\x18\x53\x80\x67") + 4
    end = content.rindex(b"\x1c\x53\xbb\x6b")
    return content[:segment] + b"\x01" + b"\xff" * 7 + content[segment + 8 : end] + last


def h264_of(width_in_blocks: int, height_in_blocks: int) -> bytes:
    """An MP4 whose head says that its picture is of so many blocks of 16 pixels."""
    content = bytearray(media.video(sound=False, duration_s=0.2).read_bytes())
    at = content.index(b"avc1") + 28
    content[at : at + 4] = struct.pack(">HH", width_in_blocks * 16 & 0xFFFF, height_in_blocks * 16 & 0xFFFF)
    return bytes(content)


def font(*, unit: int = 1000, side: int = 700, family: str = "Hostile") -> bytes:
    """A font with an A that is a square; letters are as large as its units let them be."""
    builder = FontBuilder(unit, isTTF=True)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({65: "A"})
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(0, 0), (0, side), (side, side), (side, 0)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "A": square})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "A": (1000, 0)})
    builder.setupHorizontalHeader(ascent=unit * 4 // 5, descent=-unit // 5)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    made = io.BytesIO()
    builder.save(made)
    return made.getvalue()


def woff_bomb(unpacked_bytes: int) -> bytes:
    """A WOFF one of whose tables unpacks to a thousand times what it takes."""
    made = io.BytesIO()
    with TTFont(io.BytesIO(font())) as packed:
        packed.flavor = "woff"
        packed.save(made)
    content = bytearray(made.getvalue())
    table = zlib.compress(bytes(min(unpacked_bytes, 10_000_000)), 9)
    struct.pack_into(">III", content, 44 + 4, len(content), len(table), unpacked_bytes)
    return bytes(content) + table


def collection(faces: int) -> bytes:
    """A collection that claims so many faces, which are all the same."""
    return struct.pack(">4sII", b"ttcf", 0x00010000, faces) + struct.pack(">I", 0) * min(faces, 100_000)
