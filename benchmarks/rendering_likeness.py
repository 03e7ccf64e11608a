"""Owns whether films that were made in several ways are the same film: pictures, length, and how they are encoded."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import av

from media_services.ffmpeg import executable

_SETTINGS = re.compile(rb"x264 - core \d+.*? - options: ([^\x00]*)")
_EVERY_FRAMES = 40


@dataclass(frozen=True)
class Likeness:
    """How much one film is like another, by SSIM of every 40th picture, where 1 is the same; and what a player sees.

    `settings` are the options of x264, which it writes into its stream.
    """

    mean: float
    least: float
    frames: int
    sound_s: float
    settings: dict[str, str]


def likeness(film: Path, other: Path) -> Likeness:
    """Compare a film with another one of its size."""
    sampled = f"select='eq(mod(n,{_EVERY_FRAMES}),{_EVERY_FRAMES // 2})',setpts=N/TB"
    graph = f"[0:v]{sampled}[a];[1:v]{sampled}[b];[a][b]ssim=stats_file=-"
    command = [executable(), "-nostdin", "-hide_banner", "-loglevel", "error", "-i", str(film), "-i", str(other)]
    command += ["-lavfi", graph, "-an", "-f", "null", "/dev/null"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    values = [float(match[1]) for line in lines if (match := re.search(r"All:([\d.]+)", line))]
    with av.open(str(film)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        frames = sum(bool(packet.size) for packet in container.demux(video))
        assert audio.duration is not None
        assert audio.time_base is not None
        sound_s = float(audio.duration * audio.time_base)
    return Likeness(sum(values) / len(values), min(values), frames, sound_s, settings_of(film))


def settings_of(film: Path) -> dict[str, str]:
    """Return the options that x264 says it was given."""
    found = _SETTINGS.search(film.read_bytes())
    if found is None:
        raise ValueError(f"{film} was not encoded by x264")
    pairs = (option.partition("=") for option in found[1].decode().split())
    return {name: value for name, _, value in pairs}
