"""Owns counting the processes that a Python program starts; FFmpeg starts none."""

import sys

started: list[str] = []


def _heard(event: str, _: object) -> None:
    if event in {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}:
        started.append(event)


def count() -> None:
    """Count from now on."""
    sys.addaudithook(_heard)
