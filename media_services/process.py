"""Owns child processes: the only place that starts any, makes them die with their parent, and kills them.

On Linux every child asks the kernel to be killed when the thread that started it ends, so nothing runs on behind a
killed worker. Start children from a thread that lives as long as they do.
"""

import contextlib
import functools
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from media_services.confinement import Limits, can_go_offline, confine, gain_nothing, have_small_stacks
from media_services.family import MARK, die_first, die_with_parent, end_adopted, mark, memory_bytes

_TICK_S = 0.25
_TAIL_LINES = 40
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", MARK)
NO_LIMITS = Limits()

Tick = Callable[[], None]
Send = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Finished:
    """How a command ended; `stderr_tail` holds the last lines it wrote there."""

    exit_code: int
    stderr_tail: str


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    on_line: Callable[[str], None] | None = None,
    tick: Tick = lambda: None,
    environment: Mapping[str, str] | None = None,
    limits: Limits = NO_LIMITS,
    timeout_s: float,
) -> Finished:
    """Run a command to its end, passing each line of its standard output to `on_line`.

    `tick` is called at least four times a second; when it or `on_line` raises, or the time is up (TimeoutError), the
    child is killed first. The child gets a clean environment, with `environment` added, no standard input, and no
    network where the kernel allows that; it is confined to `limits`.
    """
    child = subprocess.Popen(
        argv,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment() | dict(environment or {}),
        preexec_fn=functools.partial(_be_command, os.getpid(), limits, can_go_offline()),
    )
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    try:
        deadline = time.monotonic() + timeout_s
        for name, line in _lines(child, tick, deadline):
            if name == "stderr":
                tail.append(line)
            elif on_line is not None:
                on_line(line)
        return Finished(child.wait(), "\n".join(tail))
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for stream in (child.stdout, child.stderr):
            assert stream is not None
            stream.close()


def _lines(child: "subprocess.Popen[bytes]", tick: Tick, deadline: float) -> Iterator[tuple[str, str]]:
    """Yield ("stdout" or "stderr", line) as they come, until both streams end."""
    assert child.stdout is not None
    assert child.stderr is not None
    with selectors.DefaultSelector() as selector:
        rest = {"stdout": b"", "stderr": b""}
        selector.register(child.stdout, selectors.EVENT_READ, "stdout")
        selector.register(child.stderr, selectors.EVENT_READ, "stderr")
        while selector.get_map():
            for key, _ in selector.select(_TICK_S):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                *lines, rest[key.data] = (rest[key.data] + chunk).replace(b"\r", b"\n").split(b"\n")
                lines += [rest[key.data]] if not chunk else []
                yield from ((key.data, line.decode(errors="replace")) for line in lines if line)
            tick()
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {child.pid} did not end in time")


def start(argv: Sequence[str], *, cwd: Path, pass_fds: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Start a command that runs on until it, or the thread that started it, ends; its last words go to our own.

    It has no network where the kernel allows that.
    """
    return subprocess.Popen(
        argv,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=_environment(),
        pass_fds=pass_fds,
        preexec_fn=functools.partial(_be_server, os.getpid(), can_go_offline()),
    )


def _be_command(parent_pid: int, limits: Limits, offline: bool) -> None:
    """Be confined, die with the parent, and open as many files as the system lets any process open."""
    confine(limits, offline=offline)
    have_small_stacks()
    die_with_parent(parent_pid)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _be_server(parent_pid: int, offline: bool) -> None:
    die_first()
    confine(NO_LIMITS, offline=offline)
    die_with_parent(parent_pid)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


class Fork:
    """A forked child of this process in a session of its own, which sends JSON messages to its parent.

    `target` runs in the child with a function that sends one message, from any of its threads. What it starts stays
    in its process group, so that `kill` ends all of it, and carries the mark `name`.
    """

    def __init__(self, target: Callable[[Send], None], name: str = "") -> None:
        read_fd, write_fd = os.pipe()
        parent_pid = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read_fd)
            _be_child(target, write_fd, parent_pid, name)
        os.close(write_fd)
        os.set_blocking(read_fd, False)
        self.read_fd = read_fd
        self.pidfd = os.pidfd_open(self.pid)
        self.exit_code: int | None = None
        self.is_silent = False  # whether it can send nothing any more
        self._rest = b""

    def messages(self) -> list[dict[str, Any]]:
        """Return what the child has sent since the last call, without waiting."""
        while True:
            try:
                chunk = os.read(self.read_fd, 65536)
            except BlockingIOError:
                break
            if not chunk:
                self.is_silent = True
                break
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return [json.loads(line) for line in lines]

    def has_ended(self) -> bool:
        """Reap the child if it has ended; its exit code is then in `exit_code`, minus the signal that killed it."""
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is not None

    def memory_bytes(self) -> int:
        """Return what the child and all it started hold in memory."""
        return memory_bytes(self.pid)

    def kill(self, *, grace_s: float = 0.0) -> None:
        """End the child and all of its process group: SIGTERM, after `grace_s` SIGKILL; return when it is gone.

        In a process that adopts orphans all that the child had started is gone by then, too.
        """
        if grace_s and not self.has_ended():
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + grace_s
            while not self.has_ended() and time.monotonic() < deadline:
                time.sleep(0.01)
        self._signal(signal.SIGKILL)  # also when the leader is gone: the rest of its group may not be
        if self.exit_code is None:
            _, status = os.waitpid(self.pid, 0)
            self.exit_code = os.waitstatus_to_exitcode(status)
        end_adopted()

    def close(self) -> None:
        """Kill what is left of the child and give back its descriptors."""
        self.kill()
        os.close(self.read_fd)
        os.close(self.pidfd)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.exit_code is None:
                os.kill(self.pid, number)  # a child that has not come to make its group yet
            os.killpg(self.pid, number)


def _be_child(target: Callable[[Send], None], write_fd: int, parent_pid: int, name: str) -> NoReturn:
    """Run the target in the forked child, and leave without any of the parent's clean-up."""
    code, one_at_a_time = 1, threading.Lock()  # a message longer than a pipe takes at once is written in pieces

    def send(message: dict[str, Any]) -> None:
        with one_at_a_time:
            _write_all(write_fd, json.dumps(message).encode() + b"\n")

    try:
        os.setsid()
        die_with_parent(parent_pid)
        die_first()
        gain_nothing()
        mark(name)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        target(send)
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may unwind into the parent's frames
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
