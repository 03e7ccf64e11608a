"""Finds what still runs on behalf of a data directory."""

import time
from pathlib import Path

import psutil


def leaves_nothing(data_dir: Path, patience_s: float) -> bool:
    """Wait until no process uses a data directory; say whether that came true in time, and print those that do."""
    deadline = time.monotonic() + patience_s
    while left := [process for process in psutil.process_iter() if _uses(process, data_dir)]:
        if time.monotonic() > deadline:
            print(left)
            return False
        time.sleep(0.1)
    return True


def _uses(process: psutil.Process, data_dir: Path) -> bool:
    try:
        is_told = process.environ().get("VIDEOCRAFT_DATA_DIR") == str(data_dir)
        return process.status() != psutil.STATUS_ZOMBIE and (is_told or str(data_dir) in process.cwd())
    except psutil.Error:
        return False
