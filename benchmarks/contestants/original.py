"""The film as the command that the original VideoCraft, in Go, would have built for it.

It composes at the background's size, draws the subtitles there, and makes that the film's size while it encodes
(`-s`). Its preset was medium; given ours as well, so that the difference is its way of composing. It had no GOP and
no threads of its own; they are those of the others here.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contestants.command import QUIET, encoder
from benchmarks.rendering_film import FPS, Film
from media_services.ffmpeg import executable

PRESET = "medium"


def command(film: Film, ass: Path, output: Path, *, threads: int, preset: str) -> list[str]:
    """Return the command, to be run in the folder of the subtitles."""
    return [
        executable(), *QUIET, *_inputs(film), "-filter_complex", ";".join(_filters(film, ass)),
        "-map", "[subtitled]", "-map", "[sound]", "-t", f"{film.duration_s:.2f}", *encoder(threads, preset=preset),
        "-s", f"{film.width}x{film.height}", "-filter_complex_threads", str(threads), str(output),
    ]  # fmt: skip


def _inputs(film: Film) -> Iterator[str]:
    loops = math.ceil(film.duration_s)  # more than are needed; `-t` ends it
    yield from ("-protocol_whitelist", "file,http,https,tcp,tls", "-stream_loop", str(loops))
    yield from ("-i", str(film.media.background))
    for scene in range(film.scenes):
        yield from ("-i", str(film.sound(scene)))
    for scene in range(film.scenes):
        yield from ("-i", str(film.picture(scene)))


def _filters(film: Film, ass: Path) -> Iterator[str]:
    sounds = "".join(f"[{scene + 1}:a]" for scene in range(film.scenes))
    yield f"{sounds}concat=n={film.scenes}:v=0:a=1,apad=pad_dur=2[sound]"
    ratio = film.media.background_size[0] / film.width
    below = "0:v"
    for scene in range(film.scenes):
        box, (first, end) = film.box(scene), film.frames_of(scene)
        width, height, x, y = (round(px * ratio) for px in (box.width, box.height, box.x, box.y))
        yield f"[{film.scenes + 1 + scene}:v]scale={width}:{height}[scaled{scene}]"
        window = f"enable='between(t,{first / FPS:f},{(end - 0.5) / FPS:f})'"
        yield f"[{below}][scaled{scene}]overlay={x}:{y}:{window}[overlay{scene}]"
        below = f"overlay{scene}"
    yield f"[{below}]ass='{ass.name}'[subtitled]"
