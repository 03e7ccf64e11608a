"""Owns why a segment of a film is not what it was in the film before: a comparison of two plans, in words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from media_services.journal import PlannedSegment

_MOST_REASONS = 20
_MOST_PAIRS = 250_000  # of segments that are compared one with another; in longer films, by their places only

# What a segment's inputs are called, and what is said when one of them is another.
_FILM = {
    "fps": "the film's frame rate changed",
    "size": "the film's size changed",
    "format": "the film's format changed",
    "quality": "the film's quality changed",
    "draft": "the film became a draft, or is none any more",
    "subtitles": "the subtitles in it changed",
    "fonts": "the fonts changed",
    "transitions": "the transitions in it changed",
    "engine": "another version of the engine",
}
_LAYER = {
    "source": "the source of {path} has another content",
    "place": "the place of {path} changed",
    "look": "the look of {path} changed",
    "time": "the time of {path} changed",
    "text": "the text of {path} changed",
}
_LENGTH = "frames"  # the input that says how many a segment has
_CONTENT = ("source", "text")  # by which a layer is known again where its pointer is another
_PATH = "path"
_IF_MADE = ("first", "not-kept", "not-made-before")  # what is no reason for a segment that was there after all

Layers = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Reason:
    """Why a segment is another: in a word, at a JSON pointer of the document where there is one, and in a sentence."""

    what: str
    message: str
    path: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(
    segments: Sequence[PlannedSegment], before: Sequence[PlannedSegment] | None, existing: Iterable[str] = ()
) -> list[list[Reason]]:
    """Return for each segment why it is not one of the film `before`; None where there is no such film.

    A segment that has not changed gets the reason that holds if it has to be made all the same; `existing` names those
    of before that came to be.
    """
    there = set(existing)
    partners = _partners(segments, before or [])
    return [
        [*_refusal(segment), *_reasons(segment, partner, there, is_first=before is None)][:_MOST_REASONS]
        for segment, partner in zip(segments, partners, strict=True)
    ]


def that_hold(reasons: Iterable[Mapping[str, Any]], *, was_made: bool) -> list[Mapping[str, Any]]:
    """Return the reasons that hold for a segment: some do only if it was made."""
    return [reason for reason in reasons if was_made or reason["what"] not in _IF_MADE]


def contents(segments: Iterable[PlannedSegment]) -> set[str]:
    """Return the digests of all sources and texts, by which a project without an id is known again."""
    return {
        digest
        for segment in segments
        for key, digest in segment.inputs.items()
        if key.startswith("/") and key.rpartition(" ")[2] in _CONTENT
    }


def _refusal(segment: PlannedSegment) -> Iterator[Reason]:
    if segment.refused is not None:
        yield Reason("refused", f"{segment.refused or 'the document'} says cache: false", segment.refused)


def _reasons(
    segment: PlannedSegment, partner: PlannedSegment | None, existing: set[str], *, is_first: bool
) -> Iterator[Reason]:
    if is_first:
        yield Reason("first", "nothing of this project was made before")
    elif partner is None:
        yield Reason("added", "the film before had no such part")
    elif partner.name == segment.name and segment.name in existing:
        yield Reason("not-kept", "it was made before and is no longer kept")
    elif partner.name == segment.name:
        yield Reason("not-made-before", "it was planned before, but not made")
    else:
        yield from list(_differences(segment, partner)) or [Reason("other", "something else in it changed")]


# Which segment of the film before is to be compared with


def _partners(segments: Sequence[PlannedSegment], before: Sequence[PlannedSegment]) -> list[PlannedSegment | None]:
    """Return for each segment the one before with its name, else that which shares most with it, else by its place."""
    named = {segment.name: segment for segment in before}
    found: list[PlannedSegment | None] = [named.get(segment.name) for segment in segments]
    names = {segment.name for segment in segments}
    rest = [number for number, segment in enumerate(before) if segment.name not in names]
    alone = [number for number, partner in enumerate(found) if partner is None]
    alike = _alike(segments, alone, before, rest) if len(alone) * len(rest) <= _MOST_PAIRS else {}
    for number in alone:
        by_place = before[number] if number < len(before) else None
        found[number] = before[alike[number]] if number in alike else by_place
    return found


def _alike(
    segments: Sequence[PlannedSegment], alone: Sequence[int], before: Sequence[PlannedSegment], rest: Sequence[int]
) -> dict[int, int]:
    """Return the number of the segment that shares most of its layers with each; the nearer one of equals."""
    owners: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in rest:
        for item in _items(before[number]):
            owners[item].append(number)
    best = {}
    for number in alone:
        shared: Counter[int] = Counter()
        for kind, digest in _items(segments[number]):
            shared.update(dict.fromkeys(owners[kind, digest], 1 if kind == _PATH else 2))
        if shared:
            best[number] = max(shared, key=lambda owner: (shared[owner], -abs(owner - number)))
    return best


def _items(segment: PlannedSegment) -> set[tuple[str, str]]:
    """Return what of a segment's layers may be found in another: what they are, wherever, and where they stand."""
    found = set()
    for path, aspects in _layers(segment).items():
        found.add((_PATH, path))
        found |= {(name, digest) for name, digest in aspects.items() if name in _CONTENT}
    return found


# What is another in two segments


def _differences(segment: PlannedSegment, partner: PlannedSegment) -> Iterator[Reason]:
    yield from _film_differences(segment, partner)
    layers, earlier = _layers(segment), _layers(partner)
    pairs = dict(_paired(layers, earlier))
    for path, aspects in layers.items():
        if path not in pairs:
            yield Reason("new", f"{path} is new here", path)
        else:
            yield from _layer_differences(path, aspects, earlier[pairs[path]])
    for path in earlier.keys() - set(pairs.values()):
        yield Reason("gone", f"{path} is gone from here", path)
    if segment.end_frame - segment.first_frame != partner.end_frame - partner.first_frame:
        yield Reason("cut", "it is cut at other frames")


def _film_differences(segment: PlannedSegment, partner: PlannedSegment) -> Iterator[Reason]:
    now, then = _of_film(segment), _of_film(partner)
    for key in [*now, *(then.keys() - now.keys())]:
        if key != _LENGTH and now.get(key) != then.get(key):
            yield Reason(key, _FILM.get(key, f"{key} changed"))


def _layer_differences(path: str, now: Mapping[str, str], then: Mapping[str, str]) -> Iterator[Reason]:
    for name in [*now, *(then.keys() - now.keys())]:
        if now.get(name) != then.get(name):
            yield Reason(name, _LAYER.get(name, f"{name} of {{path}} changed").replace("{path}", path), path)


def _paired(layers: Layers, earlier: Layers) -> Iterator[tuple[str, str]]:
    """Yield which layer was which: at the same pointer if its content is the same, else wherever that is now.

    What is left is paired by its pointer: there the content is another.
    """
    free = dict(earlier)
    left = []
    for path, aspects in layers.items():
        if path in free and _is_alike(aspects, free[path]):
            del free[path]
            yield path, path
        else:
            left.append(path)
    for path in left:
        moved = next((there for there, aspects in free.items() if _is_alike(layers[path], aspects)), None)
        there = moved if moved is not None else path
        if there in free:
            del free[there]
            yield path, there


def _is_alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Say whether two layers have the same content; one without any is only like itself."""
    contents = [one[name] == other.get(name) for name in _CONTENT if name in one]
    return all(contents) if contents else one == other


def _layers(segment: PlannedSegment) -> Layers:
    """Return what is known of each layer, by its pointer: `source`, `place` and so on."""
    found: Layers = defaultdict(dict)
    for key, digest in segment.inputs.items():
        path, space, name = key.rpartition(" ")
        if space and path.startswith("/"):
            found[path][name] = digest
    return dict(found)


def _of_film(segment: PlannedSegment) -> dict[str, str]:
    return {key: digest for key, digest in segment.inputs.items() if not (key.startswith("/") and " " in key)}
