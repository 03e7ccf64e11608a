"""Owns edited words: reading what a client sends of them, and submitting the film that is made with them."""

import copy
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pydantic import BaseModel, Field, ValidationError

from jobs.api.errors import ApiError, conflict, invalid_input, too_large
from jobs.api.submission import problem_of
from jobs.idempotency import PostKey
from jobs.models import Video
from jobs.queue import Submission, Submitted, submit
from media_services.errors import DocumentError, Problem

_AT_WORDS = re.compile(r"/words(/\d+)?(/\w+)? (.+)", re.DOTALL)  # what the reader of captions says of an object's words


class _Entry(BaseModel):
    path: str
    words: Any


class _Body(BaseModel):
    subtitles: list[_Entry] = Field(min_length=1)


@dataclass(frozen=True)
class Edit:
    """The words of the `subtitles` element at `path` of a document, and the JSON pointer at which the body has them."""

    path: str
    words: Any
    place: str


@dataclass(frozen=True)
class _Film:
    """The project of a film, a copy; where the job's document has it; and its `subtitles` elements by their places."""

    project: dict[str, Any]
    pointer: str
    elements: Mapping[str, dict[str, Any]]


def submit_words(owner: Any, video: Video, body: Any, key: str | None) -> Submitted:
    """Submit a video's project again, with edited words in place of what its `subtitles` elements had or heard.

    Raises INVALID_INPUT for words that make no sense, at their places in the body, REQUEST_TOO_LARGE where they make
    the document too large, CONFLICT where the film has no subtitles or its document is no longer accepted, and what
    `submit` does.
    """
    film = _film(video)
    edits = read_edits(body, film.elements)
    for edit in edits:
        film.elements[edit.path]["captions"] = {"words": edit.words}
    document = [film.project]
    _refuse_large(document)
    submission = Submission(
        document,
        strict=video.job.strict,
        labels=video.job.labels,
        client_data=video.job.client_data,
        key=PostKey.of(key, {"video": str(video.pk), "words": body}) if key is not None else None,
    )
    try:
        return submit(owner, submission)
    except DocumentError as error:
        raise _refusal(error.problems, film, edits) from error


def read_edits(body: Any, known: Collection[str]) -> list[Edit]:
    """Return the words that a body has for elements, which are known by their places in the document.

    Without a place they are those of the only element. Raises INVALID_INPUT.
    """
    if isinstance(body, dict) and "subtitles" in body:
        return _read_named(body, known)
    place = "/words" if isinstance(body, dict) and "words" in body else ""
    words = body["words"] if place else body
    if not isinstance(words, list):
        raise invalid_input([Problem(place, "wrong-type", "send the words as words.json has them")])
    if len(known) != 1:
        message = f"the film has {len(known)} subtitles elements; send {{'subtitles': [{{'path': …, 'words': …}}, …]}}"
        raise invalid_input([Problem(place, "ambiguous", message)])
    return [Edit(path, words, place) for path in known]


def _read_named(body: dict[str, Any], known: Collection[str]) -> list[Edit]:
    try:
        entries = _Body.model_validate(body, strict=True).subtitles
    except ValidationError as invalid:
        raise invalid_input(
            [problem_of(each) for each in invalid.errors(include_url=False, include_input=False)]
        ) from invalid
    paths = [entry.path for entry in entries]
    problems = [
        Problem(f"/subtitles/{number}/path", "invalid-value", message)
        for number, path in enumerate(paths)
        if (message := _wrong_path(path, paths[:number], known))
    ]
    if problems:
        raise invalid_input(problems)
    return [Edit(entry.path, entry.words, f"/subtitles/{number}/words") for number, entry in enumerate(entries)]


def _wrong_path(path: str, before: Collection[str], known: Collection[str]) -> str | None:
    if path not in known:
        return f"{path[:200]!r} is no subtitles element of this film; it has {', '.join(known)}"
    return f"{path!r} is named twice" if path in before else None


def _film(video: Video) -> _Film:
    """Return what a video was made of; raise CONFLICT where that has no subtitles."""
    config = copy.deepcopy(video.job.config)
    project, pointer = (config[video.project], f"/{video.project}") if isinstance(config, list) else (config, "")
    elements = dict(_subtitles(project, pointer))
    if not elements:
        raise conflict("the film has no subtitles element whose words could be edited")
    return _Film(project, pointer, elements)


def _subtitles(project: dict[str, Any], pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the `subtitles` elements of a project as it was posted, each with its JSON pointer.

    Those of a scene that is repeated are none: what they said was not the same each time.
    """
    parts = [(scene, place) for scene, place in _members(project, "scenes", pointer) if "iterate" not in scene]
    for part, place in [*parts, (project, pointer)]:
        for element, at in _members(part, "elements", place):
            if element.get("type") == "subtitles":
                yield at, element


def _members(part: dict[str, Any], name: str, place: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the members of a list of a document that was read once, each with its JSON pointer.

    The list's key may be spelt in other letters there.
    """
    spelt = [key for key in sorted(part, key=lambda key: key != name) if key.lower() == name and part[key] is not None]
    for key in spelt[:1]:
        yield from ((member, f"{place}/{key}/{number}") for number, member in enumerate(part[key]))


def _refuse_large(document: Any) -> None:
    limit_bytes = settings.VIDEOCRAFT.document_max_bytes
    if len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()) > limit_bytes:
        raise too_large("a document with its words", limit_bytes)


def _refusal(problems: list[Problem], film: _Film, edits: list[Edit]) -> ApiError:
    """Return what is wrong with words, at their places in the body, or else with the document that the film has."""
    places = {f"/0{edit.path.removeprefix(film.pointer)}/captions": edit.place for edit in edits}
    wrong = [_at_words(problem, places[problem.path]) for problem in problems if problem.path in places]
    if wrong:
        return invalid_input(wrong)
    moved = [Problem(film.pointer + it.path.removeprefix("/0"), it.code, it.message) for it in problems]
    message = f"the film's document is no longer accepted: {moved[0].path}: {moved[0].message}"
    return ApiError(409, "CONFLICT", message, details=[problem.as_json() for problem in moved])


def _at_words(problem: Problem, place: str) -> Problem:
    found = _AT_WORDS.fullmatch(problem.message)
    if found is None:
        return Problem(place, problem.code, problem.message)
    number, key, says = found[1] or "", found[2] or "", found[3]
    subject = key[1:] or ("the word" if number else "the list")
    return Problem(place + number + key, problem.code, f"{subject} {says}")
