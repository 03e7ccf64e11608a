"""Owns reading font files, of any origin: which faces one has, what libass knows them by, what they can draw."""

import functools
import itertools
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables import O_S_2f_2, _c_m_a_p, _f_v_a_r, _h_e_a_d, _m_a_x_p, _n_a_m_e
from PIL import ImageFont

from media_services.errors import ErrorCode, MediaError

# fontTools loads these when a table is met: in the fork of every job, where that takes 45 ms.
_LOADED_ONCE = (O_S_2f_2, _c_m_a_p, _f_v_a_r, _h_e_a_d, _m_a_x_p, _n_a_m_e)

REGULAR, MEDIUM, BOLD = 400, 500, 700
WOFF = b"wOFF"
_COLLECTION = b"ttcf"
_SINGLE = (b"\x00\x01\x00\x00", b"true", b"OTTO", WOFF)
_OUTLINES = {"glyf", "CFF ", "CFF2"}
_FORMATS = "TTF, OTF, TTC and WOFF can"

# More than any real font has; what claims more is made to exhaust who reads it.
_MAX_BYTES = 256 * 1024**2
_MAX_FACES = 256
_MAX_NAMES_BYTES = 4 * 1024**2
_MAX_NAME_LENGTH = 100
_MAX_INSTANCES = 1000

# Identifiers of the name table: the family with all its weights, the family of four styles, the full name.
_FAMILY, _STYLE_FAMILY, _FULL_NAME = 16, 1, 4
_NOT_IN_ASS = set(",{}\\;")  # they part the fields of a style or open a tag


class _Unusable(Exception):
    """Why a file is no font that can be drawn, as the end of a sentence."""


@dataclass(frozen=True)
class Face:
    """One face of a font file, or one named instance of a variable face.

    `index` is FreeType's: the number in the file, plus 65536 times the instance's from 1. `family` is libass's name
    of the face together with its other weights, `own_family` the narrowest that still has it, and `names` are all the
    names by which libass finds it. `weight` is as in CSS.
    """

    file: Path
    index: int
    family: str
    own_family: str
    names: frozenset[str]
    weight: int
    is_italic: bool
    is_variable: bool  # whether the weight is an axis of the file

    @property
    def is_bold(self) -> bool:
        return self.weight >= 600

    @property
    def characters(self) -> frozenset[int]:
        """The code points it has a glyph for."""
        return _characters(self.file, self.index & 0xFFFF, _version(self.file))


def read_faces(file: Path) -> list[Face]:
    """Return the faces of a font file of unknown origin, each of which can be drawn.

    Raises MediaError, UNSUPPORTED_MEDIA, and nothing else.
    """
    return list(_checked_faces(file, _safe_version(file)))


def trusted_faces(file: Path) -> list[Face]:
    """Return the faces of a font file that is known to be sound, without a look at what they draw."""
    return list(_faces(file, _version(file)))


def is_woff(file: Path) -> bool:
    """Return whether a font file is compressed."""
    with file.open("rb") as stream:
        return stream.read(4) == WOFF


def _version(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _safe_version(file: Path) -> tuple[int, int]:
    try:
        return _version(file)
    except OSError as problem:
        raise _refusal("it cannot be read", problem) from problem


@functools.lru_cache(maxsize=1024)
def _checked_faces(file: Path, version: tuple[int, int]) -> tuple[Face, ...]:
    try:
        _check_size(file, version[1])
        faces = _faces(file, version)
        for number in {face.index & 0xFFFF for face in faces}:
            if not _characters(file, number, version):
                raise _Unusable("it maps no characters to its glyphs")
            ImageFont.truetype(str(file), 1, number)  # FreeType, which draws it later, can open it
    except _Unusable as problem:
        raise _refusal(str(problem), problem) from problem
    except Exception as problem:
        raise _refusal("it is damaged", problem) from problem
    return faces


def _refusal(reason: str, problem: Exception) -> MediaError:
    message = f"this font cannot be used ({_FORMATS}): {reason}"
    return MediaError(ErrorCode.UNSUPPORTED_MEDIA, message, detail=f"{type(problem).__name__}: {problem}"[:500])


def _check_size(file: Path, size_bytes: int) -> None:
    """Raise _Unusable for what is no font by its first bytes, or unpacks to more than any font has."""
    if size_bytes > _MAX_BYTES:
        raise _Unusable(f"its {size_bytes} bytes are more than the {_MAX_BYTES} that a font may have")
    with file.open("rb") as stream:
        kind = stream.read(4)
        if kind == b"wOF2":
            raise _Unusable("WOFF2 is not read here; take the TTF or OTF it was made from")
        if kind not in (*_SINGLE, _COLLECTION):
            raise _Unusable("it is not a font")
        if kind == WOFF:
            _check_woff(stream)


def _check_woff(stream: BinaryIO) -> None:
    """Raise unless each table, and the metadata, unpacks to the length that the header claims.

    fontTools unpacks without a bound; see https://www.w3.org/TR/WOFF/ for the header.
    """
    stream.seek(0)
    header = struct.unpack(">4sIIHHIHHIIIII", stream.read(44))
    directory = [struct.unpack(">4sIIII", stream.read(20)) for _ in range(header[3])]
    parts = [*(entry[1:4] for entry in directory), header[8:11]]
    if sum(whole_bytes for _, _, whole_bytes in parts) > _MAX_BYTES:
        raise _Unusable("it unpacks to more than a font may have")
    for offset, packed_bytes, whole_bytes in parts:
        stream.seek(offset)
        packed = stream.read(min(packed_bytes, _MAX_BYTES))
        if packed_bytes != whole_bytes and len(zlib.decompressobj().decompress(packed, whole_bytes + 1)) != whole_bytes:
            raise _Unusable("it is damaged")


@functools.lru_cache(maxsize=1024)
def _faces(file: Path, version: tuple[int, int]) -> tuple[Face, ...]:
    """Read the faces' names, weights and slants."""
    faces: list[Face] = []
    for number in range(_count(file)):
        with TTFont(file, fontNumber=number, lazy=True) as font:
            _check_tables(font, version[1])
            faces.extend(_faces_of(file, number, font))
    return tuple(faces)


def _count(file: Path) -> int:
    with file.open("rb") as stream:
        kind, _, count = struct.unpack(">4sII", stream.read(12))
    if kind == _COLLECTION and not 0 < count <= _MAX_FACES:
        raise _Unusable(f"it claims to hold {count} fonts")
    return count if kind == _COLLECTION else 1


def _check_tables(font: Any, size_bytes: int) -> None:
    """Raise unless the tables are there, lie within the file, and are no larger than in real fonts."""
    tables = font.reader.tables
    if not _OUTLINES & tables.keys():
        raise _Unusable("it has no outlines: fonts of pictures, for colour emoji say, are not drawn")
    if not {"cmap", "head", "maxp", "name"} <= tables.keys():
        raise _Unusable("it is damaged")
    if any(table.offset + table.length > size_bytes for table in tables.values()):
        raise _Unusable("its end is missing")
    names = font.reader["name"]
    records = struct.iter_unpack(">6H", names[6 : 6 + 12 * struct.unpack(">H", names[2:4])[0]])
    if sum(record[4] for record in records) > _MAX_NAMES_BYTES:
        raise _Unusable("its names are longer than in any font")


def _faces_of(file: Path, number: int, font: Any) -> Iterator[Face]:
    """Yield a face as it is, and with each of the weights for which a variable one has a name."""
    names = _names(font)
    family = _first(names, _FAMILY, _STYLE_FAMILY, _FULL_NAME)
    own_family = _first(names, _STYLE_FAMILY, _FAMILY, _FULL_NAME)
    is_italic = bool(font["head"].macStyle & 2 or ("OS/2" in font and font["OS/2"].fsSelection & 0x201))
    axes = {axis.axisTag: axis for axis in font["fvar"].axes} if "fvar" in font else {}
    if "wght" not in axes:
        every = frozenset(itertools.chain(*names.values()))
        yield Face(file, number, family, own_family, every, _weight(font), is_italic, is_variable=False)
        return
    families = frozenset(names[_FAMILY] or names[_STYLE_FAMILY])
    default = int(axes["wght"].defaultValue)
    looks = [(0, default, names[_FULL_NAME])]
    for count, instance in enumerate(font["fvar"].instances[:_MAX_INSTANCES], start=1):
        full_name = f"{family} {font['name'].getDebugName(instance.subfamilyNameID)}"
        looks.append((count, int(instance.coordinates.get("wght", default)), _usable([full_name])))
    for count, weight, full_names in looks:
        index = number | count << 16
        yield Face(file, index, family, family, families | {*full_names}, weight, is_italic, is_variable=True)


def _names(font: Any) -> dict[int, list[str]]:
    """Return the names of each kind that can be written in an ASS file; the English one first."""
    found: dict[int, list[str]] = {kind: [] for kind in (_FAMILY, _STYLE_FAMILY, _FULL_NAME)}
    for record in font["name"].names:
        if record.nameID in found:
            found[record.nameID].append(record.toUnicode("ignore"))
    return {kind: _usable([font["name"].getDebugName(kind) or "", *names]) for kind, names in found.items()}


def _usable(names: Iterable[str]) -> list[str]:
    """Return what is a name, once each: nothing that would break out of a style or a tag."""
    stripped = dict.fromkeys(name.strip() for name in names)
    return [
        name
        for name in stripped
        if 0 < len(name) <= _MAX_NAME_LENGTH and name.isprintable() and name[0] != "@" and not _NOT_IN_ASS & set(name)
    ]


def _first(names: dict[int, list[str]], *kinds: int) -> str:
    for kind in kinds:
        if names[kind]:
            return names[kind][0]
    raise _Unusable("it has no family name that could be written in a subtitle file")


def _weight(font: Any) -> int:
    weight = int(font["OS/2"].usWeightClass) if "OS/2" in font else 0
    if not weight:
        return BOLD if font["head"].macStyle & 1 else REGULAR
    return weight * 100 if weight < 10 else weight  # as FreeType's readers take the classes of old fonts


@functools.lru_cache(maxsize=64)  # half a megabyte each
def _characters(file: Path, number: int, version: tuple[int, int]) -> frozenset[int]:
    """Read which code points have a glyph."""
    with TTFont(file, fontNumber=number, lazy=True) as font:
        # Numbers for glyph names: to read the real ones fontTools would take the outlines of an OTF apart.
        font.setGlyphOrder([str(glyph) for glyph in range(font["maxp"].numGlyphs)])
        for table in font["cmap"].tables:
            _check_ranges(table)
        symbols = font["cmap"].getcmap(3, 0)
        codes = font["cmap"].getBestCmap() or (symbols.cmap if symbols else {})
    return frozenset(codes) | {code - 0xF000 for code in codes if symbols and 0xF000 <= code <= 0xF0FF}


def _check_ranges(table: Any) -> None:
    """Raise for a character map that claims more characters than there are: readers would walk through them all.

    With one range up to 2^32 fontconfig is busy for minutes, with overlapping ones fontTools is. Format 8 may have
    such ranges as well, and is in no real font. For the formats see
    https://learn.microsoft.com/typography/opentype/spec/cmap
    """
    if table.format == 8:
        raise _Unusable("its character map is of a kind that is not read")
    if table.format not in (4, 12, 13) or not table.data:
        return
    if table.format == 4:
        count = struct.unpack(">H", table.data[:2])[0] // 2
        ends = np.frombuffer(table.data, ">u2", count, 8).astype(int)
        starts = np.frombuffer(table.data, ">u2", count, 10 + 2 * count).astype(int)
    else:
        starts, ends, _ = np.frombuffer(table.data, ">u4").reshape(-1, 3).astype(int).T
    if np.maximum(ends - starts, 0).sum() > sys.maxunicode or ends.max(initial=0) > sys.maxunicode:
        raise _Unusable("its character map claims more characters than there are")
