"""Owns what expressions do with values: numbers stay small, texts stay short, and all of it is counted."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from media_services.movie.report import brief

MOST_CHARACTERS = 100_000  # of one text
FAILED = object()  # stands where a value could not be had, which was reported
_EXACT = 2**53  # up to here a float is as exact as an integer


class ExpressionError(ValueError):
    """Why an expression has no value: a sentence for the client."""

    def __init__(self, message: str, *, code: str = "invalid-expression") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Budget:
    """What the expressions of one document may cost altogether: steps of work, and characters of new text."""

    steps: int = 1_000_000
    characters: int = 5_000_000

    @property
    def is_spent(self) -> bool:
        return self.steps < 0 or self.characters < 0

    def work(self, steps: int = 1) -> None:
        """Take steps from what is left; raise ExpressionError when that is not enough."""
        self.steps -= steps
        if self.is_spent:
            raise ExpressionError("the expressions of this document are too much work", code="out-of-range")

    def text(self, parts: list[str]) -> str:
        """Return the parts of a text as one; raise ExpressionError when it gets too long."""
        length = sum(map(len, parts))
        if length > MOST_CHARACTERS:
            raise ExpressionError(f"the text gets longer than {MOST_CHARACTERS:,} characters", code="out-of-range")
        self.characters -= length
        self.work()
        return "".join(parts)


def plain_text(value: Any) -> str:
    """Return a value as it stands in a text: 3.0 as `3`, null as nothing; raise ExpressionError for what is no text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < _EXACT else plain_text(finite(value))
    if isinstance(value, float):
        text = f"{finite(value):.15g}"
        text = f"{Decimal(text):f}" if "e" in text else text
        return "0" if text == "-0" else text
    raise ExpressionError(f"{brief(value)} cannot stand in a text")


def finite(value: float) -> float:
    """Return a number as one that is finite and no large integer; raise ExpressionError where that is impossible."""
    try:
        number = value if isinstance(value, int) and abs(value) <= _EXACT else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError("the number is too large")
    return number


def calculate(value: Any, work: Callable[[Any, Any], Any], other: Any, *, sign: str) -> Any:
    """Return what an operator makes of two numbers; raise ExpressionError."""
    try:
        return finite(work(_number(value, sign), _number(other, sign)))
    except ZeroDivisionError:
        raise ExpressionError("something is divided by 0") from None
    except OverflowError:
        raise ExpressionError("the number is too large") from None


def add(value: Any, other: Any, budget: Budget) -> Any:
    """Return the sum of two numbers, or one text where either is a text."""
    if isinstance(value, str) or isinstance(other, str):
        return budget.text([plain_text(value), plain_text(other)])
    return calculate(value, operator.add, other, sign="+")


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{where} needs numbers, not {brief(value)}")
    return finite(value)


def _least(given: list[Any]) -> float:
    return min(_numbers(given, "min", most=100))


def _greatest(given: list[Any]) -> float:
    return max(_numbers(given, "max", most=100))


def _round_up(given: list[Any]) -> float:
    return finite(math.ceil(_numbers(given, "ceil")[0]))


def _round_down(given: list[Any]) -> float:
    return finite(math.floor(_numbers(given, "floor")[0]))


def _round(given: list[Any]) -> float:
    """Round as people do, 2.5 to 3 and 1.005 to 1.01; a second number says to how many digits."""
    value, digits = [*_numbers(given, "round", most=2), 0][:2]
    if digits not in range(11):
        raise ExpressionError("round keeps 0 to 10 digits")
    if abs(value) > _EXACT:
        return value
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)
    return float(rounded) if digits else int(rounded)


def _numbers(given: list[Any], name: str, *, most: int = 1) -> list[float]:
    if not 1 <= len(given) <= most:
        raise ExpressionError(f"{name}() takes {'one number' if most == 1 else f'1 to {most} numbers'}")
    return [_number(value, f"{name}()") for value in given]


FUNCTIONS: dict[str, Callable[[list[Any]], float]] = {
    "min": _least,
    "max": _greatest,
    "ceil": _round_up,
    "floor": _round_down,
    "round": _round,
}
