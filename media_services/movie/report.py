"""Owns the list of what is wrong or odd with a document, and the words and JSON pointers that say so."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from media_services.errors import Problem

MOST_PROBLEMS = 1000
_MOST_GUESSES = 200  # looking for the nearest key takes 0.1 ms, and a document may have a million that are unknown
_LONGEST_GUESSED = 64


@dataclass
class Report:
    """The problems found so far: one error a place, each warning once, and no more of either than would be read."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    seen: set[str | Problem] = field(default_factory=set)
    guesses: int = 0

    def error(self, path: str, code: str, message: str) -> None:
        self._add(self.errors, Problem(path, code, message), path)

    def warn(self, path: str, code: str, message: str) -> None:
        problem = Problem(path, code, message)
        self._add(self.warnings, problem, problem)

    def guess(self, name: str, known: Iterable[str]) -> str:
        """Return the end of a sentence that asks whether the nearest known name was meant; empty where none is near."""
        self.guesses += 1
        if self.guesses > _MOST_GUESSES:
            return ""
        return did_you_mean(name, known)

    def _add(self, problems: list[Problem], problem: Problem, once: str | Problem) -> None:
        if once in self.seen or len(problems) > MOST_PROBLEMS:
            return
        self.seen.add(once)
        if len(problems) == MOST_PROBLEMS:
            problem = Problem("", "more-problems", f"only the first {MOST_PROBLEMS} problems are listed")
        problems.append(problem)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` with the nearest known name, or nothing where none is near."""
    if len(name) > _LONGEST_GUESSED:
        return ""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {brief(near[0])}?" if near else ""


def brief(value: object) -> str:
    """Return a value as Python writes it, cut to what fits into a sentence."""
    if isinstance(value, str):
        value = value[:100]
    elif isinstance(value, int) and abs(value) >= 10**60:
        return "a number of more than 60 digits"
    elif isinstance(value, dict | list):
        return ("an object" if isinstance(value, dict) else "a list") if value else repr(value)
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def escape(key: str) -> str:
    """Return a key as it is written in a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def natural(path: str) -> list[tuple[int, int, str]]:
    """Return what orders pointers as the document is ordered: /scenes/2 before /scenes/10."""
    return [(0, int(part), "") if re.fullmatch("[0-9]{1,9}", part) else (1, 0, part) for part in path.split("/")]
