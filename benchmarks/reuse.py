"""Prints what a changed film costs beside a new one, what a free worker saves of a long film, and what segments cost.

    python -m benchmarks.reuse [--quick] [--rounds 3] [edit help segments]

--quick takes shorter films once, for a look whether it works. Without names, all questions are asked.
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
from pathlib import Path

from benchmarks.contestant import production
from benchmarks.reuse_edit import show_edits
from benchmarks.reuse_film import Sources
from benchmarks.reuse_help import show_help
from benchmarks.reuse_segments import show_segments
from benchmarks.reuse_service import Shop
from tests.service import Service
from tests.web import LocalServer
from videocraft.embedded.server import EmbeddedServer

QUESTIONS = ("edit", "help", "segments")


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    scene_s: float = 6
    long_scenes: int = 40
    sizes: tuple[tuple[int, int], ...] = ((1280, 720), (1920, 1080))
    segmented_scene_s: float = 6


QUICK = Extent(scene_s=3, long_scenes=8, sizes=((1280, 720),), segmented_scene_s=1.5)


def main() -> None:
    """Ask the questions that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reuse")
    parser.add_argument("--quick", action="store_true", help="shorter films, once, for a look whether it works")
    parser.add_argument("--rounds", type=int, help="how often each film is rendered, in turn; 3, and 1 if quick")
    parser.add_argument("questions", nargs="*", help=", ".join(QUESTIONS))
    arguments = parser.parse_args()
    if unknown := set(arguments.questions) - set(QUESTIONS):
        parser.error(f"there is no question {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of everything that stops processes
    extent = QUICK if arguments.quick else Extent()
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    print(f"$ python -m benchmarks.reuse {' '.join(sys.argv[1:])}".rstrip())
    print(f"Python {platform.python_version()}; each job on 1 of {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        ask(arguments.questions or QUESTIONS, Path(folder), extent, rounds)


def ask(questions: Sequence[str], folder: Path, extent: Extent, rounds: int) -> None:
    """Print the answers, in the order of QUESTIONS."""
    if set(questions) & {"edit", "help"}:
        with ExitStack() as stack:
            shop = _shop(folder, stack)
            if "edit" in questions:
                show_edits(shop, extent.scene_s, rounds)
            if "help" in questions:
                show_help(shop, extent.long_scenes, extent.scene_s, rounds)
    if "segments" in questions:
        show_segments(folder / "segments", extent.sizes, extent.segmented_scene_s, rounds)


def _shop(folder: Path, stack: ExitStack) -> Shop:
    """Start a service and a server of sources, which end with the stack."""
    server = EmbeddedServer.at(folder / "database")
    stack.callback(server.leave)
    socket_dir = server.join()
    sources = Sources(stack.enter_context(LocalServer()))
    data = folder / "service"
    data.mkdir()
    service = stack.enter_context(Service(data, socket_dir, **production(job_workers=1, whisper_idle="1h")))
    service.start_web()
    return Shop(service, sources)


if __name__ == "__main__":
    main()
