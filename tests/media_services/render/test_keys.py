"""Keys of results: a field of a document that changes pixels or samples changes those parts' keys, no other does."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media_services import fonts, pipeline
from media_services.captioning import caption_all
from media_services.movie.document import MODELS, Project, Scene
from media_services.movie.reading import read
from media_services.recogniser import Recogniser
from media_services.render import keys
from media_services.render.crew import Conditions
from media_services.render.encode import _encoder
from tests import media

Document = dict[str, Any]
ALL = {0, 1, 2, 3, 4}
IMAGE, CLIP, TEXT, OTHER, GROUND = range(5)  # the scenes, each a segment


def document() -> Document:
    """Return a film of five scenes of 4 s, each a segment: an image with a sound, a clip, a text, an image, nothing."""
    image = {"type": "image", "src": str(media.picture()), "width": 320, "height": 200}
    clip = {"type": "video", "src": str(media.video(duration_s=8)), "width": 320, "height": 200}
    words = [{"text": "first", "start_ms": 500, "end_ms": 1500}, {"text": "last", "start_ms": 17000, "end_ms": 18000}]
    scenes = [
        [image, {"type": "audio", "src": str(media.tone(duration_s=8))}],
        [clip],
        [{"type": "text", "text": "Hello", "width": 400, "height": 200}],
        [{**image, "src": str(media.picture(color="blue"))}],
        [],
    ]
    return {
        "resolution": "1280x720",
        "fps": 25,
        "scenes": [{"duration": 4, "background-color": "#102030", "elements": elements} for elements in scenes],
        "elements": [{"type": "subtitles", "captions": {"words": words}}],
    }


def names(given: Document, folder: Path) -> tuple[list[str], str]:
    """Return the names of the segments of a document, and that of its sound."""
    movie = read(copy.deepcopy(given), allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    (timeline,) = pipeline.plan(movie, folder / "sources", lambda *where: None, local=local)
    with Recogniser() as ear:
        (captioned,) = caption_all([timeline], threads=1, report=lambda done: None, recogniser=ear)
    (folder / "subtitles.ass").write_text(captioned.files.get("ass", ""))
    encoder = _encoder(timeline, folder, Conditions(), captioned, 0)
    return [part.name for part in encoder.parts()], encoder.sound_name


def put(place: str, value: Any) -> Callable[[Document], None]:
    """Return what sets a key of a document, given by its JSON pointer."""

    def change(given: Document) -> None:
        *way, last = place.split("/")[1:]
        target: Any = given
        for step in way:
            target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
        target[last] = value

    return change


FILM, SCENE, SOUND = "", "/scenes/{}", "/scenes/0/elements/1"
PICTURE, VIDEO, WORDS, LAST, SUBTITLES = (
    "/scenes/0/elements/0", "/scenes/1/elements/0", "/scenes/2/elements/0", "/scenes/3/elements/0", "/elements/0",
)  # fmt: skip
NEW_PICTURE, NEW_CLIP, NEW_TONE = (
    lambda: str(media.picture(color="lime")),
    lambda: str(media.video(duration_s=9)),
    lambda: str(media.tone(duration_s=8, frequency_hz=500)),
)

# Where a key stands, its new value, the scenes whose pictures are others then, and whether the sound is.
CHANGES: list[tuple[str, Any, set[int], bool]] = [
    ("/id", "x", set(), False),
    ("/comment", "x", set(), False),
    ("/client-data", {"a": 1}, set(), False),
    ("/variables", {"unused": 1}, set(), False),
    ("/cache", False, set(), False),
    ("/resolution", "1280x800", ALL, False),
    ("/width", 1300, ALL, False),
    ("/height", 800, ALL, False),
    ("/quality", "low", ALL, False),
    ("/fps", 24, ALL, False),
    ("/format", "webm", ALL, True),
    ("/draft", True, ALL, False),
    ("/scenes/1/id", "x", set(), False),
    ("/scenes/1/comment", "x", set(), False),
    ("/scenes/1/condition", "1 == 1", set(), False),
    ("/scenes/1/variables", {"unused": 1}, set(), False),
    ("/scenes/1/cache", False, set(), False),
    ("/scenes/4/background-color", "#405060", {GROUND}, False),
    ("/scenes/4/duration", 5, {GROUND}, True),
    ("/scenes/4/transition", {"style": "fade", "duration": 0.5}, {OTHER, GROUND}, True),
    (f"{PICTURE}/id", "x", set(), False),
    (f"{PICTURE}/comment", "x", set(), False),
    (f"{PICTURE}/condition", True, set(), False),
    (f"{PICTURE}/variables", {"unused": 1}, set(), False),
    (f"{PICTURE}/cache", False, set(), False),
    (f"{PICTURE}/src", NEW_PICTURE, {IMAGE}, False),
    (f"{PICTURE}/loop", 0, set(), False),
    (f"{PICTURE}/start", 1, {IMAGE}, False),
    (f"{PICTURE}/duration", 2, {IMAGE}, False),
    (f"{PICTURE}/fade-in", 1, {IMAGE}, False),
    (f"{PICTURE}/fade-out", 1, {IMAGE}, False),
    (f"{PICTURE}/z-index", -1, set(), False),  # it is alone
    (f"{PICTURE}/x", 10, {IMAGE}, False),
    (f"{PICTURE}/y", 10, {IMAGE}, False),
    (f"{PICTURE}/width", 300, {IMAGE}, False),
    (f"{PICTURE}/height", 300, {IMAGE}, False),
    (f"{PICTURE}/position", "top-right", {IMAGE}, False),
    (f"{PICTURE}/resize", "cover", {IMAGE}, False),
    (f"{PICTURE}/crop", {"x": 4}, {IMAGE}, False),
    (f"{PICTURE}/rotate", 10, {IMAGE}, False),
    (f"{PICTURE}/flip-horizontal", True, {IMAGE}, False),
    (f"{PICTURE}/flip-vertical", True, {IMAGE}, False),
    (f"{PICTURE}/opacity", 0.5, {IMAGE}, False),
    (f"{PICTURE}/zoom", 2, {IMAGE}, False),
    (f"{PICTURE}/pan", "left", {IMAGE}, False),
    (f"{PICTURE}/correction", {"gamma": 1.2}, {IMAGE}, False),
    (f"{PICTURE}/chroma-key", "#00ff00", {IMAGE}, False),
    (f"{VIDEO}/src", NEW_CLIP, {CLIP}, True),
    (f"{VIDEO}/seek", 1, {CLIP}, True),
    (f"{VIDEO}/volume", 0.5, set(), True),
    (f"{VIDEO}/muted", True, set(), True),
    (f"{SOUND}/src", NEW_TONE, set(), True),
    (f"{SOUND}/seek", 1, set(), True),
    (f"{SOUND}/volume", 0.5, set(), True),
    (f"{SOUND}/muted", True, set(), True),
    (f"{SOUND}/start", 1, set(), True),
    (f"{SOUND}/duration", 2, set(), True),
    (f"{SOUND}/fade-in", 1, set(), True),
    (f"{SOUND}/fade-out", 1, set(), True),
    (f"{SOUND}/id", "x", set(), False),
    (f"{WORDS}/text", "Goodbye", {TEXT}, False),
    (f"{WORDS}/settings/color", "#ff0000", {TEXT}, False),
    (f"{WORDS}/settings/font-family", "Oswald", {TEXT}, False),
    (f"{WORDS}/settings/font-size", 90, {TEXT}, False),
    (f"{WORDS}/width", 500, {TEXT}, False),
    (f"{SUBTITLES}/id", "x", set(), False),
    (f"{SUBTITLES}/language", "en", set(), False),
    (f"{SUBTITLES}/captions/words/1/text", "end", {GROUND}, False),
    (f"{SUBTITLES}/captions/words/0/start_ms", 700, {IMAGE}, False),
    (f"{SUBTITLES}/settings/style", "boxed-word", {IMAGE, GROUND}, False),
    (f"{SUBTITLES}/settings/word-color", "#00ff00", {IMAGE, GROUND}, False),
    (f"{SUBTITLES}/settings/outline-width", 5, {IMAGE, GROUND}, False),
    (f"{SUBTITLES}/settings/keywords", ["unheard"], set(), False),
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return names(document(), tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(("place", "value", "missed", "sound"), CHANGES, ids=[place for place, *_ in CHANGES])
def test_a_change_is_missed_where_it_is_seen_or_heard(plain, tmp_path, place, value, missed, sound):
    changed = document()
    put(place, value() if callable(value) else value)(changed)
    segments, track = names(changed, tmp_path)
    differ = {number for number, pair in enumerate(zip(plain[0], segments, strict=True)) if pair[0] != pair[1]}
    assert (differ, track != plain[1]) == (missed, sound)


def test_every_key_of_the_format_was_tried():
    tried = {step for place, *_ in CHANGES for step in place.split("/")}
    known = {
        (field.alias or name).replace("_", "-")
        for model in (Project, Scene, *MODELS.values())
        for name, field in model.model_fields.items()
    }
    elsewhere = {"type", "iterate", "extra-time", "pan-distance", "pan-crop", "model"}
    assert known - tried == elsewhere  # what those change is seen in layers that others have tried


def test_moving_a_scene_does_not_make_it_another(plain, tmp_path):
    moved = document()
    moved["elements"] = []
    before = names(moved, tmp_path)[0]
    moved["scenes"] = [moved["scenes"][4], *moved["scenes"][:4]]
    assert names(moved, tmp_path)[0] == [before[4], *before[:4]]


def test_fonts_and_versions_are_part_of_it(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "fingerprint", lambda: "other")
    segments, track = names(document(), tmp_path)
    assert [name in plain[0] for name in segments] == [False, True, False, True, False]
    assert track == plain[1]
    monkeypatch.setattr(keys, "engine", lambda: "next")
    segments, track = names(document(), tmp_path)
    assert not set(plain[0]) & set(segments)
    assert track != plain[1]


def test_the_same_content_from_elsewhere_is_the_same(plain, tmp_path):
    elsewhere = document()
    copied = media.new_file(".png")
    copied.write_bytes(media.picture().read_bytes())
    put(f"{PICTURE}/src", str(copied))(elsewhere)
    assert names(elsewhere, tmp_path) == plain
