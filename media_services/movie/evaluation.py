"""Owns what a parsed expression does: each part of one becomes a function of the variables and the budget."""

import itertools
import operator
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any

from media_services.movie.arithmetic import FAILED, FUNCTIONS, Budget, ExpressionError, add, calculate
from media_services.movie.report import brief, did_you_mean

Variables = Mapping[str, Any]
Expression = Callable[[Variables, Budget], Any]
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
_MOST_NAMES = 200  # that are looked through for the nearest
_GUESS_STEPS = 500  # what looking for the nearest name takes longer than a step of an evaluation


def constant(value: Any) -> Expression:
    return lambda variables, budget: value


def variable(name: str) -> Expression:
    def evaluate(variables: Variables, budget: Budget) -> Any:
        budget.work()
        if name not in variables:
            budget.work(_GUESS_STEPS)
            raise _undefined(name, variables, "there is no variable")
        if variables[name] is FAILED:
            raise ExpressionError(f"{name!r} has no value", code="reported")
        return variables[name]

    return evaluate


def _undefined(name: str, known: Mapping[str, Any], what: str) -> ExpressionError:
    maps = known.maps if isinstance(known, ChainMap) else [known]
    near = did_you_mean(name, list(itertools.islice(itertools.chain.from_iterable(maps), _MOST_NAMES)))
    return ExpressionError(f"{what} {brief(name)}{near}", code="undefined-variable")


def called(name: str, given: list[Expression]) -> Expression:
    return lambda variables, budget: FUNCTIONS[name]([part(variables, budget) for part in given])


def choice(condition: Expression, first: Expression, second: Expression) -> Expression:
    return lambda variables, budget: (first if is_true(condition(variables, budget)) else second)(variables, budget)


def first(parts: list[Expression], *, until: bool) -> Expression:
    """Return the first value that is true, or false, else the last; what comes after it is not looked at."""
    if len(parts) == 1:
        return parts[0]

    def evaluate(variables: Variables, budget: Budget) -> Any:
        for part in parts[:-1]:
            value = part(variables, budget)
            if is_true(value) == until:
                return value
        return parts[-1](variables, budget)

    return evaluate


def chain(start: Expression, rest: list[tuple[str, Expression]]) -> Expression:
    """Return what applies operators of one rank from the left to the right."""

    def evaluate(variables: Variables, budget: Budget) -> Any:
        value = start(variables, budget)
        for sign, part in rest:
            budget.work()
            value = _combined(value, sign, part(variables, budget), budget)
        return value

    return evaluate


def _combined(value: Any, sign: str, other: Any, budget: Budget) -> Any:
    if sign in {"==", "!="}:
        return _same(value, other) == (sign == "==")
    if sign in _ORDERS:
        texts = isinstance(value, str) and isinstance(other, str)
        return _ORDERS[sign](value, other) if texts else calculate(value, _ORDERS[sign], other, sign=sign)
    return add(value, other, budget) if sign == "+" else calculate(value, _NUMBERS[sign], other, sign=sign)


def signed(signs: str, value: Expression) -> Expression:
    def evaluate(variables: Variables, budget: Budget) -> Any:
        result = value(variables, budget)
        for sign in reversed(signs):
            budget.work()
            result = not is_true(result) if sign == "!" else calculate(0, operator.sub, result, sign="-")
        return result

    return evaluate


def reached(value: Expression, path: list[Expression]) -> Expression:
    def evaluate(variables: Variables, budget: Budget) -> Any:
        found = value(variables, budget)
        for part in path:
            budget.work()
            found = _member(found, part(variables, budget), budget)
        return found

    return evaluate


def _member(value: Any, key: Any, budget: Budget) -> Any:
    if isinstance(value, dict) and isinstance(key, str):
        if key not in value:
            budget.work(_GUESS_STEPS)
            raise _undefined(key, value, "there is no key")
        return value[key]
    if isinstance(key, str) and re.fullmatch("[0-9]{1,9}", key):
        key = int(key)
    if isinstance(value, list) and isinstance(key, int | float) and not isinstance(key, bool):
        if key != key // 1 or not 0 <= key < len(value):
            raise ExpressionError(
                f"there is no item {brief(key)} in a list of {len(value)}; the first is 0", code="undefined-variable"
            )
        return value[int(key)]
    raise ExpressionError(f"{brief(value)} has no {brief(key)}", code="undefined-variable")


def _same(value: Any, other: Any) -> bool:
    """Say whether two values are equal; what is not of one kind is not, and lists and objects are not compared."""
    if value is None or other is None:
        return value is other
    if isinstance(value, list | dict) or isinstance(other, list | dict):
        raise ExpressionError("lists and objects cannot be compared")
    numbers = isinstance(value, int | float) and isinstance(other, int | float)
    same_kind = type(value) is type(other) or (numbers and bool not in {type(value), type(other)})
    return bool(same_kind and value == other)


def is_true(value: Any) -> bool:
    """Say whether a value counts as true: not null, false, 0, an empty text, list or object, or the text `false`."""
    if isinstance(value, str):
        return value.strip().lower() not in {"", "false", "no", "0"}
    return bool(value)
