"""Owns reading a posted document: lenient where the meaning is plain, with every error and warning at its place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from media_services.errors import DocumentError, Problem
from media_services.media import MediaKind
from media_services.movie.arithmetic import FAILED
from media_services.movie.document import MAX_PROJECTS, MODELS, Element, Project, Subtitles, Text
from media_services.movie.report import Report, brief, did_you_mean, escape, natural
from media_services.movie.resolving import Items, Resolver, literal
from media_services.movie.shape import Unbounded, check_shape
from media_services.movie.tidying import Tidier

_OTHER_TYPES = {"voice", "html", "component", "audiogram"}
_RANGE_ERRORS = ("greater_than", "less_than", "too_long", "too_short", "finite_number", "string_too")


@dataclass(frozen=True)
class Movie:
    """A document that was read: its projects, each with the JSON pointer it stands at, and what was odd about it."""

    projects: list[Project]
    pointers: list[str]
    warnings: list[Problem]

    def placed(self) -> Iterator[tuple[Element, Project, int | None]]:
        """Yield every element, its project and the number of its scene, None at project level, in document order."""
        for project in self.projects:
            for number, scene in enumerate(project.scenes):
                yield from ((element, project, number) for element in scene.elements)
            yield from ((element, project, None) for element in project.elements)

    def elements(self) -> Iterator[tuple[Element, str]]:
        """Yield every element with its JSON pointer, in document order; a repeated scene's have the same ones."""
        return ((element, element.pointer) for element, _, _ in self.placed())

    def sources(self) -> Iterator[tuple[str, str]]:
        """Yield every source with the JSON pointer of its key, in document order."""
        for element, pointer in self.elements():
            for src, path, _ in sources_of(element, pointer):
                yield src, path

    def as_json(self) -> list[dict[str, Any]]:
        """Return the document as it was understood, without templates and defaults; it can be read again."""
        dumped = (project.model_dump(mode="json", by_alias=True, exclude_unset=True) for project in self.projects)
        return [literal(project) for project in dumped]


def read(document: Any, *, strict: bool = False, allow_files: bool = False) -> Movie:
    """Read a document, an array of projects or one project.

    Raises DocumentError with everything that is wrong with it; under `strict` every warning is wrong too.
    `allow_files` admits sources that are paths, for a caller that has the document's owner's trust.
    """
    report = Report()
    movie = _Reader(report, allow_files).read(document)
    problems = report.errors + (report.warnings if strict else [])
    if movie is None or problems:
        raise DocumentError(sorted(problems, key=lambda problem: natural(problem.path)))
    return movie


@dataclass
class _Reader:
    """One reading: check its shape, resolve what is a template, put right what is loose, validate the rest."""

    report: Report
    allow_files: bool

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.report)
        self.tidier = Tidier(self.report, self.allow_files)

    def read(self, document: Any) -> Movie | None:
        """Return the movie, None where nothing could be read; what is wrong is in the report."""
        listed = document if isinstance(document, list) else [document]
        if not 1 <= len(listed) <= MAX_PROJECTS:
            message = f"a document has 1 to {MAX_PROJECTS} projects, this one has {len(listed)}"
            self.report.error("", "out-of-range", message)
            return None
        pointers = [f"/{number}" for number in range(len(listed))] if listed is document else [""]
        try:
            check_shape(document, self.report)
            read = [self.project(raw, pointer) for raw, pointer in zip(listed, pointers, strict=True)]
        except Unbounded:
            return None
        good = [project for project in read if project is not None]
        return Movie(good, [project.pointer for project in good], self.report.warnings)

    def project(self, raw: Any, pointer: str) -> Project | None:
        tidy = self.tidier.tidy(self.resolver.project(raw, pointer), Project, pointer)
        self.check_lengths(tidy, pointer)
        try:
            project = Project.model_validate(tidy)
        except ValidationError as invalid:
            for problem in invalid.errors(include_url=False, include_input=True):
                self.invalid(problem, tidy, pointer)
            return None
        _place(project, tidy, pointer)
        return project

    def invalid(self, problem: Any, tidy: Any, pointer: str) -> None:
        """Report one of pydantic's errors, in our words and at its JSON pointer."""
        kind, value = problem["type"], problem["input"]
        loc = problem["loc"][:-1] if kind == "missing" else problem["loc"]
        path = self.pointer_of(loc, tidy, pointer)
        if kind in {"union_tag_invalid", "union_tag_not_found"}:
            path, value = self.tidier.stood.get(f"{path}/type", f"{path}/type"), value.get("type")
            code, message = "unknown-type", _wrong_type(value)
        elif kind == "missing":
            path, code, message = f"{path}/{problem['loc'][-1]}", "missing", f"{problem['loc'][-1]!r} is missing"
        elif kind == "value_error":
            code, message = "invalid-value", str(problem["ctx"]["error"])
        elif kind == "string_pattern_mismatch":
            code, message = "invalid-value", _no_match(value, problem["ctx"]["pattern"])
        else:
            code = "out-of-range" if kind.startswith(_RANGE_ERRORS) else "wrong-type"
            message = f"{problem['msg']}, not {brief(value)}"
        if value is not FAILED:
            self.report.error(path, code, message)

    def pointer_of(self, loc: tuple[int | str, ...], tidy: Any, pointer: str) -> str:
        """Turn pydantic's place into a JSON pointer of what was posted, without the tags of unions."""
        node, is_element = tidy, False
        for part in loc:
            if is_element and part in MODELS:
                is_element = False
                continue
            if not isinstance(node, dict | list) or (isinstance(node, dict) and part not in node):
                continue
            is_element = isinstance(node, Items)
            if isinstance(node, Items) and isinstance(part, int):
                pointer = node.pointers[part]
            else:
                moved = f"{pointer}/{escape(str(part))}"
                pointer = self.tidier.stood.get(moved, moved)
            node = node[part]
        return pointer

    def check_lengths(self, tidy: Any, pointer: str) -> None:
        """Report a film or a scene that cannot have a length."""
        if not isinstance(tidy, dict):
            return
        scenes, elements = _items(tidy, "scenes"), _items(tidy, "elements")
        if not tidy.get("scenes") and not tidy.get("elements"):
            self.report.error(pointer, "empty", "a project needs scenes or elements")
        lends = any(_kind(element) not in {"image", "text", "subtitles"} for element in elements)
        for scene, place in zip(scenes, scenes.pointers, strict=True):
            if not isinstance(scene, dict) or scene.get("duration", -1) not in (-1, -2):
                continue
            if not any(map(_has_length, _items(scene, "elements"))) and not (lends and len(scenes) == 1):
                what = "a scene in which nothing has a length" if scene.get("elements") else "an empty scene"
                self.report.error(place, "empty", f"{what} needs a duration")


def _place(project: Project, tidy: dict[str, Any], pointer: str) -> None:
    """Tell a project, its scenes and their elements where they stood in what was posted."""
    project.stand_at(pointer)
    _place_elements(project.elements, tidy)
    scenes = _items(tidy, "scenes")
    for scene, raw, place in zip(project.scenes, scenes, scenes.pointers, strict=True):
        scene.stand_at(place)
        _place_elements(scene.elements, raw)


def _place_elements(elements: Sequence[Element], tidy: dict[str, Any]) -> None:
    for element, place in zip(elements, _items(tidy, "elements").pointers, strict=True):
        element.stand_at(place)


def _kind(element: Any) -> str:
    kind = element.get("type") if isinstance(element, dict) else None
    return kind if isinstance(kind, str) else ""


def _has_length(element: Any) -> bool:
    """Say whether a scene with this element has a length; of what is wrong anyway it is not asked."""
    duration = element.get("duration", -1) if isinstance(element, dict) else None
    if duration in (-1, -2):
        return _kind(element) != "subtitles" and (duration == -1 or _kind(element) not in {"audio", "video"})
    return True


def sources_of(element: Element, pointer: str) -> Iterator[tuple[str, str, MediaKind]]:
    """Yield every source an element names, with the JSON pointer of its key and the kind it must be of."""
    if src := getattr(element, "src", None):
        yield src, f"{pointer}/src", MediaKind(element.type)  # type: ignore[attr-defined]
    if isinstance(element, Subtitles) and element.captions_src:
        yield element.captions_src, f"{pointer}/captions", MediaKind.CAPTIONS
    if isinstance(element, Subtitles | Text) and element.settings.font_url:
        yield element.settings.font_url, f"{pointer}/settings/font-url", MediaKind.FONT


def _items(tidy: dict[str, Any], name: str) -> Items:
    value = tidy.get(name)
    return value if isinstance(value, Items) else Items([])


def _no_match(value: Any, pattern: str) -> str:
    choices = re.fullmatch(r"\^\(([a-z|]+)\)\$", pattern)
    if choices is None:
        return f"{brief(value)} is not of the form {pattern}"
    words = choices[1].split("|")
    return f"{brief(value)} is none of {', '.join(words)}{did_you_mean(value, words)}"


def _wrong_type(kind: Any) -> str:
    known = ", ".join(MODELS)
    if kind is None:
        return f"an element needs a 'type': {known}"
    if isinstance(kind, str) and kind in _OTHER_TYPES:
        return f"elements of type {kind!r} are not rendered here; there are {known}"
    near = did_you_mean(kind, MODELS) if isinstance(kind, str) else ""
    return f"{brief(kind)} is not a type of element; known are {known}{near}"
