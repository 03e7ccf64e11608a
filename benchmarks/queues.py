"""Prints VideoCraft's queue beside stock django-q2 and procrastinate, on one PostgreSQL server, in one run.

    python -m benchmarks.queues [--quick] [start throughput claims recovery cancel]

--quick takes few samples, for a look whether it works. Without names, every question is asked.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg

from benchmarks.comparisons import show_claims, show_starts, show_throughput
from benchmarks.competitors import django_q2, procrastinate, videocraft
from benchmarks.contestant import Competitor, Contestant
from benchmarks.interruptions import show_cancel, show_recovery
from videocraft.embedded.server import EmbeddedServer

COMPETITORS: tuple[Competitor, ...] = (videocraft, django_q2, procrastinate)
COMPARISONS = ("start", "throughput", "claims")
QUESTIONS = (*COMPARISONS, "recovery", "cancel")


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    starts: int = 60
    rounds: int = 3
    noops: int = 300
    films: int = 30
    rows: tuple[int, ...] = (100, 10_000, 1_000_000)
    slices: int = 4
    slice_s: float = 0.5
    kills: int = 20
    cancels: int = 50


QUICK = Extent(
    starts=10, rounds=1, noops=60, films=6, rows=(100, 10_000, 100_000), slices=2, slice_s=0.3, kills=3, cancels=5
)


def main() -> None:
    """Ask the questions that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queues")
    parser.add_argument("--quick", action="store_true", help="take few samples, for a look whether it works")
    parser.add_argument("questions", nargs="*", help=", ".join(QUESTIONS))
    arguments = parser.parse_args()
    if unknown := set(arguments.questions) - set(QUESTIONS):
        parser.error(f"there is no question {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of everything that stops processes
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        server = EmbeddedServer.at(Path(folder) / "database")
        try:
            socket_dir = server.join()
            show_surroundings(socket_dir)
            extent = QUICK if arguments.quick else Extent()
            ask(arguments.questions or QUESTIONS, Path(folder), socket_dir, extent)
        finally:
            server.leave()


def show_surroundings(socket_dir: str) -> None:
    """Print the command, and of what and on what the figures are."""
    with psycopg.connect(host=socket_dir, user="postgres", dbname="postgres") as connection:
        server = connection.info.parameter_status("server_version")
    packages = ", ".join(f"{name} {version(name)}" for name in ("django-q2", "procrastinate"))
    print(f"$ python -m benchmarks.queues {' '.join(sys.argv[1:])}".rstrip())
    print(f"{packages}, PostgreSQL {server}, Python {platform.python_version()}, {os.cpu_count()} cores,", end=" ")
    print(f"load {os.getloadavg()[0]:.1f} before the start", flush=True)


def ask(questions: Sequence[str], folder: Path, socket_dir: str, extent: Extent) -> None:
    """Print the answers, in the order of QUESTIONS; the competitors have databases of their own on the server."""
    if set(questions) & set(COMPARISONS):
        with ExitStack() as stack:
            contestants = [
                stack.enter_context(Contestant(competitor, folder / f"contestant-{number}", socket_dir))
                for number, competitor in enumerate(COMPETITORS)
            ]
            if "start" in questions:
                show_starts(contestants, extent.starts)
            if "throughput" in questions:
                show_throughput(contestants, extent.rounds, extent.noops, extent.films)
            if "claims" in questions:
                show_claims(contestants, extent.rows, extent.slices, extent.slice_s)
    if "recovery" in questions:
        show_recovery(folder / "recovery", socket_dir, extent.kills)
    if "cancel" in questions:
        show_cancel(folder / "cancel", socket_dir, extent.cancels)


if __name__ == "__main__":
    main()
