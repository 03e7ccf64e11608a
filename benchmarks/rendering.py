"""Prints what our engine costs beside one FFmpeg command, the original's command and MoviePy, and how its cost grows.

    python -m benchmarks.rendering [--quick] [--cores 1] [--rounds 3] [film growth]

--quick takes 6 s at 640x360 and little growth, for a look whether it works. Without names, both questions are asked.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.contestants import original
from benchmarks.rendering_cost import Cost
from benchmarks.rendering_film import CRF, PRESET, Film, make_media
from benchmarks.rendering_growth import show_growth
from benchmarks.rendering_likeness import Likeness, likeness
from benchmarks.rendering_studio import Studio, Take
from benchmarks.report import paired, table, times_ours

OURS, COMMAND = "VideoCraft", "one FFmpeg command, by hand"
ORIGINAL, AS_IT_WAS = "the original's command", f"the original's at {original.PRESET}, as it was"
MOVIEPY, TUNED = "MoviePy alone", "MoviePy alone, tuned"
QUESTIONS = ("film", "growth")
_MEMORY_GOAL_MIB = 600


@dataclass(frozen=True)
class Extent:
    """How much is measured; what is slow and only looked at beside the others is rendered once."""

    sizes: tuple[tuple[int, int], ...] = ((1280, 720), (1920, 1080))
    scene_s: float = 6
    minutes: tuple[float, ...] = (1, 2, 4, 8)
    scenes: tuple[int, ...] = (5, 50, 500)


QUICK = Extent(sizes=((640, 360),), scene_s=1.2, minutes=(0.25, 0.5), scenes=(5, 20))


def main() -> None:
    """Ask the questions that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rendering")
    parser.add_argument("--quick", action="store_true", help="6 s at 640x360, for a look whether it works")
    parser.add_argument("--cores", type=int, default=1, help="how many each may use; the service gives a job one")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is rendered, in turn")
    parser.add_argument("questions", nargs="*", help=", ".join(QUESTIONS))
    arguments = parser.parse_args()
    if unknown := set(arguments.questions) - set(QUESTIONS):
        parser.error(f"there is no question {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    cores = sorted(os.sched_getaffinity(0))[-arguments.cores :]
    extent, questions = QUICK if arguments.quick else Extent(), arguments.questions or QUESTIONS
    show_surroundings(len(cores))
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        studio = Studio(Path(folder), cores)
        if "film" in questions:
            media = make_media(
                studio.folder / "media", size=(1920, 1080), picture_size=(1600, 1200), scenes=5, sound_s=extent.scene_s
            )
            for size in extent.sizes:
                show_film(studio, Film(media, *size, scenes=5, scene_s=extent.scene_s), arguments.rounds)
        if "growth" in questions:
            show_growth(studio, minutes=extent.minutes, scenes=extent.scenes)


def show_surroundings(cores: int) -> None:
    """Print the command, and of what and on what the figures are."""
    print(f"$ python -m benchmarks.rendering {' '.join(sys.argv[1:])}".rstrip())
    packages = ", ".join(f"{name} {version(name)}" for name in ("moviepy", "imageio-ffmpeg"))
    print(f"{packages}, Python {platform.python_version()}; each on {cores} of {os.cpu_count()} cores,", end=" ")
    print(f"load {os.getloadavg()[0]:.1f} before the start", flush=True)


def show_film(studio: Studio, film: Film, rounds: int) -> None:
    """Render a film in all ways, in turn, and print what each costs, and that all made the same film."""
    first = studio.ours(film)
    ass = Path(first.cost.said["ass"])
    takes = {OURS: [first]}
    ways: dict[str, tuple[Callable[[], Take], int]] = {
        OURS: (lambda: studio.ours(film), rounds),
        COMMAND: (lambda: studio.by_command(film, ass), rounds),
        ORIGINAL: (lambda: studio.as_original(film, ass, PRESET), rounds),
        AS_IT_WAS: (lambda: studio.as_original(film, ass, original.PRESET), 1),
        MOVIEPY: (lambda: studio.by_moviepy(film), 1),
        TUNED: (lambda: studio.by_moviepy(film, "tuned"), 1),
    }
    for turn in range(rounds):
        for name, (make, times) in ways.items():
            done = takes.setdefault(name, [])
            if len(done) <= turn < times:
                done.append(make())
                if turn:
                    studio.forget(done[-1])
    costs = {name: [take.cost for take in done] for name, done in takes.items()}
    show_costs(film, costs)
    show_goals(film, costs)
    show_parts(costs[OURS])
    show_likeness({name: likeness(done[0].file, first.file) for name, done in takes.items()})
    for done in takes.values():
        studio.forget(done[0])


def _cpu_s(costs: list[Cost]) -> float:
    return statistics.median(cost.cpu_s for cost in costs)


def _peak_mib(costs: list[Cost]) -> float:
    return max(cost.peak_bytes for cost in costs) / 2**20


def _ratio(costs: list[Cost], others: list[Cost], *, without_start: bool = False) -> float:
    """Return how much CPU the ones took for each second of the others, in the rounds that both had."""
    both = min(len(costs), len(others))
    ones = [cost.cpu_s - (cost.said["start_s"] if without_start else 0) for cost in costs]
    return paired(ones[:both], [cost.cpu_s for cost in others[:both]])


def show_costs(film: Film, costs: dict[str, list[Cost]]) -> None:
    """Print medians."""

    def row(name: str, its: list[Cost]) -> list[str]:
        spread = f"{min(cost.cpu_s for cost in its):.1f}-{max(cost.cpu_s for cost in its):.1f}"
        wall_s = statistics.median(cost.wall_s for cost in its)
        figures = [f"{_cpu_s(its):.2f}", spread, times_ours(_ratio(its, costs[OURS])), f"{wall_s:.1f}"]
        return [name, str(len(its)), *figures, f"{_peak_mib(its):.0f}", str(its[0].processes)]

    title = (
        f"{film.duration_s:g} s at {film.width}x{film.height}, {film.scenes} scenes with a picture and a sound each, "
        f"{len(film.words())} words, looped background; x264 {PRESET}, CRF {CRF}"
    )
    columns = ("n", "CPU s", "least-most", "/ours", "wall s", "peak MiB", "processes")
    table(title, columns, [row(name, its) for name, its in costs.items()])


def show_goals(film: Film, costs: dict[str, list[Cost]]) -> None:
    """Print what was aimed at, and whether it is met."""
    ours = costs[OURS]
    for name, most in ((COMMAND, 1.05), (ORIGINAL, 0.95), (AS_IT_WAS, 0.95), (MOVIEPY, 1 / 3)):
        whole, worked = _ratio(ours, costs[name]), _ratio(ours, costs[name], without_start=True)
        ratios = f"it is {whole:.2f}, {_met(whole <= most)}; {worked:.2f} in a worker, which has started and imported"
        print(f"  goal: at most {most:.2f} of the CPU of {name}; {ratios}")
    if film.height >= 1080:
        peak_mib = _peak_mib(ours)
        print(f"  goal: less than {_MEMORY_GOAL_MIB} MiB; it is {peak_mib:.0f}, {_met(peak_mib < _MEMORY_GOAL_MIB)}")


def _met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def show_parts(costs: list[Cost]) -> None:
    """Print where the processor time of our engine goes; a service's worker has started and imported before."""

    def seconds(read: Callable[[Cost], float]) -> str:
        return f"{statistics.median(map(read, costs)):.2f}"

    parts = {"Python's start, imports": seconds(lambda cost: cost.said["start_s"])}
    for stage in costs[0].said["stages"]:
        parts[f"{stage}, in Python"] = seconds(lambda cost, stage=stage: cost.said["stages"].get(stage, 0.0))  # type: ignore[misc]
    parts["FFmpeg"] = seconds(lambda cost: cost.said["ffmpeg_s"])
    table("Where ours goes", ("CPU s",), [[name, figure] for name, figure in parts.items()])


def show_likeness(found: dict[str, Likeness]) -> None:
    """Print how much each film is like ours, and which options of x264 differ from ours."""

    def row(name: str, its: Likeness) -> list[str]:
        ours = found[OURS].settings
        different = [f"{key}={value}" for key, value in its.settings.items() if ours.get(key) != value]
        figures = [f"{its.mean:.3f}", f"{its.least:.3f}", str(its.frames), f"{its.sound_s:.2f}"]
        return [name, *figures, " ".join(different) if len(different) <= 3 else f"{len(different)} differ"]

    columns = ("mean SSIM", "least", "frames", "sound s", "x264 beside ours")
    table("The same film?  Against ours, every 40th picture", columns, [row(*item) for item in found.items()])


if __name__ == "__main__":
    main()
