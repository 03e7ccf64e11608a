"""Owns a face at one size: the glyphs that HarfBuzz sets for a text, and their pixels by FreeType.

Pillow's own layout is not used: its wheels look for the FriBiDi of the host, and without one they neither join Arabic
nor kern, and say nothing.
"""

import ctypes
import functools
import io
from dataclasses import dataclass
from pathlib import Path

import freetype  # type: ignore[import-untyped]
import numpy as np
import uharfbuzz as hb  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont
from freetype import raw
from numpy.typing import NDArray

from media_services.errors import ErrorCode, MediaError
from media_services.fonts import BOLD, Face, is_woff

Pixels = NDArray[np.uint8]

_UNIT = 64  # both libraries count in 64ths of a pixel
_STEPS = 4  # a glyph is drawn at quarters of a pixel, so that gaps between letters are even
_SLANT = 0.2  # of letters leant over where a family has no italic
_EMBOLDENING = 1 / 32  # of the size, of letters thickened where a family has no bold
_THICKENED_FROM = 150  # below the weight that is wanted, as in libass
_BOLD_FROM = 600
_KEPT_PIXELS = 1024**2  # a glyph as large as the largest box has many times that, and there may be thousands
_MOST_PIXELS = 256 * 1024**2  # twice as wide and as high as the largest font size is
_FLAGS = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP


@dataclass(frozen=True)
class Glyph:
    """A glyph that was set: where its text begins, how far it moves the pen, and where it stands by it, in pixels."""

    number: int
    cluster: int
    advance_px: float
    x_px: float
    y_px: float


@dataclass(frozen=True)
class Mask:
    """How much of each pixel a glyph covers, 0 to 255, and where its top left is from the pen, y downwards."""

    pixels: Pixels
    left: int
    top: int


class Cut:
    """A face at a size; made bolder and slanted where the family has no face that is."""

    def __init__(self, face: Face, size_px: float, *, weight: int, italic: bool) -> None:
        self.face = face
        self._size = round(size_px * _UNIT)
        self._strength = 0
        if weight >= _BOLD_FROM and face.weight <= min(weight, BOLD) - _THICKENED_FROM:
            self._strength = round(self._size * _EMBOLDENING)
        self._slant = _SLANT if italic and not face.is_italic else 0.0
        blob, self._outlines = _opened(face.file, face.index, face.file.stat().st_mtime_ns)
        self._font = hb.Font(hb.Face(blob, face.index & 0xFFFF))
        self._font.scale = (self._size, self._size)
        if face.index >> 16:
            self._font.var_named_instance = (face.index >> 16) - 1
        self._masks: dict[tuple[int, int, float], Mask] = {}

    @property
    def ascent_px(self) -> float:
        """How far the face reaches above the base line, by its own account."""
        return float(self._font.get_font_extents("ltr").ascender) / _UNIT

    @property
    def descent_px(self) -> float:
        """How far the face reaches below the base line."""
        return -float(self._font.get_font_extents("ltr").descender) / _UNIT

    def set(self, text: str, start: int, end: int, *, script: str, rtl: bool, ligatures: bool) -> list[Glyph]:
        """Return the glyphs of a part of a text, from the left to the right, as they are within the whole text."""
        if start == end:
            return []  # HarfBuzz has no positions then
        buffer = hb.Buffer()
        buffer.add_str(text, start, end - start)
        buffer.direction, buffer.script, buffer.language = "rtl" if rtl else "ltr", script, "und"
        hb.shape(self._font, buffer, None if ligatures else {"liga": False, "clig": False})
        return [
            Glyph(
                info.codepoint,
                info.cluster,
                (place.x_advance + (self._strength if place.x_advance else 0)) / _UNIT,
                place.x_offset / _UNIT,
                place.y_offset / _UNIT,
            )
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        ]

    def mask(self, number: int, x_px: float, outline_px: float = 0) -> tuple[Mask, int]:
        """Return the pixels of a glyph whose pen stands at `x_px`, and the whole pixel they are counted from.

        With an outline it is the glyph and so much more on all sides.
        """
        whole, step = divmod(round(x_px * _STEPS), _STEPS)
        key = (number, step, outline_px)
        mask = self._masks.get(key)
        if mask is None:
            mask = self._drawn(*key)
            if mask.pixels.size <= _KEPT_PIXELS:
                self._masks[key] = mask
        return mask, whole

    def _drawn(self, number: int, step: int, outline_px: float) -> Mask:
        try:
            self._outlines.set_char_size(self._size, self._size)
            self._outlines.load_glyph(number, _FLAGS)
            outline = ctypes.byref(self._outlines.glyph.outline._FT_Outline)
            if self._strength:
                raw.FT_Outline_Embolden(outline, self._strength)
            if self._slant:
                raw.FT_Outline_Transform(outline, ctypes.byref(_leant(self._slant)))
            raw.FT_Outline_Translate(outline, step * _UNIT // _STEPS, 0)
            glyph = self._outlines.glyph.get_glyph()
            if outline_px:
                stroker = freetype.Stroker()
                stroker.set(round(outline_px * _UNIT), freetype.FT_STROKER_LINECAP_ROUND,
                            freetype.FT_STROKER_LINEJOIN_ROUND, 0)  # fmt: skip
                glyph.stroke(stroker, destroy=True)
            if _area_px(glyph) > _MOST_PIXELS:
                message = f"the font {self.face.family!r} has a letter many times as large as its font size"
                raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, message)
            drawn = glyph.to_bitmap(freetype.FT_RENDER_MODE_NORMAL, freetype.Vector(0, 0), destroy=True)
        except freetype.FT_Exception as problem:
            message = f"the font {self.face.family!r} cannot be drawn: it is damaged"
            raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, message, detail=str(problem)) from problem
        return _mask(drawn)


def _area_px(glyph: freetype.Glyph) -> int:
    """Return how many pixels the bitmap of a glyph would have."""
    box = glyph.get_cbox(freetype.FT_GLYPH_BBOX_PIXELS)
    return int((box.xMax - box.xMin) * (box.yMax - box.yMin))


def _leant(slant: float) -> freetype.FT_Matrix:
    return freetype.FT_Matrix(0x10000, round(slant * 0x10000), 0, 0x10000)


def _mask(drawn: freetype.BitmapGlyph) -> Mask:
    bitmap = drawn.bitmap._FT_Bitmap
    if not bitmap.rows or not bitmap.width:
        return Mask(np.zeros((0, 0), np.uint8), 0, 0)
    content = ctypes.string_at(bitmap.buffer, bitmap.rows * bitmap.pitch)
    pixels = np.frombuffer(content, np.uint8).reshape(bitmap.rows, bitmap.pitch)[:, : bitmap.width]
    return Mask(pixels, drawn.left, -drawn.top)


@functools.lru_cache(maxsize=64)
def _opened(file: Path, index: int, version: int) -> tuple[hb.Blob, freetype.Face]:
    """Open a face with both libraries; `version` makes a changed file another one."""
    try:
        if not is_woff(file):
            return hb.Blob.from_file_path(str(file)), freetype.Face(str(file), index)
        content = io.BytesIO()
        with TTFont(file) as font:
            font.flavor = None
            font.save(content)
        return hb.Blob(content.getvalue()), freetype.Face(io.BytesIO(content.getvalue()), index)
    except (freetype.FT_Exception, hb.HarfBuzzError) as problem:
        message = "this font cannot be drawn: it is damaged"
        raise MediaError(ErrorCode.UNSUPPORTED_MEDIA, message, detail=str(problem)) from problem
