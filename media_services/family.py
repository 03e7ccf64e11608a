"""Owns what lies below a process: that it dies with it, how much memory it all takes, and that none of it stays.

A process group is not the whole of it: what started a session of its own has left the group, and what is only
signalled is not dead yet. So a worker adopts whatever its work leaves behind, and waits until it has buried it; and
each command carries the mark of the work it was started for, by which it is found when its worker is gone as well.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import psutil

MARK = "VC_WORK"  # the environment variable that names the work a command was started for
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)
_PATIENCE_S = 5.0
_adopter: int | None = None
_spared: set[int] = set()


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; for a child, right after fork.

    A parent that is gone already by then is not waited for.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            os._exit(1)


def call_yourself(name: str) -> None:
    """Show a name of 15 characters at most in lists of processes."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_NAME, name.encode())


def die_first() -> None:
    """Have the kernel, when it is short of memory, kill this process and its children before any other."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def mark(name: str) -> None:
    """Give every command that this process starts from now on a mark."""
    os.environ[MARK] = name


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent dies; for a process without other children."""
    global _adopter
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _adopter = os.getpid()


def spare(pid: int) -> None:
    """Have `end_adopted` leave a child of this process, and all below it, alone."""
    _spared.add(pid)


def spare_no_more(pid: int) -> None:
    """Have `end_adopted` treat a child like any other again."""
    _spared.discard(pid)


def end_adopted() -> None:
    """Kill and reap every child of this process but the spared, if it is one that adopts; wait until none is left."""
    if _adopter != os.getpid():
        return
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        adopted = [child for child in psutil.Process().children() if child.pid not in _spared]
        if not adopted:
            return
        _kill([*adopted, *(process for child in adopted for process in _below(child))])
        for child in adopted:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)
        time.sleep(0.002)


def end_marked(name: str) -> int:
    """Kill every process on this host that carries a mark; return how many those were, once they are dead."""
    marked = [process for process in psutil.process_iter() if _carries(process, name)]
    _kill(marked)
    psutil.wait_procs(marked, timeout=_PATIENCE_S)
    return len(marked)


def memory_bytes(pid: int) -> int:
    """Return what a process and all below it hold in memory; pages that several of them share count for each."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_resident_bytes(process) for process in family)


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _carries(process: psutil.Process, name: str) -> bool:
    try:
        return bool(process.environ().get(MARK) == name)
    except (psutil.Error, OSError):
        return False


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
