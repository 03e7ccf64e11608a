"""Owns choosing fonts: which family draws a text, which families draw what it lacks, and what the client is told."""

import difflib
import functools
import hashlib
import importlib.util
import logging
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from media_services.errors import MediaError
from media_services.fonts.configuration import DEFAULT_FAMILY, write_environment
from media_services.fonts.face import BOLD, MEDIUM, REGULAR, Face, read_faces, trusted_faces

logger = logging.getLogger(__name__)

# Where the fonts are in the packages that bring them; the order is that in which they are asked for characters.
_PACKAGED = {
    "matplotlib": "mpl-data/fonts/ttf/DejaVuS*[!y].ttf",  # not its Display faces, of a few mathematical signs
    "fontpkg_montserrat": "files/*.ttf",
    "fontpkg_roboto": "files/*.ttf",
    "fontpkg_oswald": "files/*.ttf",
    "fontpkg_poppins": "files/*.ttf",
    "fontpkg_anton": "files/*.ttf",
    "fontpkg_bebas_neue": "files/*.ttf",
}
_SUFFIXES = {".ttf", ".otf", ".ttc", ".woff"}
_MOST_SHOWN_CHARACTERS = 5
_MOST_SHOWN_FAMILIES = 20

# Characters that have no look of their own although their category says otherwise (Default_Ignorable_Code_Point).
_UNSEEN = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10),
           *range(0xE0100, 0xE01F0)}  # fmt: skip


@dataclass(frozen=True)
class Typeface:
    """How a text is drawn: by `family`, and each character that it lacks by the family `substitutes` has for it.

    `missing` are the characters that no font here has; `warnings` are sentences for the client.
    """

    family: str
    substitutes: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()

    def runs(self, text: str) -> list[tuple[str, str]]:
        """Part a text into (family, part), neighbours of one family joined.

        Spaces, joiners and accents stay with the character before them; an accent that is substituted takes it along.
        """
        runs: list[tuple[str, str]] = []
        for cluster in clusters(text):
            family = self.family_of(cluster)
            if runs and runs[-1][0] == family:
                runs[-1] = (family, runs[-1][1] + cluster)
            else:
                runs.append((family, cluster))
        return runs

    def family_of(self, cluster: str) -> str:
        """Return the family that draws a character with what belongs to it, one of `clusters`."""
        return next((self.substitutes[part] for part in cluster if part in self.substitutes), self.family)


class Fonts:
    """The fonts a film may be drawn with: those of `extra` files, of our packages, and of VIDEOCRAFT_FONTS_DIR.

    Raises MediaError, UNSUPPORTED_MEDIA, for an extra file that is no font; a broken file in the folder is left out
    with a warning in the log.
    """

    def __init__(self, extra: Sequence[Path] = ()) -> None:
        self._extra = [face for file in extra for face in read_faces(file)]
        packaged = [face for file in _packaged_files() for face in trusted_faces(file)]
        self._faces = [*self._extra, *packaged, *_faces_in(settings.VIDEOCRAFT.fonts_dir)]

    @functools.cached_property
    def families(self) -> list[str]:
        """The names of the families that are here, in the order of the alphabet."""
        return sorted({face.family for face in self._faces}, key=str.casefold)

    def environment(self, workdir: Path) -> dict[str, str]:
        """Write what fontconfig needs into `workdir`, and return the variables that make a child use these fonts alone.

        The folder must stay while the child runs.
        """
        return write_environment(self._faces, workdir)

    def choose(self, family: str | None, text: str, *, bold: bool, italic: bool = False) -> Typeface:
        """Choose what a text is drawn with; without a family that of the first extra file, else DejaVu Sans.

        The family may be written in any case, without its spaces, and with a weight ("Poppins Black").
        """
        look = _Look(BOLD if bold else REGULAR, italic)
        found = self._named(family) if family else None
        chosen = found or (self._extra[0].own_family if self._extra else DEFAULT_FAMILY)
        lacking = look.lacking(self._faces_of(chosen), {part for part in text if not _is_unseen(part)})
        substitutes = self._substitutes(lacking, look) if lacking else {}
        missing = frozenset(lacking - substitutes.keys())
        warnings = (
            _not_here(family, chosen, self.families) if family and not found else "",
            _drawn_elsewhere(chosen, substitutes),
            _nowhere(missing),
        )
        return Typeface(chosen, substitutes, missing, tuple(filter(None, warnings)))

    def face(self, family: str, cluster: str, *, weight: int, italic: bool = False) -> Face:
        """Return the face of a family that draws a character with what belongs to it.

        It is the nearest in slant and weight, as CSS has it, that has the characters; the nearest where none has them.
        `family` is one that `choose` named.
        """
        wanted = {ord(character) for character in cluster if not _is_unseen(character)}
        faces = sorted(self._faces_of(family), key=lambda face: (face.is_italic != italic, _distance(face, weight)))
        return next((face for face in faces if wanted <= face.characters), faces[0])

    def _named(self, family: str) -> str | None:
        """Return the name, as libass knows it, of a family that is here.

        A font that came with the document draws its family even where it is one weight of a family that is here.
        """
        wanted = _key(family)
        for face in self._faces:
            for name in sorted(face.names):
                if _key(name) == wanted:
                    return face.own_family if face in self._extra and name == face.family else name
        return None

    def _faces_of(self, name: str) -> list[Face]:
        return [face for face in self._faces if name in face.names]

    def _substitutes(self, lacking: Collection[str], look: "_Look") -> dict[str, str]:
        """Return the first family that has it for each character that any family has."""
        substitutes: dict[str, str] = {}
        rest = set(lacking)
        for family in dict.fromkeys(face.family for face in self._faces):
            still = look.lacking(self._faces_of(family), rest)
            substitutes.update(dict.fromkeys(sorted(rest - still), family))
            rest = still
            if not rest:
                break
        return substitutes


@dataclass(frozen=True)
class _Look:
    """A weight and a slant that are wanted of a family."""

    weight: int
    italic: bool

    def lacking(self, faces: Iterable[Face], characters: Collection[str]) -> set[str]:
        """Return the characters that none of a family's faces has: libass asks them all, the nearest first."""
        rest = set(characters)
        for face in sorted(faces, key=lambda face: (face.is_italic != self.italic, abs(face.weight - self.weight))):
            if not rest:
                break
            has = face.characters
            rest = {character for character in rest if ord(character) not in has}
        return rest


def _distance(face: Face, weight: int) -> tuple[int, int]:
    """Return how far a face is from a weight, as CSS Fonts 4 (5.2) matches them.

    A lighter weight than regular looks among the still lighter first, a heavier among the heavier; regular takes a
    medium face before a light one, medium a regular one before a bold one.
    """
    if weight < REGULAR:
        rank = int(face.weight > weight)
    elif weight > MEDIUM:
        rank = int(face.weight < weight)
    else:
        rank = 0 if weight <= face.weight <= MEDIUM else 1 if face.weight < weight else 2
    return rank, abs(face.weight - weight)


def environment(workdir: Path, extra: Sequence[Path] = ()) -> dict[str, str]:
    """Do what Fonts(extra).environment(workdir) does."""
    return Fonts(extra).environment(workdir)


def fingerprint() -> str:
    """Return what stands for the content of all fonts that are here, but for those that a document brings."""
    digest = hashlib.sha256()
    for file in [*_packaged_files(), *_font_files(settings.VIDEOCRAFT.fonts_dir)]:
        facts = file.stat()
        digest.update(_sha256(file, facts.st_size, facts.st_mtime_ns))
    return digest.hexdigest()


@functools.lru_cache(maxsize=1000)
def _sha256(file: Path, size_bytes: int, written_ns: int) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


def _packaged_files() -> Iterator[Path]:
    for package, pattern in _PACKAGED.items():
        found = importlib.util.find_spec(package)
        assert found is not None
        assert found.origin is not None
        yield from sorted(Path(found.origin).parent.glob(pattern))


def _font_files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in _SUFFIXES and file.is_file()]


def _faces_in(folder: Path) -> Iterator[Face]:
    for file in _font_files(folder):
        try:
            yield from read_faces(file)
        except MediaError as problem:
            logger.warning("the font %s is left out: %s (%s)", file, problem.message, problem.detail)


def _key(family: str) -> str:
    return "".join(character for character in family.casefold() if character not in " -_")


def _is_unseen(character: str) -> bool:
    """Return whether a character needs no glyph: spaces, controls, joiners, variation selectors."""
    return unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"} or ord(character) in _UNSEEN


def clusters(text: str) -> Iterator[str]:
    """Part a text into characters, each with what belongs to it: spaces, joiners and accents."""
    cluster = ""
    for character in text:
        if cluster and not _is_unseen(character) and not unicodedata.category(character).startswith("M"):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _not_here(family: str, drawn: str, families: Sequence[str]) -> str:
    near = difflib.get_close_matches(_key(family), [_key(name) for name in families], 1)
    guess = next((name for name in families if near and _key(name) == near[0]), None)
    hint = f" (did you mean '{guess}'?)" if guess else ""
    here = _listed(families, _MOST_SHOWN_FAMILIES)
    return f"the font family '{family[:100]}' is not here{hint}; '{drawn}' is drawn instead (here are: {here})"


def _drawn_elsewhere(family: str, substitutes: Mapping[str, str]) -> str:
    if not substitutes:
        return ""
    count = len(substitutes)
    what = f"{count} characters" if count > 1 else "1 character"
    they = "they are" if count > 1 else "it is"
    names = " and ".join(f"'{name}'" for name in dict.fromkeys(substitutes.values()))
    return f"'{family}' lacks {what} ({_shown(substitutes)}); {they} drawn in {names}"


def _nowhere(missing: Collection[str]) -> str:
    if not missing:
        return ""
    return (
        f"no font here has {_shown(missing)}; boxes are drawn: put a font that has them into VIDEOCRAFT_FONTS_DIR "
        "or name one with font-url"
    )


def _shown(characters: Collection[str]) -> str:
    printed = [char if char.isprintable() else f"U+{ord(char):04X}" for char in sorted(characters)]
    return _listed(printed, _MOST_SHOWN_CHARACTERS)


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join([*names[:most], *(["…"] if len(names) > most else [])])
