"""Owns what it costs that a film is encoded in segments: processor time, and whether their joints are seen."""

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rendering_film import Film, make_media
from benchmarks.rendering_studio import Studio, Take
from benchmarks.report import goal, load, table
from tests.vmaf import vmaf

SCENES = 10
_MOST_CPU, _LEAST_VMAF = 1.05, 95


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
    scores = vmaf(segmented[0].file, whole[0].file, threads=os.cpu_count() or 1)
    mean, harmonic, least = statistics.mean(scores), statistics.harmonic_mean(scores), min(scores)
    found = f"{mean:.2f} in the mean, {harmonic:.2f} in the harmonic mean, {least:.2f} at frame {scores.index(least)}"
    goal(f"VMAF of {_LEAST_VMAF} or more in each of {len(scores)} frames", found, is_met=least >= _LEAST_VMAF)
    for take in (*segmented, *whole):
        studio.forget(take)


def _row(name: str, takes: list[Take], whole: list[Take]) -> list[str]:
    seconds = [take.cost.cpu_s for take in takes]
    figures = [f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}-{max(seconds):.2f}"]
    figures += [f"{_ratio(takes, whole):.3f}", f"{statistics.median(take.cost.wall_s for take in takes):.1f}"]
    return [name, str(len(takes)), *figures, str(takes[0].cost.processes)]


def _ratio(takes: list[Take], others: list[Take]) -> float:
    """Return the median over the rounds of how much CPU the ones took for each second of the others."""
    return statistics.median(take.cost.cpu_s / other.cost.cpu_s for take, other in zip(takes, others, strict=True))
