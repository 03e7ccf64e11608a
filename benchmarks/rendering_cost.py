"""Owns measuring what a command costs: processor time, time, memory, processes and open files, of all its family."""

import contextlib
import functools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_SAMPLE_S = 0.05


@dataclass(frozen=True)
class Cost:
    """What a command took.

    `cpu_s` is user and system time of the process and of all that it waited for; `peak_bytes` the most that they held
    together, seen every 50 ms. `inputs` and `open_files` are the most that one FFmpeg among them had. `said` is the
    JSON object in the last line of its output; `processes` counts itself and what it says to have started.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int
    inputs: int
    open_files: int
    said: Mapping[str, Any]

    @property
    def processes(self) -> int:
        return 1 + int(self.said.get("started", 0))


def measure(
    command: Sequence[str], *, cwd: Path, cores: Sequence[int], environment: Mapping[str, str] | None = None
) -> Cost:
    """Run a command on these cores alone; raise RuntimeError, with its last words, when it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            preexec_fn=functools.partial(os.sched_setaffinity, 0, cores),
        )
        peak = _Peak(child.pid)
        ended = 0
        while not ended:
            time.sleep(_SAMPLE_S)
            peak.look()
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        wall_s = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command[0]} ended with {child.returncode}: {errors.read().decode()[-2000:]}")
        output.seek(0)
        lines = output.read().decode().splitlines()
    said = json.loads(lines[-1]) if lines else {}
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, peak.memory_bytes, peak.inputs, peak.open_files, said)


class _Peak:
    """The most that was seen of a process and those below it."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.memory_bytes = self.inputs = self.open_files = 0

    def look(self) -> None:
        family = [self._root]
        with contextlib.suppress(psutil.Error):
            family += self._root.children(recursive=True)
        memory_bytes = 0
        for process in family:
            with contextlib.suppress(psutil.Error):
                memory_bytes += process.memory_info().rss
                if "ffmpeg" in process.name():
                    self.inputs = max(self.inputs, process.cmdline().count("-i"))
                    self.open_files = max(self.open_files, process.num_fds())
        self.memory_bytes = max(self.memory_bytes, memory_bytes)
