"""Owns what a film costs that was rendered before: with one picture changed, with another look of its words, again."""

import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.report import goal, load, paired, table
from benchmarks.reuse_film import LINE_COLOUR, OTHER_LINE_COLOUR, SIZE, photo, put_files, put_pictures, spoken_film
from benchmarks.reuse_service import Cost, Shop
from media_services.journal import Task
from tests.speech import SENTENCES, spoken

SCENES = 10
ALL, EDITED, AGAIN, RESTYLED = "all of it", "one picture changed", "the same again", "its words in another colour"
_CHANGED = 4  # the scene whose picture changes
_MOST_EDITED, _MOST_AGAIN = 0.2, 0.03


def show_edits(shop: Shop, scene_s: float, rounds: int) -> None:
    """Print what a film costs, and what one that is nearly the same does; in each round nothing is kept at first."""
    pictures = put_pictures(shop.sources, SCENES + 1)
    # of ten sentences that fit into their scenes, and another one that the recogniser is warmed up with
    speech = put_files(shop.sources, [spoken(text)[0] for text in _sentences()])
    other, said_first = pictures.pop(), speech.pop()
    load()
    shop.open(1, spoken_film([other], [said_first], 1, LINE_COLOUR))

    def film(line_colour: str = LINE_COLOUR) -> dict[str, Any]:
        return spoken_film(pictures, speech, scene_s, line_colour)

    costs: dict[str, list[Cost]] = {name: [] for name in (ALL, EDITED, AGAIN, RESTYLED)}
    for turn in range(rounds):
        shop.forget_results()
        costs[ALL].append(shop.run(film()))
        shop.sources.put(f"/picture-{_CHANGED}.jpg", photo(1000 + turn))
        costs[EDITED].append(shop.run(film()))
        costs[AGAIN].append(shop.run(film()))
        costs[RESTYLED].append(shop.run(film(OTHER_LINE_COLOUR)))
    shop.close()
    _show(costs, scene_s)


def _sentences() -> list[str]:
    by_length = sorted(SENTENCES, key=len)
    return by_length[: SCENES + 1]


def _show(costs: dict[str, list[Cost]], scene_s: float) -> None:
    title = (
        f"{SCENES} scenes of {scene_s:g} s at {SIZE[0]}x{SIZE[1]}, in each a picture that is zoomed into and speech "
        "that is recognised and burned in"
    )
    columns = (
        "n", "CPU s", "least-most", "/all", "wall s", "requests", "bodies", "KiB", "probed", "heard", "segments",
    )  # fmt: skip
    table(title, columns, [_row(name, its, costs[ALL]) for name, its in costs.items()])
    edited, again, restyled = (_ratio(costs[name], costs[ALL]) for name in (EDITED, AGAIN, RESTYLED))
    goal(f"at most {_MOST_EDITED:g} of the CPU for one picture", f"{edited:.3f}", is_met=edited <= _MOST_EDITED)
    goal(f"at most {_MOST_AGAIN:g} of the CPU for the same again", f"{again:.3f}", is_met=again <= _MOST_AGAIN)
    anew = [_most(costs[RESTYLED], count) for count in (_bodies, _probed, _heard)]
    found = f"{anew[0]}, {anew[1]} and {anew[2]}, at {restyled:.2f} of the CPU"
    goal("no body, no probe and no speech recognised for another colour", found, is_met=not any(anew))


def _row(name: str, its: list[Cost], whole: list[Cost]) -> list[str]:
    seconds = [cost.cpu_s for cost in its]
    wall_s = statistics.median(cost.wall_s for cost in its)
    figures = [f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}-{max(seconds):.2f}"]
    figures += [f"{_ratio(its, whole):.3f}", f"{wall_s:.1f}"]
    counts: list[Callable[[Cost], int]] = [_requests, _bodies, _kib, _probed, _heard, _segments]
    return [name, str(len(its)), *figures, *(str(_most(its, count)) for count in counts)]


def _ratio(its: list[Cost], whole: list[Cost]) -> float:
    """Return how much CPU it took for each second of the whole film's."""
    return paired([cost.cpu_s for cost in its], [cost.cpu_s for cost in whole])


def _most(its: list[Cost], count: Callable[[Cost], int]) -> int:
    return max(map(count, its))


def _requests(cost: Cost) -> int:
    return cost.served.requests


def _bodies(cost: Cost) -> int:
    return cost.served.bodies


def _kib(cost: Cost) -> int:
    return round(cost.served.body_bytes / 1024)


def _probed(cost: Cost) -> int:
    return cost.made(Task.PROBE)


def _heard(cost: Cost) -> int:
    return cost.made(Task.WORDS)


def _segments(cost: Cost) -> int:
    return cost.made(Task.SEGMENT)
