"""Owns reading a posted document: lenient where the meaning is plain, with every error and warning at its place."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from media_services.errors import DocumentError, Problem
from media_services.media import MediaKind
from media_services.movie.document import MAX_PROJECTS, MODELS, Element, Project, Scene, Settings, Subtitles, Text
from media_services.movie.values import Loose
from media_services.subtitles.given import is_inline

_ALIASES = {"fit": "resize", "object-fit": "resize", "background": "background-color", "volumn": "volume"}
_SHOWN = {
    "cache",
    "draft",
    "fade-in",
    "fade-out",
    "crop",
    "rotate",
    "flip-horizontal",
    "flip-vertical",
    "opacity",
    "zoom",
    "pan",
    "pan-distance",
    "pan-crop",
    "correction",
    "chroma-key",
    "variables",
}
_STRUCTURAL = {"condition", "iterate", "transition", "format"}
_OFFERED = {"format": "mp4"}
_OTHER_TYPES = {"voice", "html", "component", "audiogram"}
_RANGE_ERRORS = ("greater_than", "less_than", "too_long", "too_short", "finite_number")


@dataclass(frozen=True)
class Movie:
    """A document that was read: its projects, each with the JSON pointer it stands at, and what was odd about it."""

    projects: list[Project]
    pointers: list[str]
    warnings: list[Problem]

    def elements(self) -> Iterator[tuple[Element, str]]:
        """Yield every element with its JSON pointer, in document order."""
        for project, pointer in zip(self.projects, self.pointers, strict=True):
            for number, scene in enumerate(project.scenes):
                yield from _numbered(scene.elements, f"{pointer}/scenes/{number}")
            yield from _numbered(project.elements, pointer)

    def sources(self) -> Iterator[tuple[str, str]]:
        """Yield every source with the JSON pointer of its key, in document order."""
        for element, pointer in self.elements():
            for src, path, _ in sources_of(element, pointer):
                yield src, path


def read(document: Any, *, strict: bool = False, allow_files: bool = False) -> Movie:
    """Read a document, an array of projects or one project.

    Raises DocumentError with everything that is wrong with it; under `strict` every warning is wrong too.
    `allow_files` admits sources that are paths, for a caller that has the document's owner's trust.
    """
    reader = _Reader(allow_files=allow_files)
    movie = reader.read(document)
    problems = reader.errors + (reader.warnings if strict else [])
    if problems:
        raise DocumentError(sorted(problems, key=lambda problem: _natural(problem.path)))
    return movie


@dataclass
class _Reader:
    """One reading: the problems found so far, and how keys were spelt where they were put right."""

    allow_files: bool
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    spelt: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(self, document: Any) -> Movie:
        if isinstance(document, list):
            pairs = [(item, f"/{number}") for number, item in enumerate(document)]
        else:
            pairs = [(document, "")]
        if not 1 <= len(pairs) <= MAX_PROJECTS:
            self.error("", "out-of-range", f"a document has 1 to {MAX_PROJECTS} projects, this one has {len(pairs)}")
            return Movie([], [], [])
        read = [(self.project(item, pointer), pointer) for item, pointer in pairs]
        good = [(project, pointer) for project, pointer in read if project is not None]
        return Movie([project for project, _ in good], [pointer for _, pointer in good], self.warnings)

    def project(self, raw: Any, pointer: str) -> Project | None:
        tidy = self.tidy(raw, Project, pointer)
        self.check_lengths(tidy, pointer)
        try:
            return Project.model_validate(tidy)
        except ValidationError as invalid:
            for problem in invalid.errors(include_url=False, include_input=True):
                self.invalid(problem, pointer)
            return None

    def error(self, path: str, code: str, message: str) -> None:
        self.errors.append(Problem(path, code, message))

    def warn(self, path: str, code: str, message: str) -> None:
        self.warnings.append(Problem(path, code, message))

    def tidy(self, raw: Any, model: type[BaseModel], pointer: str) -> Any:
        """Return an object with the format's own keys and plain values, reporting what had to be put right."""
        if not isinstance(raw, dict):
            return raw
        fields = _fields(model)
        tidied: dict[str, Any] = {}
        for key, value in raw.items():
            if value is None:
                continue
            path = f"{pointer}/{_escape(key)}"
            name = self.known_key(key, fields, path, value)
            if name is None or (name in tidied and name != key):
                continue
            if name != key:
                self.spelt[pointer, name] = key
            tidied[name] = self.tidy_value(value, name, fields[name], path)
        return tidied

    def tidy_value(self, value: Any, name: str, about: FieldInfo, path: str) -> Any:
        if name in {"scenes", "elements"} and isinstance(value, list):
            return [self.tidy_item(item, name, f"{path}/{number}") for number, item in enumerate(value)]
        if isinstance(about.annotation, type) and issubclass(about.annotation, Settings):
            return self.tidy(value, about.annotation, path)
        for loose in _looseness(about):
            plain = loose.convert(value)
            if plain != value or type(plain) is not type(value):
                self.warn(path, "loose-value", f"{value!r} was read as {plain!r}")
            value = plain
        if isinstance(value, str) and (name in {"src", "font-url"} or (name == "captions" and not is_inline(value))):
            self.check_source(value, path)
        return value

    def tidy_item(self, item: Any, name: str, path: str) -> Any:
        if name == "scenes":
            return self.tidy(item, Scene, path)
        kind = item.get("type") if isinstance(item, dict) else None
        model = MODELS.get(kind) if isinstance(kind, str) else None
        return item if model is None else self.tidy(item, model, path)

    def known_key(self, key: str, fields: Mapping[str, FieldInfo], path: str, value: Any) -> str | None:
        """Return the format's name of a key, or None, with a problem reported, when it has none here."""
        if key in fields:
            return key
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key).replace("_", "-").lower()
        name = _ALIASES.get(name, name)
        if name in fields:
            self.warn(path, "alias", f"{key!r} was read as {name!r}")
            return name
        if name in _STRUCTURAL and value != _OFFERED.get(name):
            self.error(path, "not-offered", f"{name!r} is not rendered by this version")
        elif name in _SHOWN:
            self.warn(path, "not-offered", f"{name!r} is not rendered by this version and was ignored")
        elif name not in _STRUCTURAL:
            near = difflib.get_close_matches(name, fields, n=1, cutoff=0.6)
            self.warn(
                path, "unknown-key", f"{key!r} is not a key here" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        return None

    def invalid(self, problem: Any, pointer: str) -> None:
        """Report one of pydantic's errors, in our words and at its JSON pointer."""
        path, kind = self.pointer_of(problem["loc"], pointer), problem["type"]
        if kind in {"union_tag_invalid", "union_tag_not_found"}:
            self.error(path + "/type", "unknown-type", _wrong_type(problem["input"]))
        elif kind == "missing":
            self.error(path, "missing", f"{problem['loc'][-1]!r} is missing")
        elif kind == "value_error":
            self.error(path, "invalid-value", str(problem["ctx"]["error"]))
        else:
            code = "out-of-range" if kind.startswith(_RANGE_ERRORS) else "wrong-type"
            self.error(path, code, f"{problem['msg']}, not {_brief(problem['input'])}")

    def pointer_of(self, loc: tuple[int | str, ...], pointer: str) -> str:
        """Turn pydantic's place into a JSON pointer, with keys as the client spelt them and without union tags."""
        original = pointer
        previous: int | str | None = None
        for part in loc:
            is_tag = isinstance(previous, int) and part in MODELS
            previous = part
            if is_tag:
                continue
            original += "/" + _escape(self.spelt.get((original, str(part)), str(part)))
        return original

    def check_lengths(self, tidy: Any, pointer: str) -> None:
        """Report a film or a scene that cannot have a length."""
        if not isinstance(tidy, dict):
            return
        scenes, elements = _list(tidy, "scenes"), _list(tidy, "elements")
        if not tidy.get("scenes") and not tidy.get("elements"):
            self.error(pointer, "empty", "a project needs scenes or elements")
        borrows = len(scenes) == 1 and any(isinstance(part, dict) and part.get("type") != "image" for part in elements)
        for number, scene in enumerate(scenes):
            if (
                isinstance(scene, dict)
                and not scene.get("elements")
                and scene.get("duration", -1) in (-1, -2)
                and not borrows
            ):
                self.error(f"{pointer}/scenes/{number}", "empty", "an empty scene needs a duration")

    def check_source(self, src: str, path: str) -> None:
        if src.strip() and not self.allow_files and not re.match(r"\s*(https?://|asset:)", src, re.IGNORECASE):
            self.error(path, "invalid-value", f"{_brief(src)} is neither an http(s) URL nor asset:<id>")


def sources_of(element: Element, pointer: str) -> Iterator[tuple[str, str, MediaKind]]:
    """Yield every source an element names, with the JSON pointer of its key and the kind it must be of."""
    if src := getattr(element, "src", None):
        yield src, f"{pointer}/src", MediaKind(element.type)  # type: ignore[attr-defined]
    if isinstance(element, Subtitles) and element.captions_src:
        yield element.captions_src, f"{pointer}/captions", MediaKind.CAPTIONS
    if isinstance(element, Subtitles | Text) and element.settings.font_url:
        yield element.settings.font_url, f"{pointer}/settings/font-url", MediaKind.FONT


def _numbered(elements: list[Any], pointer: str) -> Iterator[tuple[Element, str]]:
    return ((element, f"{pointer}/elements/{number}") for number, element in enumerate(elements))


def _list(tidy: dict[str, Any], name: str) -> list[Any]:
    value = tidy.get(name)
    return value if isinstance(value, list) else []


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields under the format's names."""
    return {about.alias or name: about for name, about in model.model_fields.items()}


def _looseness(about: FieldInfo) -> Iterator[Loose]:
    """Yield a field's Loose marks, also those of an optional field, which stand inside its union."""
    marks = [
        *about.metadata,
        *(mark for part in get_args(about.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return (mark for mark in marks if isinstance(mark, Loose))


def _wrong_type(element: Any) -> str:
    kind = element.get("type") if isinstance(element, dict) else None
    known = ", ".join(MODELS)
    if kind is None:
        return f"an element needs a 'type': {known}"
    if kind in _OTHER_TYPES:
        return f"elements of type {kind!r} are not rendered by this version; it renders {known}"
    return f"{_brief(kind)} is not a type of element; known are {known}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _natural(path: str) -> list[tuple[int, int, str]]:
    """Order pointers as the document is ordered: /scenes/2 before /scenes/10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in path.split("/")]
