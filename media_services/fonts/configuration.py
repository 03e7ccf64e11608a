"""Owns what FFmpeg's libass is told about fonts: a folder with those to use, and the fontconfig file for it."""

import shutil
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from fontTools.ttLib import TTFont

from media_services.fonts.face import Face, is_woff

DEFAULT_FAMILY = "DejaVu Sans"
_GENERIC = {"serif": "DejaVu Serif", "monospace": "DejaVu Sans Mono"}

# fontconfig's numbers for the weights 100, 200 … of CSS, from its FcWeightFromOpenType.
_FONTCONFIG_WEIGHTS = ((100, 200, 300, 350, 380, 400, 500, 600, 700, 800, 900, 1000),
                       (0, 40, 50, 55, 75, 80, 100, 180, 200, 205, 210, 215))  # fmt: skip
_HEAVIEST = 1000


def write_environment(faces: Iterable[Face], workdir: Path) -> dict[str, str]:
    """Write the fontconfig file and a folder of the faces' files, and return the variables that name it.

    Where two faces fit equally libass takes that of the first file.
    """
    folder = workdir.absolute() / "fonts"
    folder.mkdir(exist_ok=True)
    rules = []
    for number, (file, of_file) in enumerate(groupby(faces, lambda face: face.file)):
        placed = folder / f"{number:05}{'.ttf' if is_woff(file) else file.suffix.lower()}"
        variable = [face for face in of_file if face.is_variable]
        _place(file, placed, {face.index & 0xFFFF for face in variable})
        rules += [_weight_rule(placed, face) for face in variable]
    conf = workdir.absolute() / "fonts.conf"
    conf.write_text(_document(folder, workdir.absolute() / "font-cache", rules), encoding="utf-8")
    return {"FONTCONFIG_FILE": str(conf)}


def _place(file: Path, placed: Path, variable: set[int]) -> None:
    """Make a font file appear in the folder, unpacked.

    libass thickens a face whose file claims a weight 150 below the one wanted, without looking at the axis by which
    it became bold already: regular Montserrat came out 23 % and bold Roboto 13 % too heavy. Variable fonts are
    copied, and the copies claim the greatest weight.
    """
    placed.unlink(missing_ok=True)
    if is_woff(file):
        with TTFont(file, lazy=True) as font:
            font.flavor = None
            font.save(placed, reorderTables=None)
    elif variable:
        shutil.copyfile(file, placed)
    else:
        placed.symlink_to(file.absolute())
    for number in variable:
        _claim_heaviest(placed, number)


def _claim_heaviest(placed: Path, number: int) -> None:
    with TTFont(placed, fontNumber=number, lazy=True) as font:
        table = font.reader.tables.get("OS/2")
    if table is not None:
        with placed.open("r+b") as stream:
            stream.seek(table.offset + 4)  # usWeightClass
            stream.write(_HEAVIEST.to_bytes(2, "big"))


def _weight_rule(placed: Path, face: Face) -> str:
    """Return what tells fontconfig the weight of an instance, which it would reckon from what the copy claims.

    The family is told as well: the file's name for four styles ("Montserrat Thin") would stand for all weights.
    """
    weight = round(float(np.interp(face.weight, *_FONTCONFIG_WEIGHTS)))
    return (
        f'<match target="scan"><test name="file"><string>{escape(str(placed))}</string></test>'
        f'<test name="index"><int>{face.index}</int></test>'
        f'<edit name="weight" mode="assign"><int>{weight}</int></edit>'
        f'<edit name="family" mode="assign"><string>{escape(face.family)}</string></edit></match>\n'
    )


def _document(folder: Path, cache: Path, rules: Iterable[str]) -> str:
    return (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>\n'
        f"<dir>{escape(str(folder))}</dir><cachedir>{escape(str(cache))}</cachedir>\n"
        f"{''.join(rules)}{_aliases(_GENERIC)}"
        '<match target="pattern"><edit name="family" mode="append_last">'
        f"<string>{DEFAULT_FAMILY}</string></edit></match>\n</fontconfig>\n"
    )


def _aliases(families: Mapping[str, str]) -> str:
    return "".join(
        f"<alias><family>{name}</family><prefer><family>{family}</family></prefer></alias>\n"
        for name, family in families.items()
    )
