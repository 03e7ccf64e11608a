"""Tells how much a film looks like another one by VMAF, for tests and benchmarks."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from media_services.ffmpeg import executable

_GRAPH = "[0:v]setpts=N/TB[film];[1:v]setpts=N/TB[other];[film][other]libvmaf=log_fmt=json:log_path=scores.json"


def vmaf(film: Path, reference: Path, *, threads: int = 1, every: int = 1) -> list[float]:
    """Return how much pictures of a film look like those of another one, of 100, where a copy has 97 or more.

    `every` says how many pictures apart those are that are compared. What differs in their times is not seen.
    Raises ValueError if one film has more pictures.
    """
    with tempfile.TemporaryDirectory(prefix="vc-") as folder:
        command = [executable(), "-nostdin", "-hide_banner", "-loglevel", "error"]
        command += ["-i", str(film.absolute()), "-i", str(reference.absolute())]
        command += ["-filter_complex", f"{_GRAPH}:n_threads={threads}:n_subsample={every}", "-f", "null", "-"]
        subprocess.run(command, check=True, cwd=folder, capture_output=True)
        found: list[dict[str, Any]] = json.loads((Path(folder) / "scores.json").read_text())["frames"]
    counts = [_pictures(film), _pictures(reference)]
    if counts[0] != counts[1] or len(found) != -(-counts[0] // every):
        raise ValueError(f"{film} has {counts[0]} pictures and {reference} has {counts[1]}; {len(found)} were compared")
    return [float(frame["metrics"]["vmaf"]) for frame in found]


def _pictures(film: Path) -> int:
    command = [executable(), "-nostdin", "-loglevel", "error", "-i", str(film), "-map", "0:v", "-c", "copy"]
    done = subprocess.run([*command, "-f", "framehash", "-"], check=True, capture_output=True, text=True)
    return sum(not line.startswith("#") for line in done.stdout.splitlines())
