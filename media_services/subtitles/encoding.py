"""Owns the text of a captions file, whatever its encoding."""

import codecs
import re

from charset_normalizer import from_bytes

MOST_CHARACTERS = 10_000_000
MOST_BYTES = 4 * MOST_CHARACTERS
FORMATS = "SRT, WebVTT, ASS (or SSA) or words JSON"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins with the BOM of UTF-16, so it comes first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ZEROS = {  # which of the first four bytes are zero: every format begins with ASCII
    b"\1\1\1\0": "utf-32-be",
    b"\0\1\1\1": "utf-32-le",
    b"\1\0\1\0": "utf-16-be",
    b"\0\1\0\1": "utf-16-le",
}
_OLD_CODECS = [  # of those that fit a text equally well, the first is taken
    "cp1252", "cp1250", "cp1254", "cp1255", "cp1251", "cp1253", "cp1256", "koi8_r", "cp932", "euc_jp", "gb18030",
    "big5", "cp949", "cp874",
]  # fmt: skip
_MOST_CHAOS = 0.5  # charset-normalizer's own limit of 0.2 takes Finnish for noise
_SAMPLE_CHARACTERS = 100_000
_FOREIGN = re.compile(r"[\u0370-\u06ff]")
_MIXED = re.compile(rf"[a-zA-Z]{_FOREIGN.pattern}")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BOM = "\ufeff"  # also where files were joined


class CaptionsError(ValueError):
    """What is wrong with captions, and where: a sentence for the client."""


def decode(content: bytes) -> str:
    r"""Return the text of a captions file, its lines ended by \n.

    That is UTF-8; UTF-16 and UTF-32 by their byte order mark or their zero bytes; else whichever of the older codecs
    charset-normalizer finds fitting: a guess, which for little text or between neighbours (Western and Central
    European) may be wrong. Raises CaptionsError for what is no text.
    """
    if len(content) > MOST_BYTES:
        raise CaptionsError(f"the captions are larger than {MOST_BYTES // 10**6} MB")
    codec = next((codec for bom, codec in _BOMS.items() if content.startswith(bom)), None)
    codec = codec or _ZEROS.get(bytes(byte == 0 for byte in content[:4]), "utf-8")
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        if codec != "utf-8" or _BINARY.search(content):
            raise CaptionsError(f"the captions are no text file; {FORMATS} is expected") from error
        text = _nearly_utf_8(content) or content.decode(_old_codec(content), errors="replace")
    if "\0" in text:
        raise CaptionsError(f"the captions are no text file; {FORMATS} is expected")
    return plain(text)


def _nearly_utf_8(content: bytes) -> str | None:
    """Return the text if it is UTF-8 but for a few bytes: cut off within a letter, say."""
    text = content.decode(errors="replace")
    bad = text.count("�")
    return text if bad * 20 < len(text) - len(text.encode("ascii", "ignore")) else None


def _old_codec(content: bytes) -> str:
    telling = b"\n".join(dict.fromkeys(line for line in content.splitlines() if not line.isascii()))
    fits = [
        (_mixes_scripts(str(match)[:_SAMPLE_CHARACTERS]), match.chaos, -match.coherence, _OLD_CODECS.index(codec))
        for match in from_bytes(telling, cp_isolation=_OLD_CODECS, threshold=_MOST_CHAOS)
        for codec in {match.encoding, *match.could_be_from_charset}.intersection(_OLD_CODECS)
    ]
    if not fits:
        raise CaptionsError("the encoding of the captions is not known; save them as UTF-8")
    return _OLD_CODECS[min(fits)[-1]]


def _mixes_scripts(text: str) -> bool:
    """Say whether words mix Latin letters with those from Greek to Arabic, as Finnish read as Hebrew does."""
    return len(_MIXED.findall(text)) * 10 > len(_FOREIGN.findall(text))


def plain(text: str) -> str:
    """Return text with lines ended by newlines and without what is no character."""
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("�", _CONTROLS.sub(" ", text.replace(_BOM, "")))
