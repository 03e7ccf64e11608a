"""Prints what it costs to find the words of speech: from cold, with the model in memory, and with the words kept.

    python -m benchmarks.transcription

Goes through `caption_all` as a job does, with a recogniser of its own and the bundled model, kept to one core.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
import psutil

import tests.environment  # noqa: F401 - a data directory of its own, thrown away at the end
from benchmarks.report import table

LENGTHS_S = {60: 7, 300: 3}  # of speech, and how often each is listened to in a state
_started: list[str] = []


@dataclass(frozen=True)
class Cost:
    """What one call took, of this process and the recogniser together."""

    wall_s: float
    cpu_s: float
    processes: int


def measured(call: Callable[[], object]) -> Cost:
    """Return what a call takes."""
    started, cpu_s, began = len(_started), used_cpu_s(), time.perf_counter()
    call()
    return Cost(time.perf_counter() - began, used_cpu_s() - cpu_s, len(_started) - started)


def used_cpu_s() -> float:
    """Return the processor time of this process and of those it keeps running."""
    below = (child.cpu_times() for child in psutil.Process().children(recursive=True))
    return time.process_time() + sum(times.user + times.system for times in below)


def memory_mib() -> tuple[float, float]:
    """Return the most that the recogniser has held in memory, and what it holds now."""
    (recogniser,) = psutil.Process().children()
    lines = Path(f"/proc/{recogniser.pid}/status").read_text().splitlines()
    kib = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "kB" in value}
    return kib["VmHWM"] / 1024, kib["VmRSS"] / 1024


def measure(length_s: int, rounds: int, folder: Path) -> None:
    """Print what speech of a length costs: in each round cold, warm and kept, one after another."""
    from media_services import results
    from media_services.captioning import caption_all
    from media_services.recogniser import Recogniser

    timelines = planned(length_s, folder)
    costs: dict[str, list[Cost]] = {"cold": [], "warm": [], "kept": []}
    memory: list[tuple[float, float]] = []
    subtitles = set()
    with Recogniser() as recogniser:

        def caption() -> None:
            (captioned,) = caption_all(timelines, threads=1, report=lambda _: None, recogniser=recogniser)
            subtitles.add(captioned.files["words"])

        for _ in range(rounds):
            recogniser.kill()
            for state in ("cold", "warm"):
                list(results.evict(0))
                costs[state].append(measured(caption))
            costs["kept"].append(measured(caption))
            memory.append(memory_mib())
    assert len(subtitles) == 1, "the words were not the same each time"
    show(length_s, costs, memory, words=subtitles.pop().count('"text"'))


def planned(length_s: int, folder: Path) -> list[Any]:
    """Return the timelines of a film that says so many seconds of sentences, with subtitles."""
    from media_services import pipeline
    from media_services.movie.reading import read
    from tests.speech import long_talk

    file, _ = long_talk(duration_s=length_s)
    document = {
        "width": 160, "height": 90, "fps": 5,
        "scenes": [{"elements": [{"type": "audio", "src": str(file)}]}],
        "elements": [{"type": "subtitles", "model": "tiny-words", "language": "en"}],
    }  # fmt: skip
    movie = read(document, allow_files=True)
    return pipeline.plan(movie, folder / f"{length_s}", lambda *_: None, local={str(file): file})


def show(length_s: int, costs: dict[str, list[Cost]], memory: Sequence[tuple[float, float]], *, words: int) -> None:
    """Print the medians of a length of speech, and how long the others took beside a warm call."""
    minutes = length_s / 60
    warm_s = statistics.median(cost.cpu_s for cost in costs["warm"])

    def row(name: str, taken: list[Cost]) -> list[str]:
        wall_s = statistics.median(cost.wall_s for cost in taken)
        cpu_s = statistics.median(cost.cpu_s for cost in taken)
        started = "/".join(sorted({str(cost.processes) for cost in taken}))
        figures = (wall_s / minutes, cpu_s / minutes, cpu_s / warm_s)
        return [name, str(len(taken)), *(f"{figure:.3f}" for figure in figures), started]

    columns = ("n", "wall s/min", "CPU s/min", "CPU/warm", "processes started")
    table(f"{minutes:g} min of speech, {words} words", columns, [row(*item) for item in costs.items()])
    most, idle = (statistics.median(figures) for figures in zip(*memory, strict=True))
    print(f"  recogniser in memory: at most {most:.0f} MiB, idle {idle:.0f} MiB (n={len(memory)})")


def main() -> None:
    """Measure each length of speech."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "videocraft.settings"
    django.setup()
    from media_services.weights import checkpoint

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # as a job is; the recogniser follows who calls it
    sys.addaudithook(lambda event, facts: _started.append(str(facts[0])) if event == "subprocess.Popen" else None)
    checkpoint("tiny-words")  # unpacked once in the life of an installation
    print(f"tiny-words, one of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    with TemporaryDirectory(prefix="vc-") as folder:
        for length_s, rounds in LENGTHS_S.items():
            measure(length_s, rounds, Path(folder))


if __name__ == "__main__":
    main()
