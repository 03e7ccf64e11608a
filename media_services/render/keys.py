"""Owns keys: all that a part of a film depends on and nothing else, so that what was made before is found again."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from media_services import ffmpeg, fonts, results
from media_services.engine import digest
from media_services.placing import Size
from media_services.render.burning import Burnt
from media_services.timeline import Layer, Sound, Timeline

# Whose next version may draw or encode otherwise.
_LIBRARIES = (
    "av",
    "fonttools",
    "freetype-py",
    "imageio-ffmpeg",
    "moviepy",
    "numpy",
    "pillow",
    "python-bidi",
    "uharfbuzz",
    "uniseg",
)
_OWN_CODE = Path(__file__).parents[1]

Inputs = dict[str, Any]  # what something depends on, as JSON


def segment_inputs(part: Timeline, subtitles: Burnt | None) -> Inputs:
    """Return what the pictures of a segment depend on, with the subtitles that are burnt into them."""
    lettered = subtitles is not None or any(layer.text for layer in part.layers)
    return {
        "size": [part.width, part.height],
        "fps": str(part.fps),
        "frames": part.frames,
        "format": part.format,
        "quality": part.quality,
        "draft": part.draft,
        "layers": [_layer(layer) for layer in part.layers],
        "transitions": to_jsonable_python(part.transitions),
        "subtitles": to_jsonable_python(subtitles),
        "fonts": fonts.fingerprint() if lettered else None,
        "engine": engine(),
    }


def sound_inputs(timeline: Timeline) -> Inputs:
    """Return what the sound track of a film depends on."""
    return {
        "samples": timeline.samples,
        "format": timeline.format,
        "sounds": [
            _facts(sound) | {"span": [sound.span.start_ms, sound.span.end_ms], "scene": None}
            for sound in timeline.sounds
        ],
        "engine": engine(),
    }


def pass_inputs(layer: Layer, frames: int, size: Size) -> Inputs:
    """Return what a pass of a looped layer depends on, of so many frames of a size."""
    assert layer.source is not None
    place = layer.placement
    return {
        "source": [layer.source.probe.kind, layer.source.sha256],
        "seek_ms": layer.seek_ms,
        "pass_ms": layer.pass_ms,
        "frames": frames,
        "size": size,
        "placement": to_jsonable_python([place.scaled, place.offset, place.cut, place.box.width, place.box.height]),
        "engine": engine(),
    }


def film_name(kind: str, parts: Sequence[str], **facts: Any) -> str:
    """Return the name of what is made of a film's parts, given their names in their order."""
    return results.key(kind, parts=parts, engine=engine(), **facts)


def _layer(layer: Layer) -> Inputs:
    facts = _facts(layer)
    text = {"text": layer.text.text, "settings": to_jsonable_python(layer.text.settings)} if layer.text else None
    return facts | {"text": text, "font": layer.font.sha256 if layer.font else None}


def _facts(shown: Layer | Sound) -> Inputs:
    """Return the fields of a layer or a sound, with its source's content in the place of what the document calls it."""
    left_out = {"path", "cache", "source", "text", "font"}
    facts = {name: to_jsonable_python(value) for name, value in vars(shown).items() if name not in left_out}
    source = shown.source
    return facts | {"source": [source.probe.kind, source.sha256] if source else None}


@functools.cache
def engine() -> str:
    """Return what stands for everything that draws and encodes: our code, the libraries, and FFmpeg."""
    executable = Path(ffmpeg.executable())
    return digest(_OWN_CODE.rglob("*.py"), _LIBRARIES, executable.name, str(executable.stat().st_size))
