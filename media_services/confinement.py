"""Owns what a child process that reads media of unknown origin may not do, whatever it can be made to.

It reaches no network, gains no rights by what it starts, leaves no core with a stranger's or our own data in it, and
fills neither the disk nor the memory.
"""

import ctypes
import functools
import logging
import os
import resource
import subprocess
import sys
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_STACK_BYTES = 1024**2  # all that Windows gives to the same libraries
_NEVER_TOUCHED_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Limits:
    """How many bytes a file that a command writes may have, and how many of memory it may ask for; None is no limit."""

    file_bytes: int | None = None
    memory_bytes: int | None = None


def asked_for(held_bytes: int) -> int:
    """Return how much memory a process may ask for that may hold so much: a good part of it is never touched."""
    return 2 * held_bytes + _NEVER_TOUCHED_BYTES


def confine(limits: Limits, *, offline: bool) -> None:
    """Confine this process and all that it starts; for a child, right after fork.

    Memory counts as it is asked for, not as it is used, and without what is mapped from files; what is more is refused
    to the process, which may then fail as it likes.
    """
    if offline:
        _leave_network()
    gain_nothing()
    if limits.file_bytes is not None:
        _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.memory_bytes is not None:
        _lower(resource.RLIMIT_DATA, limits.memory_bytes)


def have_small_stacks() -> None:
    """Give each thread of the program that this process is about to become a small stack, which counts as asked for."""
    _lower(resource.RLIMIT_STACK, _STACK_BYTES)


def gain_nothing() -> None:
    """Let nothing that this process starts have more rights than it, and let it leave no core when it crashes."""
    _lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


@functools.cache
def can_go_offline() -> bool:
    """Return whether the kernel lets a child of this process leave the network; warn in the log, once, if not."""
    if sys.platform != "linux":
        return False
    try:
        tried = subprocess.run([sys.executable], preexec_fn=lambda: os._exit(not _leave_network()), check=False)
        is_allowed = tried.returncode == 0
    except (OSError, subprocess.SubprocessError):
        is_allowed = False
    if not is_allowed:
        logger.warning("FFmpeg runs with the network in reach: this kernel, or container, allows no new namespace")
    return is_allowed


def _leave_network() -> bool:
    """Move this process into a network of its own, in which there is nothing; return whether that was allowed.

    Without the right to it takes a user namespace of its own as well, in which files stay what they were.
    """
    return any(_LIBC.unshare(what) == 0 for what in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def _lower(what: int, most: int) -> None:
    """Lower a limit for good; one that is lower stays."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))
