"""Owns what it costs that a film is encoded in segments: processor time, and whether their joints are seen."""

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rendering_film import Film, make_media
from benchmarks.rendering_studio import Studio, Take
from benchmarks.report import goal, load, paired, table
from tests.vmaf import vmaf

SCENES = 10
_MOST_CPU, _LEAST_VMAF, _MOST_WORSE = 1.05, 95, 0.5
_EVERY = 10


def show_segments(folder: Path, sizes: Sequence[tuple[int, int]], scene_s: float, rounds: int) -> None:
    """Print what films cost in segments and in one piece, in turn, and how alike they look."""
    folder.mkdir()
    studio = Studio(folder, [max(os.sched_getaffinity(0))])
    media = make_media(folder / "media", size=(1920, 1080), picture_size=(1600, 1200), scenes=SCENES, sound_s=scene_s)
    for width, height in sizes:
        show_film(studio, Film(media, width, height, scenes=SCENES, scene_s=scene_s), rounds)


def show_film(studio: Studio, film: Film, rounds: int) -> None:
    """Print what one film costs in either way."""
    load()
    segmented: list[Take] = []
    whole: list[Take] = []
    for _ in range(rounds):
        segmented.append(studio.ours(film))
        whole.append(studio.in_one_piece(film))
    title = f"{film.duration_s:g} s at {film.width}x{film.height}, {film.scenes} scenes, in segments and in one piece"
    columns = ("n", "CPU s", "least-most", "/one piece", "wall s", "processes")
    rows = {"in segments": segmented, "in one piece": whole}
    table(title, columns, [_row(name, takes, whole) for name, takes in rows.items()])
    ratio = _ratio(segmented, whole)
    goal(f"at most {_MOST_CPU:g} of the CPU", f"{ratio:.3f}", is_met=ratio <= _MOST_CPU)
    show_likeness(studio, film, segmented[0].file, whole[0].file)
    for take in (*segmented, *whole):
        studio.forget(take)


def show_likeness(studio: Studio, film: Film, joined: Path, whole: Path) -> None:
    """Print how much the joined film looks like the one in one piece, and either like what was drawn."""
    threads = os.cpu_count() or 1
    scores = vmaf(joined, whole, threads=threads)
    mean, harmonic, least = statistics.mean(scores), statistics.harmonic_mean(scores), min(scores)
    found = f"{mean:.2f} in the mean, {harmonic:.2f} in the harmonic mean, {least:.2f} at frame {scores.index(least)}"
    wanted = f"VMAF of {_LEAST_VMAF} or more beside one piece in each of {len(scores)} frames"
    goal(wanted, found, is_met=least >= _LEAST_VMAF)
    drawn = studio.in_one_piece(film, "lossless")
    ours, others = (vmaf(each, drawn.file, threads=threads, every=_EVERY) for each in (joined, whole))
    studio.forget(drawn)
    worse = statistics.mean(others) - statistics.mean(ours)
    pairs = [f"{statistics.mean(each):.2f} and {min(each):.2f}" for each in (ours, others)]
    found = f"{worse:.2f} (mean and least, in every {_EVERY}th frame: {pairs[0]} in segments, {pairs[1]} in one piece)"
    goal(f"at most {_MOST_WORSE:g} less VMAF beside what was drawn", found, is_met=worse <= _MOST_WORSE)


def _row(name: str, takes: list[Take], whole: list[Take]) -> list[str]:
    seconds = [take.cost.cpu_s for take in takes]
    figures = [f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}-{max(seconds):.2f}"]
    figures += [f"{_ratio(takes, whole):.3f}", f"{statistics.median(take.cost.wall_s for take in takes):.1f}"]
    return [name, str(len(takes)), *figures, str(takes[0].cost.processes)]


def _ratio(takes: list[Take], others: list[Take]) -> float:
    """Return how much CPU the ones took for each second of the others."""
    return paired([take.cost.cpu_s for take in takes], [take.cost.cpu_s for take in others])
