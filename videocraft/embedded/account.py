"""Owns which system account the embedded PostgreSQL runs under: the caller's, but never root's, which it refuses."""

import os
import pwd
import stat
from pathlib import Path
from typing import Any

_INSTEAD_OF_ROOT = "nobody"
_TRAVERSE = stat.S_IXGRP | stat.S_IXOTH
_READ = stat.S_IRGRP | stat.S_IROTH


def identity(directory: Path) -> dict[str, Any]:
    """Return the arguments of `subprocess.run` that run a program as the owner of a directory; empty unless root."""
    if os.geteuid() != 0:
        return {}
    owner = directory.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def has_name() -> bool:
    """Say whether the caller's user id has an account; PostgreSQL does not start under one that has none."""
    try:
        return bool(pwd.getpwuid(os.geteuid()))
    except KeyError:
        return False


def hand_over(directory: Path, programs: Path) -> None:
    """As root, give a directory to an unprivileged account and let that reach it and the programs; else do nothing."""
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam(_INSTEAD_OF_ROOT)
    os.chown(directory, account.pw_uid, account.pw_gid)
    for parent in (*directory.parents, *programs.parents):
        _allow(parent, _TRAVERSE)
    for path in (programs, *programs.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        _allow(path, _READ | (_TRAVERSE if executable else 0))


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
