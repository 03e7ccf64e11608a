"""A small process beside the embedded PostgreSQL: stops it when its last user is gone, however that one died."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from videocraft.embedded import postmaster

_POLL_S = 0.25
_IMPORT_ROOT = Path(__file__).resolve().parent.parent.parent


def spawn(users_lock: Path, pgdata: Path, pid: int) -> None:
    """Start a keeper for the server with this pid; it belongs to no session and is nobody's child."""
    subprocess.run(
        [sys.executable, "-m", "videocraft.embedded.keeper", str(users_lock), str(pgdata), str(pid)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_IMPORT_ROOT), *filter(None, sys.path)])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
        timeout=60,
    )


def keep(users_lock: Path, pgdata: Path, pid: int) -> None:
    """Wait until nobody holds the users' lock, then stop the server; return as soon as it is another, or none."""
    with open(users_lock) as lock:
        while (server := postmaster.read(pgdata)) and server.pid == pid and server.is_alive():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_POLL_S)
            else:
                server.stop()


def main() -> None:
    users_lock, pgdata, pid = sys.argv[1:]
    if os.fork() == 0:
        os.chdir("/")
        keep(Path(users_lock), Path(pgdata), int(pid))


if __name__ == "__main__":
    main()
