"""Whatever is posted, reading it gives a movie or a DocumentError, and what was read is read again as it is.

`FUZZ_EXAMPLES=20000` looks longer.
"""

import copy
import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_services.errors import DocumentError
from media_services.movie.arithmetic import Budget, ExpressionError
from media_services.movie.document import MODELS, Image, Project, Scene, Subtitles, Text
from media_services.movie.expressions import evaluate, fill
from media_services.movie.reading import read
from media_services.movie.resolving import FAILED
from media_services.movie.settings import SubtitleSettings, TextSettings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

FILM = {
    "resolution": "hd",
    "fps": 29.97,
    "variables": {"rows": [{"n": 1, "src": "https://x.org/a.png"}, {"n": 2, "src": "https://x.org/b.png"}], "a": "b"},
    "scenes": [
        {
            "iterate": "rows",
            "condition": "n > 0",
            "transition": {"style": "fade", "duration": 0.5},
            "elements": [
                {"type": "image", "src": "{{ src }}", "zoom": 3, "pan": "left", "rotate": {"angle": 45, "speed": 1}},
                {"type": "text", "text": "{{ n }} of {{ a }}", "settings": {"font-size": "5vw", "color": "red"}},
            ],
        },
        {
            "duration": 3,
            "background-color": "#123456",
            "elements": [
                {"type": "audio", "src": "https://x.org/a.mp3", "volume": 0.5, "fade-in": 1},
                {"type": "video", "src": "https://x.org/a.mp4", "chroma-key": {"color": "lime"}, "crop": {"x": "10%"}},
                {"type": "subtitles", "captions": "1\n00:00:01,000 --> 00:00:02,000\nHello\n", "settings": {}},
            ],
        },
    ],
    "elements": [{"type": "video", "src": "https://x.org/b.mp4", "resize": "cover", "correction": {"gamma": 1.1}}],
}
MODELS_OF_KEYS = [Project, Scene, Subtitles, SubtitleSettings, Text, TextSettings, Image, *MODELS.values()]
KEYS = sorted({about.alias for model in MODELS_OF_KEYS for about in model.model_fields.values()})
VARIABLES = {"a": 1, "b": "text", "rows": [{"n": 1}], "o": {"x": None}, "no": False}

odd_texts = st.text(max_size=8) | st.sampled_from(
    ["", "-1", "60px", "80%", "10vw", "bottom", "red", "#0f0", "true", "NaN", "1e999", "9" * 400, "x" * 5001, "\x00",
     "\ud800", "{{ a }}", "{{ rows }}", "{{ nope }}", "{{ a", "{{ rows[0] }} {{ a + 'x' }}", "{{ '{{' }}{", "rows",
     "data:image/png;base64,AA", "asset:1", "https://x.org", "WEBVTT\n\n00:01.000 --> 00:02.000\nA", "[]"]
)  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 100)
    | st.floats()
    | odd_texts
    | st.sampled_from([10**30, -(10**400), 10**4000, 1e308, 5e-324, float("nan"), float("-inf"), -0.0])
)
keys = st.sampled_from(KEYS) | st.sampled_from([key.replace("-", "_") for key in KEYS]) | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)
elements = st.dictionaries(keys, values, max_size=5).flatmap(
    lambda rest: st.sampled_from([*MODELS, "voice"]).map(lambda kind: {"src": "https://x.org/a", **rest, "type": kind})
)
near_films = st.fixed_dictionaries(
    {"scenes": st.lists(st.fixed_dictionaries({"elements": st.lists(elements, max_size=3)}), max_size=3)},
    optional={"elements": st.lists(elements, max_size=2), "variables": st.dictionaries(keys, values, max_size=3)},
)


@st.composite
def mutated_films(draw):
    """Return a valid film in which a few values were replaced, added, taken away or nested deeply."""
    film = copy.deepcopy(FILM)
    for _ in range(draw(st.integers(1, 4))):
        node = draw(st.sampled_from(list(_containers(film))))
        key = draw(keys if isinstance(node, dict) else st.integers(0, len(node)))
        match draw(st.sampled_from(["replace", "replace", "add", "remove", "nest"])):
            case "remove" if len(node):
                place = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
                del node[place]
            case "replace" if len(node):
                place = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
                node[place] = draw(values)
            case "nest":
                _put(node, key, _nested(draw(values), draw(st.integers(1, 90))))
            case _:
                _put(node, key, draw(values))
    return film


def _containers(node):
    if isinstance(node, dict | list):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from _containers(child)


def _put(node, key, value):
    if isinstance(node, dict):
        node[key] = value
    else:
        node.insert(key, value)


def _nested(value, depth):
    for level in range(depth):
        value = [value] if level % 2 else {"settings": value}
    return value


def check(document):
    """Read a document: a DocumentError tells places and reasons; a movie is read again as it is, without a warning."""
    before = copy.deepcopy(document)
    movie, problems = movie_or_problems(document)
    assert written(document) == written(before), "reading changed what it read"
    for problem in problems:
        assert problem.path == "" or problem.path.startswith("/")
        assert problem.message
        assert json.dumps(problem.as_json(), ensure_ascii=False).encode()
    if movie is None:
        assert problems
        return
    plain = movie.as_json()
    again = read(json.loads(json.dumps(plain, allow_nan=False)), strict=True)
    assert again.warnings == []
    assert again.as_json() == plain
    for element, pointer in movie.elements():
        assert found(document, pointer)["type"] == element.type or "{{" in found(document, pointer)["type"]


def movie_or_problems(document):
    try:
        return read(document), []
    except DocumentError as error:
        return None, error.problems


def written(value):
    """Return a value as text, in which NaN is equal to NaN."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [(key, written(item)) for key, item in items]
    return repr(value)


def found(document, pointer):
    """Return what stands at a JSON pointer."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@fuzzed
@given(values)
def test_any_json_is_read_or_refused(document):
    check(document)


@fuzzed
@given(near_films)
def test_documents_near_the_format_are_read_or_refused(document):
    check(document)


@fuzzed
@given(mutated_films())
def test_films_in_which_something_changed_are_read_or_refused(document):
    check(document)


@fuzzed
@given(st.sampled_from(KEYS), values)
def test_any_value_of_any_key_is_read_or_refused(key, value):
    base = {"duration": 3, "src": "https://x.org/a", "text": "a"}
    for kind in MODELS:
        check({"scenes": [{"elements": [{**base, "type": kind, key: value}]}]})
    for kind in ("text", "subtitles"):
        check({"scenes": [{"elements": [{**base, "type": kind, "settings": {key: value}}]}]})
    check({"scenes": [{"duration": 1, key: value}]})
    check({"scenes": [{"duration": 1}], key: value})


@fuzzed
@given(
    st.lists(
        st.sampled_from(["a", "b", "rows", "o", "no", "nope", ".", "n", "[", "]", "(", ")", "0", "1.5", "'x'", '"', "+",
                         "-", "*", "/", "%", "<", ">=", "==", "!=", "!", "&&", "||", "?", ":", ",", "min", "round",
                         "{{", "}}", " ", "null", "1e308", "and", "\\"])
        | st.text(max_size=2),
        max_size=25,
    )
)  # fmt: skip
def test_any_expression_has_a_value_or_is_refused(parts):
    for text in ("".join(parts), "{{" + "".join(parts) + "}}", "x{{ " + " ".join(parts) + " }}"):
        for work in (evaluate, fill):
            value = value_or_message(work, text)
            assert value is not FAILED
            json.dumps(value, allow_nan=False)


def value_or_message(work, text):
    try:
        return work(text, VARIABLES, Budget())
    except ExpressionError as error:
        return str(error)
