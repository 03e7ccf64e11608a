"""Owns who a worker is: one process of one boot of one host, told from every other."""

import functools
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from jobs.labels import NO_LABELS, WorkerLabels


@dataclass(frozen=True)
class WorkerIdentity:
    """One process on one host.

    The start time, in the kernel's ticks since boot, tells it from a later process with the same pid. `realm` names the
    boot and the pid namespace within which a pid means anything: hosts and containers may share a name.
    """

    host: str
    pid: int
    started_ticks: int
    cluster: uuid.UUID | None = None
    realm: str = ""
    labels: WorkerLabels = NO_LABELS

    @classmethod
    def current(cls, cluster: uuid.UUID | None = None, labels: WorkerLabels = NO_LABELS) -> "WorkerIdentity":
        pid = os.getpid()
        return cls(socket.gethostname(), pid, started_ticks(pid) or 0, cluster, realm(), labels)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


def started_ticks(pid: int) -> int | None:
    """Return when a process of this realm started; None when there is none, or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@functools.cache
def realm() -> str:
    """Name this boot and this pid namespace; empty where the kernel does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
