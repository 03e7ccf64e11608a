"""The task that every competitor runs: it does nothing but say when it was started."""

import time


def note_start(starts: str) -> None:
    """Append the time to a file."""
    with open(starts, "a") as file:
        file.write(f"{time.time()}\n")
