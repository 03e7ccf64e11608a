"""Owns telling what a file is by its first bytes: a picture, something to refuse by name, or perhaps sound or video."""

import re
from dataclasses import dataclass
from pathlib import Path

_HEAD_BYTES = 4096

_PICTURES = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"BM.{4}\0\0\0\0.{4}[\x0c-\x7c]\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "AVIF"),
    (re.compile(rb".{4}ftyp(?:mif1|msf1).{4}.{0,40}?avi[fs]", re.DOTALL), "AVIF"),
)
PICTURE_FORMATS = tuple(dict.fromkeys(name for _, name in _PICTURES))  # as Pillow calls them
_STRANGERS = (
    (
        re.compile(rb".{4}ftyp(?:hei[cfmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL),
        "a HEIC picture (convert it to JPEG or PNG)",
    ),
    (re.compile(rb"\0\0\0\x0cJXL |\xff\x0a"), "a JPEG XL picture (convert it to JPEG or PNG)"),
    (re.compile(rb"8BPS"), "a Photoshop document"),
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "a ZIP archive"),
    (re.compile(rb"\x1f\x8b"), "gzip-compressed data"),
    (re.compile(rb"BZh[1-9]|\xfd7zXZ\0|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd"), "an archive"),
    (re.compile(rb"%PDF-"), "a PDF document"),
    (re.compile(rb"\x7fELF|MZ.{62}", re.DOTALL), "a program"),
)
_HTML = re.compile(r"<(!doctype html|html|head|body|script|title|meta|div)\b", re.IGNORECASE)
_PROLOGUE = re.compile(
    r"<\?xml.*?\?>|<!--.*?-->|<!doctype svg[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE
)  # with the entities that it may declare
_TEXTS = (
    (re.compile(r"#EXTM3U"), "an HLS playlist (M3U8); give the address of a media file"),
    (re.compile(r"ffconcat version"), "a list of files for FFmpeg (ffconcat)"),
    (re.compile(r"v=0\r?\n[a-z]="), "a session description (SDP)"),
    (re.compile(r"\[playlist\]", re.IGNORECASE), "a playlist (PLS)"),
    (re.compile(r"\[InternetShortcut\]", re.IGNORECASE), "an internet shortcut"),
    (re.compile(r"WEBVTT"), "a subtitle file (WebVTT)"),
    (re.compile(r"\d+\r?\n\d\d:\d\d:\d\d,\d{3} --> "), "a subtitle file (SRT)"),
    (re.compile(r"[{\[]\s*([\"{}\[\]]|-?\d|true\b|false\b|null\b)"), "JSON"),
    (re.compile(r"version https://git-lfs"), "a pointer of Git LFS, not the file itself"),
)


@dataclass(frozen=True)
class Sniffed:
    """What the first bytes say: a picture (by Pillow's name of its format), something that is no media, or neither."""

    picture: str | None = None
    stranger: str | None = None


def sniff(file: Path) -> Sniffed:
    """Read the beginning of a file; neither its name nor anyone's word about it counts."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    for pattern, name in _PICTURES:
        if pattern.match(head):
            return Sniffed(picture=name)
    for pattern, name in _STRANGERS:
        if pattern.match(head):
            return Sniffed(stranger=name)
    text = _as_text(head)
    return Sniffed(stranger=_name_text(text.lstrip()) if text is not None else None)


def _as_text(head: bytes) -> str | None:
    """Decode a head that is nothing but text, else return None; a character cut in half at its end is no harm."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
        return None if "\ufffd" in text[:-1] or "\0" in text else text
    for missing in range(min(4, len(head))):
        try:
            text = head[: len(head) - missing].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        return None if re.search(r"[\0-\x08\x0e-\x1a\x1c-\x1f]", text) else text
    latin = head.decode("latin-1")
    return latin if _HTML.match(latin.lstrip()) else None


def _name_text(text: str) -> str:
    for pattern, name in _TEXTS:
        if pattern.match(text):
            return name
    if text.startswith("<"):
        return _name_markup(text)
    return "a text file"


def _name_markup(text: str) -> str:
    body = _PROLOGUE.sub("", text).lstrip()
    if re.match(r"<(\w+:)?svg\b", body, re.IGNORECASE):
        return "an SVG drawing (convert it to PNG)"
    if re.match(r"<MPD\b", body):
        return "a DASH playlist (MPD); give the address of a media file"
    if _HTML.match(body):
        return "a web page (HTML)"
    return "an XML document"
