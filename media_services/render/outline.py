"""Owns what is told of a film before it is made: what is shown when, and all that each segment depends on."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from media_services.journal import FilmPlan, PlannedSegment, Shown
from media_services.render.encoder import Part
from media_services.render.keys import Inputs
from media_services.timeline import Layer, Span, Timeline

_DIGEST_CHARS = 12

# What a layer depends on, in the words that a change of it is told in.
_GROUPS = {
    "source": ("source",),
    "text": ("text", "font"),
    "look": ("look", "colour"),
    "place": ("placement", "scene"),
    "time": ("span", "seek_ms", "pass_ms", "loops", "plain", "prepared"),
}


def film_plan(timeline: Timeline, parts: Sequence[Part], project: int, project_id: Any) -> FilmPlan:
    """Return what is told of a film, whose project has a number and, it may be, a name."""
    segments = (
        PlannedSegment(part.segment.first_frame, part.segment.end_frame, part.name, _digests(part), part.refused)
        for part in parts
    )
    return FilmPlan(project, project_id, float(timeline.fps), timeline.frames, tuple(_shown(timeline)), tuple(segments))


def _digests(part: Part) -> dict[str, str]:
    """Return a digest of each thing that a part depends on, by its name or the pointer of its layer and its group.

    A group of which a layer has nothing is left out, so that two layers are not alike in what neither has.
    """
    of_all = {name: _digest(value) for name, value in part.inputs.items() if name != "layers"}
    facts: list[Inputs] = part.inputs["layers"]
    of_layers = {
        f"{path} {group}": _digest([layer[name] for name in names])
        for path, layer in zip(part.layers, facts, strict=True)
        for group, names in _GROUPS.items()
        if any(layer[name] is not None for name in names)
    }
    return of_all | of_layers


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGEST_CHARS]


def _shown(timeline: Timeline) -> Iterator[Shown]:
    for number, scene in enumerate(timeline.scenes):
        yield _entry("scene", str(scene.id) if scene.id is not None else f"scene {number + 1}", scene.span)
    for layer in timeline.layers:
        yield _entry(_kind(layer), layer.path, layer.span)
    for sound in timeline.sounds:
        yield _entry("sound", sound.path, sound.span)
    for captions in timeline.captions:
        yield _entry("subtitles", captions.path, captions.span)


def _entry(kind: str, path: str, span: Span) -> Shown:
    return Shown(kind, path, span.start_ms / 1000, span.end_ms / 1000)


def _kind(layer: Layer) -> str:
    if layer.source is not None:
        return layer.source.probe.kind.value
    return "text" if layer.text is not None else "colour"
