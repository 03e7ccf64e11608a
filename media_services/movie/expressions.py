"""Owns the language between `{{` and `}}`: a small parser over a whitelist, whose work and output are bounded.

From the loosest to the tightest: `? :`, `||`, `&&`, `== !=`, `< <= > >=`, `+ -`, `* / %`, `! -`, and `.key [key]`.
`and`, `or` and `not` are other names of `&&`, `||` and `!`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from media_services.movie import evaluation
from media_services.movie.arithmetic import FUNCTIONS, Budget, ExpressionError, finite, plain_text
from media_services.movie.evaluation import Expression, Variables
from media_services.movie.report import brief

LONGEST_EXPRESSION = 1000
DEEPEST_NESTING = 32
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,3})?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<name>[^\W\d]\w*)
    |(?P<member>\.\s*(?:[^\W\d]\w*|[0-9]{1,9}))
    |(?P<sign>\}\}|&&|\|\||[<>=!]=|[-+*/%<>!?:(),\[\]]))""",
    re.VERBOSE | re.DOTALL,
)
_PARSE_STEPS = 20  # what parsing takes longer than a step of an evaluation
_WORDS = {"and": "&&", "or": "||", "not": "!"}
_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "t": "\t"}
_LEVELS = [("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%")]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    end: int


@dataclass
class _Parser:
    """Reads one expression from a place on; every rule returns what evaluates it."""

    source: str
    place: int
    depth: int = 0

    def __post_init__(self) -> None:
        self.start = self.place
        self.next = self.token()

    def token(self) -> _Token:
        limit = self.start + LONGEST_EXPRESSION
        match = _TOKEN.match(self.source, self.place, limit)
        if match is not None and match.lastgroup:
            kind, text = match.lastgroup, match[match.lastgroup]
            return _Token("sign", _WORDS[text], match.end()) if text in _WORDS else _Token(kind, text, match.end())
        rest = self.source[self.place : limit].lstrip()
        if rest and rest[0] not in "'\"":
            return _Token("odd", rest[0], self.place)
        if len(self.source) > limit:
            raise _too_long()
        if rest:
            raise ExpressionError(f"a text is not closed by {rest[0]}")
        return _Token("end", "", self.place)

    def take(self) -> _Token:
        taken, self.place = self.next, self.next.end
        self.next = self.token() if taken.kind not in {"end", "odd"} else taken
        return taken

    def has(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def expect(self, sign: str) -> None:
        if not self.has(sign):
            raise self.unexpected(f"; {sign!r} is missing")
        self.take()

    def closed(self) -> None:
        if self.next.kind == "end":
            raise ExpressionError("'{{' is not closed by '}}'")
        if not self.has("}}"):
            raise self.unexpected()

    def unexpected(self, hint: str = "") -> ExpressionError:
        if self.next.kind == "end":
            return ExpressionError("the expression ends too early" + hint)
        return ExpressionError(f"{brief(self.next.text)} is not expected here" + hint)

    def whole(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise ExpressionError(f"the expression is nested deeper than {DEEPEST_NESTING} levels")
        condition = self.any_of()
        if self.has("?"):
            self.take()
            first = self.whole()
            self.expect(":")
            condition = evaluation.choice(condition, first, self.whole())
        self.depth -= 1
        return condition

    def any_of(self) -> Expression:
        parts = [self.all_of()]
        while self.has("||"):
            self.take()
            parts.append(self.all_of())
        return evaluation.first(parts, until=True)

    def all_of(self) -> Expression:
        parts = [self.level(0)]
        while self.has("&&"):
            self.take()
            parts.append(self.level(0))
        return evaluation.first(parts, until=False)

    def level(self, number: int) -> Expression:
        if number == len(_LEVELS):
            return self.signed()
        first, rest = self.level(number + 1), []
        while self.has(*_LEVELS[number]):
            sign = self.take().text
            rest.append((sign, self.level(number + 1)))
        return evaluation.chain(first, rest) if rest else first

    def signed(self) -> Expression:
        signs = ""
        while self.has("!", "-"):
            signs += self.take().text
        return evaluation.signed(signs, self.reached()) if signs else self.reached()

    def reached(self) -> Expression:
        value, path = self.single(), list[Expression]()
        while self.next.kind == "member" or self.has("["):
            if self.has("["):
                self.take()
                path.append(self.whole())
                self.expect("]")
            else:
                path.append(evaluation.constant(self.take().text[1:].strip()))
        return evaluation.reached(value, path) if path else value

    def single(self) -> Expression:
        kind, text = self.next.kind, self.next.text
        if kind == "number":
            self.take()
            return evaluation.constant(finite(float(text)) if re.search("[.eE]", text) else int(text))
        if kind == "text":
            self.take()
            return evaluation.constant(
                re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
            )
        if kind == "name":
            self.take()
            if self.has("("):
                return self.call(text)
            return evaluation.constant(_CONSTANTS[text]) if text in _CONSTANTS else evaluation.variable(text)
        if self.has("("):
            self.take()
            inner = self.whole()
            self.expect(")")
            return inner
        raise self.unexpected()

    def call(self, name: str) -> Expression:
        if name not in FUNCTIONS:
            raise ExpressionError(f"{name!r} is not a function; known are {', '.join(FUNCTIONS)}")
        self.take()
        given = [] if self.has(")") else [self.whole()]
        while self.has(","):
            self.take()
            given.append(self.whole())
        self.expect(")")
        return evaluation.called(name, given)


def _too_long() -> ExpressionError:
    return ExpressionError(f"an expression has at most {LONGEST_EXPRESSION} characters")


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Expression:
    parser = _Parser(text, 0)
    expression = parser.whole()
    if parser.next.kind != "end":
        raise parser.unexpected()
    return expression


def _template(text: str, budget: Budget) -> tuple[str | Expression, ...]:
    """Return the parts of a text: what stands there, and the expressions between it."""
    parts: list[str | Expression] = []
    done = 0
    while (opening := text.find("{{", done)) >= 0:
        if opening > done:
            parts.append(text[done:opening])
        budget.work(_PARSE_STEPS)
        parser = _Parser(text, opening + 2)
        parts.append(parser.whole())
        parser.closed()
        done = parser.next.end
    return (*parts, text[done:]) if text[done:] else tuple(parts)


@lru_cache(maxsize=1024)
def _short_template(text: str) -> tuple[str | Expression, ...]:
    return _template(text, Budget())


def evaluate(text: str, variables: Variables, budget: Budget) -> Any:
    """Return the value of a text that is one expression, in braces or without, or empty; raise ExpressionError."""
    text = text.strip()
    if len(text) > LONGEST_EXPRESSION + len("{{}}"):
        raise _too_long()
    budget.work(_PARSE_STEPS)
    if not text:
        return ""
    if not text.startswith("{{"):
        return _parsed(text)(variables, budget)
    parts = _template(text, budget)
    if len(parts) != 1 or isinstance(parts[0], str):
        raise ExpressionError("one expression is expected, in one pair of braces or without any")
    return parts[0](variables, budget)


def fill(text: str, variables: Variables, budget: Budget) -> Any:
    """Return a text with its `{{ }}` replaced, or the very value where it is one expression; raise ExpressionError."""
    budget.work()
    parts = _short_template(text) if len(text) <= LONGEST_EXPRESSION else _template(text, budget)
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0](variables, budget)
    filled = [part if isinstance(part, str) else plain_text(part(variables, budget)) for part in parts]
    return budget.text(filled)
