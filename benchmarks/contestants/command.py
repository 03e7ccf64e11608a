"""The film as one FFmpeg command, written by hand for it and as cheap as we know how."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.rendering_film import BT709_TAGS, CRF, GOP, PRESET, Film
from media_services.ffmpeg import executable

QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
_BT709 = "out_color_matrix=bt709:out_range=tv"


def encoder(threads: int, *, preset: str = PRESET) -> list[str]:
    """Return the options of all encoders that are compared."""
    return [
        "-c:v", "libx264", "-preset", preset, "-crf", str(CRF), "-g", str(GOP), "-threads:v", str(threads),
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-movflags", "+faststart",
    ]  # fmt: skip


def command(film: Film, ass: Path, output: Path, *, threads: int) -> list[str]:
    """Return the command, to be run in the folder of the subtitles.

    The background is scaled once, if at all; each picture is one frame, scaled once, which `overlay` holds; sounds are
    joined end to end.
    """
    return [
        executable(), *QUIET, *_inputs(film), "-filter_complex", ";".join([*_pictures(film, ass), *_sounds(film)]),
        "-map", "[picture]", "-map", "[sound]", "-frames:v", str(film.frames), *encoder(threads),
        "-filter_complex_threads", str(threads), str(output),
    ]  # fmt: skip


def _inputs(film: Film) -> Iterator[str]:
    yield from ("-stream_loop", "-1", "-i", str(film.media.background))
    for scene in range(film.scenes):
        yield from ("-i", str(film.picture(scene)))
    for scene in range(film.scenes):
        yield from ("-i", str(film.sound(scene)))


def _pictures(film: Film, ass: Path) -> Iterator[str]:
    fits = film.media.background_size == (film.width, film.height)
    yield f"[0:v]{'null' if fits else f'scale={film.width}:{film.height}:flags=bicubic:{_BT709}'}[base0]"
    for scene in range(film.scenes):
        box, (first, end) = film.box(scene), film.frames_of(scene)
        yield f"[{scene + 1}:v]scale={box.width}:{box.height}:flags=lanczos:{_BT709},format=yuv420p[picture{scene}]"
        window = f"enable='between(n,{first},{end - 1})'"
        yield f"[base{scene}][picture{scene}]overlay={box.x}:{box.y}:format=yuv420:{window}[base{scene + 1}]"
    yield f"[base{film.scenes}]ass={ass.name},format=yuv420p,setsar=1,{BT709_TAGS}[picture]"


def _sounds(film: Film) -> Iterator[str]:
    whole = f"apad=whole_len={film.samples_per_scene},atrim=end_sample={film.samples_per_scene}"
    for scene in range(film.scenes):
        shape = "aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo"
        yield f"[{1 + film.scenes + scene}:a]{shape},{whole}[sound{scene}]"
    labels = "".join(f"[sound{scene}]" for scene in range(film.scenes))
    yield f"{labels}concat=n={film.scenes}:v=0:a=1,alimiter=limit=0.97:level=0:latency=1[sound]"
