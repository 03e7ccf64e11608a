"""Owns making a plain document of a template: variables, expressions, conditions and repeated scenes are gone after it.

What is left says where it stood: `Items` carries the JSON pointer of each scene and element in what was posted.
"""

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from media_services.errors import Problem
from media_services.movie.arithmetic import FAILED, Budget, ExpressionError
from media_services.movie.document import MAX_SCENES
from media_services.movie.evaluation import is_true
from media_services.movie.expressions import evaluate, fill
from media_services.movie.report import Report, brief, escape
from media_services.movie.shape import Unbounded
from media_services.movie.spelling import plain_key, spelt_key

MAX_ALL_ELEMENTS = 20_000
_REPETITION_STEPS = 20
_LITERAL = {"id", "comment", "client-data"}

Scope = ChainMap[str, Any]


class Items(list[Any]):
    """A list of scenes or elements, with the JSON pointer of each in what was posted."""

    def __init__(self, placed: list[tuple[Any, str]]) -> None:
        super().__init__(item for item, _ in placed)
        self.pointers = [pointer for _, pointer in placed]


@dataclass
class Resolver:
    """One resolving: what was found odd, and what may still be spent on it."""

    report: Report
    budget: Budget = field(default_factory=Budget)
    elements: int = 0

    def project(self, raw: Any, pointer: str) -> Any:
        """Return a project without variables, expressions, conditions and repetitions; raise Unbounded."""
        if not isinstance(raw, dict):
            return raw
        own, problems = self.own_variables(raw, ChainMap(), pointer)
        self.add(problems)
        scope = ChainMap(own)
        return self.fields(raw, scope, pointer, {"variables"}, {"scenes": self.scenes, "elements": self.each_element})

    def scenes(self, raw: list[Any], scope: Scope, pointer: str) -> Items:
        placed: list[tuple[Any, str]] = []
        for number, scene in enumerate(raw):
            for resolved in self.scene(scene, scope, f"{pointer}/{number}"):
                placed.append((resolved, f"{pointer}/{number}"))
                if len(placed) > MAX_SCENES:
                    self.stop(pointer, f"a film has at most {MAX_SCENES} scenes")
        return Items(placed)

    def scene(self, raw: Any, outer: Scope, pointer: str) -> Iterator[Any]:
        """Yield what a scene becomes: nothing, one scene, or one for each item it is repeated for."""
        if not isinstance(raw, dict):
            yield raw
        elif not self.is_off(raw):
            for scope in self.repetitions(raw, outer, pointer):
                if scope is None:
                    yield FAILED
                    return
                within = {"elements": self.each_element}
                resolved = self.part(raw, scope, pointer, {"variables", "condition", "iterate"}, within)
                if resolved is not None:
                    yield resolved

    def repetitions(self, raw: Mapping[str, Any], outer: Scope, pointer: str) -> Iterator[Scope | None]:
        """Yield the variables of each repetition: an item's fields, `item` and `index`; None where that is wrong."""
        key = spelt_key(raw, "iterate")
        if key is None:
            yield outer
            return
        path = f"{pointer}/{escape(key)}"
        rows = self.expression(raw[key], outer, path)
        if not isinstance(rows, list):
            if rows is not FAILED:
                message = f"a scene is repeated for each item of a list, not of {brief(rows)}"
                self.report.error(path, "wrong-type", message)
            yield None
            return
        for index, item in enumerate(rows):
            self.spend(_REPETITION_STEPS, path)
            yield outer.new_child({"item": item, "index": index, **(item if isinstance(item, dict) else {})})

    def each_element(self, raw: list[Any], scope: Scope, pointer: str) -> Items:
        placed = []
        for number, element in enumerate(raw):
            path = f"{pointer}/{number}"
            resolved = element
            if isinstance(element, dict):
                off = self.is_off(element)
                resolved = None if off else self.part(element, scope, path, {"variables", "condition"}, {})
            if resolved is not None or element is None:
                placed.append((resolved, path))
        self.elements += len(placed)
        if self.elements > MAX_ALL_ELEMENTS:
            self.stop(pointer, f"a document has at most {MAX_ALL_ELEMENTS:,} elements, repeated ones included")
        return Items(placed)

    def part(
        self,
        raw: Mapping[str, Any],
        outer: Scope,
        pointer: str,
        consumed: set[str],
        within: Mapping[str, Callable[[list[Any], Scope, str], Items]],
    ) -> dict[str, Any] | None:
        """Return a scene or an element, None where its condition is false; its variables do not matter then."""
        own, problems = self.own_variables(raw, outer, pointer)
        scope = outer.new_child(own)
        key = spelt_key(raw, "condition")
        if key is not None and not self.holds(raw[key], scope, f"{pointer}/{escape(key)}"):
            return None
        self.add(problems)
        return self.fields(raw, scope, pointer, consumed, within)

    def fields(
        self,
        raw: Mapping[str, Any],
        scope: Scope,
        pointer: str,
        consumed: set[str],
        within: Mapping[str, Callable[[list[Any], Scope, str], Items]],
    ) -> dict[str, Any]:
        resolved = {}
        for key, value in raw.items():
            name, path = plain_key(key), f"{pointer}/{escape(key)}"
            if name in consumed:
                if key != name:
                    self.report.warn(path, "alias", f"{brief(key)} was read as {name!r}")
            elif name in _LITERAL:
                resolved[key] = value
            elif name in {"scenes", "elements"}:
                resolved[key] = (
                    within[name](value, scope, path) if name in within and isinstance(value, list) else value
                )
            else:
                resolved[key] = self.value(value, scope, path)
        return resolved

    def own_variables(self, raw: Mapping[str, Any], outer: Scope, pointer: str) -> tuple[dict[str, Any], list[Problem]]:
        """Return the variables that an object brings, whose values may use those around it, and what is wrong there."""
        key = spelt_key(raw, "variables")
        if key is None:
            return {}, []
        path = f"{pointer}/{escape(key)}"
        if not isinstance(raw[key], dict):
            message = f"variables are an object of names and values, not {brief(raw[key])}"
            return {}, [Problem(path, "wrong-type", message)]
        inner = Resolver(Report(), self.budget)
        own = {}
        try:
            for name, value in raw[key].items():
                wrong = len(inner.report.errors)
                own[name] = inner.value(value, outer, f"{path}/{escape(name)}")
                own[name] = own[name] if len(inner.report.errors) == wrong else FAILED
        except Unbounded:
            self.add(inner.report.errors)
            raise
        return own, inner.report.errors

    def value(self, value: Any, scope: Scope, path: str) -> Any:
        """Return a value with all its expressions replaced."""
        self.spend(1, path)
        if isinstance(value, str):
            return self.attempt(lambda: fill(value, scope, self.budget), path) if "{{" in value else value
        if isinstance(value, dict):
            return {key: self.value(item, scope, f"{path}/{escape(key)}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, scope, f"{path}/{number}") for number, item in enumerate(value)]
        return value

    def expression(self, value: Any, scope: Scope, path: str) -> Any:
        """Return the value of a key that is one expression, with braces or without."""
        if isinstance(value, str):
            return self.attempt(lambda: evaluate(value, scope, self.budget), path)
        return value

    def attempt(self, work: Callable[[], Any], path: str) -> Any:
        try:
            found = work()
            self.budget.work(_size(found, self.budget.steps))
        except ExpressionError as problem:
            if problem.code != "reported":
                self.report.error(path, problem.code, str(problem))
            if self.budget.is_spent:
                raise Unbounded from problem
            return FAILED
        return found

    def holds(self, condition: Any, scope: Scope, path: str) -> bool:
        if isinstance(condition, dict | list):
            self.report.error(
                path, "wrong-type", f"a condition is an expression, true or false, not {brief(condition)}"
            )
            return True
        value = self.expression(condition, scope, path)
        return value is FAILED or is_true(value)

    def is_off(self, raw: Mapping[str, Any]) -> bool:
        """Say whether a condition is false whatever the variables are."""
        key = spelt_key(raw, "condition")
        return key is not None and raw[key] is False

    def spend(self, steps: int, path: str) -> None:
        try:
            self.budget.work(steps)
        except ExpressionError as problem:
            self.report.error(path, problem.code, str(problem))
            raise Unbounded from problem

    def stop(self, path: str, message: str) -> None:
        self.report.error(path, "out-of-range", message)
        raise Unbounded

    def add(self, problems: list[Problem]) -> None:
        for problem in problems:
            self.report.error(problem.path, problem.code, problem.message)


def _size(value: Any, most: int) -> int:
    """Return of how many values one consists, counted no further than to `most` and one list or object more."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        found = waiting.pop()
        size += 1
        if isinstance(found, dict | list):
            waiting.extend(found.values() if isinstance(found, dict) else found)
    return size


def literal(part: dict[str, Any]) -> dict[str, Any]:
    """Return a plain project, scene or element so that it resolves to itself: no braces in it are expressions."""
    return {
        key: [literal(item) for item in value]
        if key in {"scenes", "elements"}
        else value
        if key in _LITERAL
        else _escaped(value)
        for key, value in part.items()
    }


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{{", "{{ '{{' }}")
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
