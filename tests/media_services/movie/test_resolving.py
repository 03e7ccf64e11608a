"""Templates: what a document with variables, expressions, conditions and repeated scenes says, and where it stood."""

import time

import pytest

from media_services.errors import DocumentError
from media_services.movie.reading import read

ROWS = [{"name": "Ann", "seconds": 2}, {"name": "Bob", "seconds": 3}]


def text(words, **keys):
    return {"type": "text", "text": words, **keys}


def film(*elements, scene=None, **keys):
    return {"scenes": [{"elements": list(elements), **(scene or {})}], **keys}


def project(document):
    movie = read(document, strict=True)
    return movie.projects[0]


def words(document):
    return [[element.text for element in scene.elements] for scene in project(document).scenes]


def problems(document):
    with pytest.raises(DocumentError) as caught:
        read(document)
    return [(problem.path, problem.code) for problem in caught.value.problems]


def test_the_variables_of_an_element_come_before_those_of_its_scene_and_of_the_project():
    document = film(
        text("{{ a }}{{ b }}{{ c }}", variables={"a": "element"}),
        scene={"variables": {"a": "scene", "b": "scene"}},
        variables={"a": "project", "b": "project", "c": "project"},
    )
    assert words(document) == [["elementsceneproject"]]


def test_variables_may_use_those_around_them():
    document = film(
        text("{{ c }}", variables={"c": "{{ b }}!"}), scene={"variables": {"b": "<{{ a }}>"}}, variables={"a": 1}
    )
    assert words(document) == [["<1>!"]]


def test_variables_of_one_object_do_not_know_each_other():
    assert problems(film(text("x"), variables={"a": 1, "b": "{{ a }}"})) == [("/variables/b", "undefined-variable")]


def test_a_field_that_is_one_expression_keeps_the_type_of_its_value():
    document = film(
        text(
            "{{ count }}", duration="{{ seconds * 2 }}", settings="{{ look }}", **{"flip-horizontal": "{{ count > 3 }}"}
        ),
        variables={"seconds": 1.5, "count": 3, "look": {"font-size": 80, "color": "red"}},
    )
    (element,) = project(document).scenes[0].elements
    assert (element.text, element.duration, element.flip_horizontal) == ("3", 3.0, False)
    assert (element.settings.font_size, element.settings.color) == (80.0, "#ff0000")


def test_null_is_no_value():
    assert project(film(text("a", **{"fade-in": "{{ x }}"}), variables={"x": None})).scenes[0].elements[0].fade_in == 0


def test_values_are_not_looked_into_for_expressions():
    assert words(film(text("{{ a }}"), variables={"a": "{{ '{{ b }}' }}"})) == [["{{ b }}"]]


def test_free_keys_are_echoed_as_they_are():
    document = film(text("a"), id="{{ x }}", comment="{{", **{"client-data": ["{{ y }}"]})
    assert (project(document).id, project(document).comment) == ("{{ x }}", "{{")
    assert project(document).client_data == ["{{ y }}"]


def test_an_undefined_variable_is_said_where_it_stands():
    document = film(
        text("{{ nmae }}", settings={"color": "{{ x }}"}),
        {"type": "{{ kind }}", "src": "{{ src }}"},
        variables={"name": 1},
    )
    with pytest.raises(DocumentError) as caught:
        read(document)
    assert [problem.path for problem in caught.value.problems] == [
        "/scenes/0/elements/0/settings/color",
        "/scenes/0/elements/0/text",
        "/scenes/0/elements/1/src",
        "/scenes/0/elements/1/type",
    ]
    assert caught.value.problems[1].message == "there is no variable 'nmae'; did you mean 'name'?"


def test_what_uses_a_variable_without_a_value_is_not_reported_again():
    document = film(text("{{ a }}"), text("x{{ a.b }}"), variables={"a": "{{ nope }}"})
    assert problems(document) == [("/variables/a", "undefined-variable")]


@pytest.mark.parametrize("variables", [3, "a", ["a"]])
def test_variables_are_an_object(variables):
    assert problems(film(text("a"), variables=variables)) == [("/variables", "wrong-type")]


@pytest.mark.parametrize(
    "condition",
    [False, "false", "{{ no }}", "no", "!yes", "{{ yes && no }}", "", "{{ empty }}", "count > 3", "no or nothing", 0,
     "'false'"],
)  # fmt: skip
def test_a_false_condition_drops_an_element(condition):
    variables = {"no": False, "yes": True, "empty": "", "count": 3, "nothing": None}
    assert words(film(text("a", condition=condition), text("b"), variables=variables)) == [["b"]]


@pytest.mark.parametrize("condition", [True, "true", None, "{{ count }}", "count == 3", "name", "rows", 1, "'x'"])
def test_a_true_condition_keeps_an_element(condition):
    variables = {"count": 3, "name": "Ann", "rows": [1]}
    assert words(film(text("a", condition=condition), text("b"), variables=variables)) == [["a", "b"]]


def test_nothing_else_of_what_is_dropped_is_checked():
    wrong = {"type": "vidio", "src": "{{ nope }}", "variables": {"a": "{{ nope }}"}}
    document = film(text("b"), {**wrong, "condition": "{{ off }}"}, variables={"off": False})
    document["scenes"].append({"condition": False, "iterate": "nope", "variables": 3, "elements": [{**wrong}]})
    assert words(document) == [["b"]]


def test_a_condition_may_use_the_variables_of_its_element():
    assert words(film(text("a", variables={"on": False}, condition="on"), text("b"))) == [["b"]]


@pytest.mark.parametrize("condition", [["a"], {}, "nope", "{{ 1 }} == {{ 2 }}", "1 +"])
def test_a_condition_that_is_none_is_an_error(condition):
    assert [path for path, _ in problems(film(text("a", condition=condition)))] == ["/scenes/0/elements/0/condition"]


def test_a_scene_is_repeated_for_each_item():
    document = film(
        text("{{ index + 1 }}. {{ name }} {{ item.seconds }} {{ who }}"),
        scene={"iterate": "rows", "duration": "{{ seconds }}", "variables": {"who": "{{ name }}?"}},
        variables={"rows": ROWS, "name": "nobody"},
    )
    assert words(document) == [["1. Ann 2 Ann?"], ["2. Bob 3 Bob?"]]
    assert [scene.duration for scene in project(document).scenes] == [2, 3]


@pytest.mark.parametrize("iterate", ["data.rows", "{{ data.rows }}", "other || data.rows", ROWS])
def test_the_items_may_come_from_any_expression(iterate):
    variables = {"data": {"rows": ROWS}, "other": None}
    assert words(film(text("{{ name }}"), scene={"iterate": iterate}, variables=variables)) == [["Ann"], ["Bob"]]


def test_items_need_not_be_objects():
    document = film(text("{{ item }}"), scene={"iterate": "names"}, variables={"names": ["Ann", "Bob"]})
    assert words(document) == [["Ann"], ["Bob"]]


def test_a_condition_is_asked_for_each_item():
    document = film(text("{{ name }}"), scene={"iterate": "rows", "condition": "seconds > 2"}, variables={"rows": ROWS})
    assert words(document) == [["Bob"]]


def test_no_item_is_no_scene():
    document = film(text("x"), scene={"iterate": "rows"}, variables={"rows": []})
    document["scenes"].append({"elements": [text("end")]})
    assert words(document) == [["end"]]


@pytest.mark.parametrize("rows", [3, "abc", {"a": 1}, None])
def test_only_a_list_has_items(rows):
    document = film(text("x"), scene={"iterate": "rows"}, variables={"rows": rows})
    assert problems(document) == [("/scenes/0/iterate", "wrong-type")]


def test_everything_is_placed_where_it_stood_in_what_was_posted():
    off, scene = {"condition": False}, {"elements": [text("x", condition="index == 1"), text("{{ index }}")]}
    document = [{
        "variables": {"rows": [1, 2]},
        "scenes": [{**off}, {**scene, "iterate": "rows"}, {"elements": [text("a", **off), text("b")]}],
        "elements": [text("c", **off), text("d")],
    }]  # fmt: skip
    movie = read(document)
    assert movie.pointers == [movie.projects[0].pointer] == ["/0"]
    assert [scene.pointer for scene in movie.projects[0].scenes] == ["/0/scenes/1", "/0/scenes/1", "/0/scenes/2"]
    assert [(pointer, element.text) for element, pointer in movie.elements()] == [
        ("/0/scenes/1/elements/1", "0"),
        ("/0/scenes/1/elements/0", "x"),
        ("/0/scenes/1/elements/1", "1"),
        ("/0/scenes/2/elements/1", "b"),
        ("/0/elements/1", "d"),
    ]


def test_problems_are_placed_where_they_stood_and_a_repeated_one_is_told_once():
    scene = {"elements": [text("a", condition=False), text("b", z_index=1000, hue=3)]}
    document = {
        "variables": {"rows": [1, 2]},
        "scenes": [{"condition": False}, {**scene, "iterate": "rows"}, {"elements": []}],
        "elements": [text("a", condition=False), {"type": "video"}],
    }
    assert problems(document) == [
        ("/elements/1/src", "missing"),
        ("/scenes/1/elements/1/z_index", "out-of-range"),
        ("/scenes/2", "empty"),
    ]
    del document["elements"], scene["elements"][1]["z_index"], document["scenes"][2]
    assert [warning.path for warning in read(document).warnings] == ["/scenes/1/elements/1/hue"]


def test_keys_of_templates_may_be_spelt_otherwise():
    document = film(text("{{ a }}", Condition="a"), scene={"Iterate": "rows"}, Variables={"rows": [1], "a": 1})
    assert {warning.path for warning in read(document).warnings} == {
        "/Variables",
        "/scenes/0/Iterate",
        "/scenes/0/elements/0/Condition",
    }
    assert [scene.elements[0].text for scene in read(document).projects[0].scenes] == ["1"]


def test_lists_of_scenes_and_elements_are_no_expressions():
    assert problems({"variables": {"a": []}, "scenes": "{{ a }}"}) == [("/scenes", "wrong-type")]
    assert problems({"scenes": [{"elements": ["{{ a }}"]}]})[0][0] == "/scenes/0/elements/0"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (film(scene={"iterate": "rows", "duration": 1}, variables={"rows": [0] * 2001}), "/scenes"),
        (film(*[text("a")] * 11, scene={"iterate": "rows"}, variables={"rows": [0] * 2000}), "/scenes/0/elements"),
        (film(text("a"), scene={"iterate": "rows", "condition": "1 > 2"}, variables={"rows": [0] * 10**5}), None),
        (film(*[text("{{ a }}{{ a }}")] * 400, variables={"a": "x" * 50_000}), None),
        (film(*[text("a", settings="{{ a }}")] * 400, variables={"a": {str(n): n for n in range(9999)}}), None),
        (film(text("a"), variables={str(n): "{{ nope }}" for n in range(30_000)}), None),
        (film(text("{{ '' }}" * 60_000)), "/scenes/0/elements/0/text"),
    ],
)
def test_a_document_does_not_grow_without_bounds(document, path):
    began = time.monotonic()
    with pytest.raises(DocumentError) as caught:
        read(document)
    assert time.monotonic() - began < 20
    assert {"out-of-range", "more-problems"} & {problem.code for problem in caught.value.problems}
    assert path is None or path in {problem.path for problem in caught.value.problems}
