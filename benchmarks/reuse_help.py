"""Owns what a second worker, which has nothing else to do, saves of the time that a long film takes."""

import statistics

from benchmarks.report import goal, load, paired, table
from benchmarks.reuse_film import SIZE, long_film, put_files, put_pictures
from benchmarks.reuse_service import Cost, Shop
from media_services.journal import Task
from tests import media

_PICTURES = 10
_MUSIC_S = 20
_MOST = 0.6


def show_help(shop: Shop, scenes: int, scene_s: float, rounds: int) -> None:
    """Print the time of a long film with one worker and with two, in turn, each on a core; nothing is kept at first."""
    *pictures, other = put_pictures(shop.sources, _PICTURES + 1)
    (music,) = put_files(shop.sources, [media.tone(duration_s=_MUSIC_S, suffix=".mp3")])
    costs: dict[int, list[Cost]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, its in costs.items():
            load()
            shop.open(workers, long_film([other], music, 1, 1))
            shop.forget_results()
            its.append(shop.run(long_film(pictures, music, scenes, scene_s)))
            shop.close()
    title = f"{scenes * scene_s / 60:g} min at {SIZE[0]}x{SIZE[1]}, {scenes} scenes, by one worker and by two"
    columns = (
        "n",
        "wall s",
        "least-most",
        "/one",
        "CPU s",
        "/one",
        "busiest",
        "/one",
        "before",
        "segments",
        "after",
        "made by",
    )
    table(title, columns, [_row(workers, its, costs[1]) for workers, its in costs.items()])
    ratio = paired([cost.wall_s for cost in costs[2]], [cost.wall_s for cost in costs[1]])
    goal(f"at most {_MOST:g} of the time", f"{ratio:.2f}", is_met=ratio <= _MOST)


def _row(workers: int, its: list[Cost], alone: list[Cost]) -> list[str]:
    walls_s, cpu_s = [cost.wall_s for cost in its], [cost.cpu_s for cost in its]
    figures = [f"{statistics.median(walls_s):.1f}", f"{min(walls_s):.1f}-{max(walls_s):.1f}"]
    figures += [f"{paired(walls_s, [cost.wall_s for cost in alone]):.2f}"]
    figures += [f"{statistics.median(cpu_s):.1f}", f"{paired(cpu_s, [cost.cpu_s for cost in alone]):.2f}"]
    busiest_s = [cost.busiest_s for cost in its]
    figures += [f"{statistics.median(busiest_s):.1f}", f"{paired(busiest_s, [cost.busiest_s for cost in alone]):.2f}"]
    parts = zip(*map(_parts_s, its), strict=True)
    figures += [f"{statistics.median(seconds):.1f}" for seconds in parts]
    makers = " ".join("+".join(map(str, cost.makers())) for cost in its)
    return [f"{workers} worker{'s' * (workers > 1)}", str(len(its)), *figures, makers]


def _parts_s(cost: Cost) -> tuple[float, float, float]:
    """Return how long it took until segments and the sound were begun, until these were there, and from then on."""
    pieces = [*cost.of(Task.SEGMENT), *cost.of(Task.SOUND)]
    began_s, ended_s = min(step.began_s for step in pieces), max(step.ended_s for step in pieces)
    return began_s, ended_s - began_s, cost.wall_s - ended_s
