"""What stands between braces: its values, its words when it has none, and that it never runs away."""

import time

import pytest

from media_services.movie.arithmetic import Budget, ExpressionError
from media_services.movie.expressions import evaluate, fill

VARIABLES = {
    "a": 3,
    "b": 2.0,
    "name": "Ann",
    "rows": [{"n": 1}, [5, 6]],
    "o": {"k-y": 1, "x": None},
    "no": False,
    "nothing": None,
    "flag": "false",
    "long": "x" * 60_000,
    "big": 10**30,
}


def value(text):
    return evaluate(text, VARIABLES, Budget())


def refused(text, work=evaluate):
    with pytest.raises(ExpressionError) as caught:
        work(text, VARIABLES, Budget())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a", 3), ("a * 1.5", 4.5), ("1 + 2 * 3 - 4 / 2", 5.0), ("(1 + 2) * 3", 9), ("7 % 4", 3), ("-a - -1", -2),
        ("10 - 2 - 3", 5), ("2e3", 2000.0), ("a > b", True), ("a <= 2", False), ("a == 3.0", True), ("a != 3", False),
        ("a == '3'", False), ("no == 0", False), ("nothing == null", True), ("rows == null", False),
        ("'a' < 'b'", True), ("name == 'Ann' && a > 2", True), ("no || name", "Ann"), ("a and no", False),
        ("!no", True), ("not flag", True), ("!!a", True), ("a > b ? 'yes' : 'no'", "yes"),
        ("no ? 1 : nothing ? 2 : 3", 3), ("name + ' ' + a", "Ann 3"), ("a + b", 5.0), ("'a' + no + nothing", "afalse"),
        ("min(a, b, 9)", 2.0), ("max(a, b)", 3), ("ceil(2.1)", 3), ("floor(-2.1)", -3), ("round(2.5)", 3),
        ("round(-2.5)", -3), ("round(1.005, 2)", 1.01), ("rows.0.n", 1), ("rows[1][0]", 5), ("rows[1].1", 6),
        ("rows[a - 3].n", 1), ("o['k-y']", 1), ("o.x", None), ("rows", VARIABLES["rows"]), ("true", True),
        (r"'it\'s' + \"\n\" + '\\'", "it's\n\\"), ("{{ a }}", 3), ("", ""), ("no ? undefined : 1", 1),
    ],
)  # fmt: skip
def test_an_expression_has_a_value(text, result):
    found = value(text.replace('\\"', '"'))
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ a }}", 3), ("{{ rows }}", VARIABLES["rows"]), ("{{ nothing }}", None), ("{{a}}{{b}}", "32"),
        ("{{ b }} m", "2 m"), ("{{ 0.1 + 0.2 }} m", "0.3 m"), ("{{ 1e20 }},", "100000000000000000000,"),
        ("{{ 0 - 0.0 }}.", "0."), ("{{ 1 / 3 }}.", "0.333333333333333."), ("{{ 1e-7 }}.", "0.0000001."),
        ("<{{ nothing }}{{ !no }}>", "<true>"), ("{{ '{{' }} and }}", "{{ and }}"), ("{ {a} }}", "{ {a} }}"),
        ("{{ '}}' }}!", "}}!"), ("{{ big }}.", "1" + "0" * 30 + "."),
    ],
)  # fmt: skip
def test_a_text_is_filled(text, result):
    assert fill(text, VARIABLES, Budget()) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae", "there is no variable 'nmae'; did you mean 'name'?"),
        ("zzzzzz", "there is no variable 'zzzzzz'"),
        ("o.kye", "there is no key 'kye'; did you mean 'k-y'?"),
        ("rows[2]", "there is no item 2 in a list of 2; the first is 0"),
        ("rows[0.5]", "there is no item 0.5 in a list of 2; the first is 0"),
        ("name.__class__", "'Ann' has no '__class__'"),
        ("rows.__len__", "a list has no '__len__'"),
        ("__import__('os')", "'__import__' is not a function; known are min, max, ceil, floor, round"),
        ("min(a)(b)", "'(' is not expected here"),
        ("a ** 2", "'*' is not expected here"),
        ("a = 2", "'=' is not expected here"),
        ("1 +", "the expression ends too early"),
        ("a b", "'b' is not expected here"),
        ("(a", "the expression ends too early; ')' is missing"),
        ("'a", "a text is not closed by '"),
        ("{{ a }} == {{ b }}", "one expression is expected, in one pair of braces or without any"),
        ("name * 2", "* needs numbers, not 'Ann'"),
        ("name > 2", "> needs numbers, not 'Ann'"),
        ("no + 1", "+ needs numbers, not False"),
        ("round(name)", "round() needs numbers, not 'Ann'"),
        ("ceil(1, 2)", "ceil() takes one number"),
        ("max()", "max() takes 1 to 100 numbers"),
        ("round(1, 20)", "round keeps 0 to 10 digits"),
        ("rows == o", "lists and objects cannot be compared"),
        ("name + o", "an object cannot stand in a text"),
        ("1 / 0", "something is divided by 0"),
        ("5 % 0", "something is divided by 0"),
        ("1e308 * 10", "the number is too large"),
        ("1e999", "the number is too large"),
    ],
)
def test_what_has_no_value_says_why(text, message):
    assert refused(text) == message


@pytest.mark.parametrize("text", ["{{ a", "x {{ a } }", "{{}}", "{{ {a} }}", "{{ a }} {{"])
def test_braces_that_do_not_match_are_refused(text):
    assert refused(text, fill)


def test_integers_do_not_grow():
    assert value(" * ".join(["big"] * 10)) == pytest.approx(1e300)
    assert refused(" * ".join(["big"] * 150)) == "the number is too large"


def test_a_text_does_not_grow_beyond_its_bound():
    message = "the text gets longer than 100,000 characters"
    assert refused("long + long") == message
    assert refused("{{ long }}{{ long }}", fill) == message


def test_an_expression_has_a_bounded_length_and_depth():
    assert value("+".join(["1"] * 500)) == 500
    assert refused("+".join(["1"] * 501)) == "an expression has at most 1000 characters"
    assert refused("{{" + " " * 2000 + "a }}", fill) == "an expression has at most 1000 characters"
    assert value("!" * 990 + "a") is True
    assert value("(" * 31 + "a" + ")" * 31) == 3
    deep = "the expression is nested deeper than 32 levels"
    for text in ("(" * 400 + "a" + ")" * 400, "rows[" * 150 + "0" + "]" * 150, "a ? 1 : " * 100 + "1"):
        assert refused(text) == deep


@pytest.mark.parametrize("text", ["{" * 1_000_000, "{{ 'a" * 200_000, '{{ "' + "\\" * 1_000_000, "{{ a }}" * 100_000])
def test_hostile_texts_are_refused_at_once(text):
    began = time.monotonic()
    assert refused(text, fill)
    assert time.monotonic() - began < 10


def test_the_work_of_all_expressions_together_is_bounded():
    budget = Budget(steps=2)
    assert fill("{{ a }}", VARIABLES, budget) == 3
    with pytest.raises(ExpressionError, match="too much work"):
        fill("{{ a }}", VARIABLES, budget)
    assert budget.is_spent
