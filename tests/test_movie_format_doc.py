"""What docs/movie-format.md says is so: its documents are read, its expressions evaluated, its tables compared."""

import json
import re
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel

from media_services.movie import document, settings
from media_services.movie.arithmetic import Budget
from media_services.movie.expressions import fill
from media_services.movie.reading import read

PAGE = (Path(__file__).parent.parent / "docs" / "movie-format.md").read_text()
SECTIONS = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##+ |\Z)", PAGE, re.DOTALL | re.MULTILINE))
DOCUMENTS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
EXPRESSIONS = re.findall(r"^\| `(.*\{\{.*)` \| `(.*)` \|$", SECTIONS["Expressions"], re.MULTILINE)
ELEMENT = document.Element.model_fields.keys()
PICTURE = document.Picture.model_fields.keys()
TABLES = [
    ("Project", document.Project, ()),
    ("Scene", document.Scene, ()),
    ("Pictures", document.Picture, ELEMENT),
    ("Image", document.Image, [*PICTURE, "type"]),
    ("Sounds", document.Sounding, ELEMENT),
    ("Text", document.Text, [*PICTURE, "type"]),
    ("Subtitles", document.Subtitles, [*ELEMENT, "type"]),
    ("crop", settings.Crop, ()),
    ("rotate", settings.Rotate, ()),
    ("correction", settings.Correction, ()),
    ("chroma-key", settings.ChromaKey, ()),
    ("transition", settings.Transition, ()),
    ("Text settings", settings.TextSettings, ()),
    ("Subtitle settings", settings.SubtitleSettings, ()),
]


def defaults_in(section):
    """Return the keys of a section's table with their defaults as written, empty where there is none."""
    found = {}
    for keys, defaults in re.findall(r"^\|( `[^|]+`) \|([^|]*)\|", SECTIONS[section], re.MULTILINE):
        names = re.findall(r"`([^`]+)`", keys)
        written = re.findall(r"`([^`]+)`", defaults)
        found |= dict(zip(names, written + [""] * (len(names) - len(written)), strict=True))
    return found


def default_of(about):
    value = about.get_default(call_default_factory=True)
    if about.is_required() or value is None or (isinstance(value, BaseModel)):
        return ""
    if isinstance(value, StrEnum):
        return value.value
    return value if isinstance(value, str) else json.dumps(value).removesuffix(".0")


@pytest.mark.parametrize(("section", "model", "elsewhere"), TABLES, ids=[section for section, _, _ in TABLES])
def test_every_key_stands_in_its_table_with_its_default(section, model, elsewhere):
    fields = {about.alias: about for name, about in model.model_fields.items() if name not in elsewhere}
    assert defaults_in(section) == {key: default_of(about) for key, about in fields.items()}


def test_every_key_of_all_elements_stands_in_their_table():
    fields = {about.alias: default_of(about) for about in document.Element.model_fields.values()}
    assert defaults_in("Every element") == fields | {"type": ""}


def test_video_and_audio_have_no_keys_of_their_own():
    assert document.Video.model_fields.keys() == {*PICTURE, *document.Sounding.model_fields, "type"}
    assert document.Audio.model_fields.keys() == {*document.Sounding.model_fields, "type"}


@pytest.mark.parametrize(
    ("section", "key", "values"),
    [("Project", "resolution", [*document.RESOLUTIONS, "custom"]), ("Project", "quality", document.Quality),
     ("Project", "format", document.Format), ("Every element", "type", document.MODELS),
     ("Pictures", "position", [*settings.POSITIONS, "custom"]), ("Pictures", "resize", document.Resize),
     ("Pictures", "pan", document.Pan), ("transition", "style", settings.TransitionStyle),
     ("Subtitle settings", "style", settings.SubtitleStyle)],
)  # fmt: skip
def test_every_word_that_a_key_takes_is_named(section, key, values):
    (row,) = re.findall(rf"^\| `{key}` \| (.*) \|$", SECTIONS[section], re.MULTILINE)
    assert {str(value) for value in values} <= set(re.findall(r"`([^`]+)`", row))


@pytest.mark.parametrize("raw", DOCUMENTS)
def test_every_document_is_read_without_a_warning(raw):
    assert read(raw, strict=True).warnings == []


def test_the_templates_say_what_the_page_says():
    prices, fruit = (read(raw).projects[0] for raw in DOCUMENTS[1:])
    assert [(scene.duration, [element.text for element in scene.elements]) for scene in prices.scenes] == [
        (4, ["Prices: 15 €"])
    ]
    assert [scene.elements[1].text for scene in fruit.scenes] == [
        "1. Apples, 3 € at Fruit & more",
        "2. Pears, 4 € at Fruit & more",
    ]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_every_expression_has_the_value_beside_it(expression, value):
    variables = json.loads(re.search(r'`"variables": (.*)`:', SECTIONS["Expressions"])[1])
    found = fill(expression.replace("\\|", "|"), variables, Budget())
    assert json.dumps(found) == value


def test_there_are_documents_and_expressions():
    assert (len(DOCUMENTS), len(EXPRESSIONS)) == (3, 20)
