"""Encoders that misbehave: shell scripts in the place of FFmpeg, most of which run the real one in the end."""

import sys
from pathlib import Path

import imageio_ffmpeg

REAL = imageio_ffmpeg.get_ffmpeg_exe()


class Encoder:
    """A script; `env` makes a cluster use it. `starts` counts how often it was started, `written` says for what."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        self._journal = folder / "starts"
        self._file = folder / "encoder"
        self._file.write_text(f'#!/bin/sh\nfor last; do :; done; echo $$ "$last" >> {self._journal}\n{script}\n')
        self._file.chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        return {"IMAGEIO_FFMPEG_EXE": str(self._file)}

    @property
    def starts(self) -> int:
        return len(self.written)

    @property
    def segments(self) -> int:
        """How often it was started to encode a segment; the film of `conftest.film` has one."""
        return sum(name.startswith("segment-") for name in self.written)

    @property
    def written(self) -> list[str]:
        """The names of the files it was started to write, in order."""
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        return [Path(line.split(" ", 1)[1]).name for line in lines]


def late(folder: Path, seconds: float) -> Encoder:
    """The real one, after a while."""
    return Encoder(folder, f'sleep {seconds}\nexec {REAL} "$@"')


def unsteady(folder: Path, most_s: float) -> Encoder:
    """The real one, after any while up to so many seconds."""
    return Encoder(
        folder, f"sleep $(awk -v seed=$$ 'BEGIN {{ srand(seed); print rand() * {most_s} }}')\nexec {REAL} \"$@\""
    )


def held(folder: Path) -> Encoder:
    """The real one, which ends only once the file `go` is there; the file `done` says that it has encoded."""
    return Encoder(
        folder, f'{REAL} "$@" || exit $?\ntouch {folder}/done\nwhile [ ! -e {folder}/go ]; do sleep 0.05; done'
    )


def waiting(folder: Path, name: str) -> Encoder:
    """The real one, which does not begin with a file of this name before the file `go` is there."""
    wait = f"while [ ! -e {folder}/go ]; do sleep 0.05; done"
    return Encoder(folder, f'case "$last" in *{name}) {wait};; esac\nexec {REAL} "$@"')


def hanging(folder: Path) -> Encoder:
    """One that does nothing, for ever."""
    return Encoder(folder, "exec sleep 3600")


def murderous(folder: Path) -> Encoder:
    """One that kills the worker it works for: the parent of the child that started it."""
    return Encoder(folder, "kill -9 $(awk '/^PPid/ {print $2}' /proc/$PPID/status)\nsleep 3600")


def stubborn(folder: Path) -> Encoder:
    """One that ignores every signal it can, with children in its group and in a session of their own."""
    return Encoder(
        folder,
        "trap '' TERM INT HUP\nsh -c \"trap '' TERM; sleep 3600\" &\nsetsid sleep 3600 &\n"
        "while true; do sleep 3600; done",
    )


def hungry(folder: Path, megabytes: int) -> Encoder:
    """One that takes memory, in a child of its own."""
    code = f"import time; taken = b'x' * {megabytes * 1024**2}; time.sleep(3600)"
    return Encoder(folder, f'{sys.executable} -c "{code}"')
