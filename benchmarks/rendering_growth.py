"""Owns how the cost of our engine grows: with the length of the film, and with the number of its scenes."""

from dataclasses import replace

from benchmarks.rendering_cost import Cost
from benchmarks.rendering_film import Film, Media, make_media
from benchmarks.rendering_studio import Studio
from benchmarks.report import table

SIZE = (320, 180)
_SQUARE_AT = 1.5  # by how much the cost of one part may rise from a film to a longer one before it is called growth


def show_growth(studio: Studio, *, minutes: tuple[float, ...], scenes: tuple[int, ...]) -> None:
    """Print the cost of longer and longer films, and of films of more and more scenes of one second each."""
    media = make_media(studio.folder / "small", size=SIZE, picture_size=(320, 240), scenes=max(5, *scenes), sound_s=1)
    few = replace(media, pictures=media.pictures[:5], sounds=media.sounds[:5])
    longer = {f"{length:g} min": _cost(studio, few, 5, length * 60 / 5) for length in minutes}
    title = f"Growth with the length: ours, 5 scenes, {SIZE[0]}x{SIZE[1]}, words throughout"
    _show(title, longer, minutes, "minute")
    more = {f"{count} scenes": _cost(studio, media, count, 1) for count in scenes}
    title = (
        f"Growth with the scenes: ours, 1 s each, every one with a picture and a sound of its own, {SIZE[0]}x{SIZE[1]}"
    )
    _show(title, more, scenes, "scene")
    most = scenes[-1]
    pictures = replace(media, sounds=media.sounds[:1])
    one_sound = {f"{most} pictures, 1 sound": _cost(studio, pictures, most, 1)}
    _show("Many pictures, and one sound heard over and over", one_sound, (most,), "picture")


def _cost(studio: Studio, media: Media, scenes: int, scene_s: float) -> Cost:
    take = studio.ours(Film(media, *SIZE, scenes=scenes, scene_s=scene_s))
    studio.forget(take)
    return take.cost


def _show(title: str, costs: dict[str, Cost], sizes: tuple[float, ...], part: str) -> None:
    columns = ("CPU s", f"CPU s/{part}", "of it Python", "peak MiB", "inputs", "open files")
    table(title, columns, [_row(name, cost, size) for (name, cost), size in zip(costs.items(), sizes, strict=True)])
    if len(sizes) > 1:
        (shorter, longest), (less, most) = list(costs.values())[-2:], sizes[-2:]
        rise = (longest.cpu_s / most) / (shorter.cpu_s / less)
        verdict = "grows with it" if rise < _SQUARE_AT else "GROWS FASTER"
        print(f"  from {less:g} to {most:g}, the CPU seconds of one {part} change by {rise:.2f}: {verdict}")


def _row(name: str, cost: Cost, size: float) -> list[str]:
    python_s = cost.cpu_s - cost.said["ffmpeg_s"]
    figures = [f"{cost.cpu_s:.1f}", f"{cost.cpu_s / size:.3f}", f"{python_s:.1f}", f"{cost.peak_bytes / 2**20:.0f}"]
    return [name, *figures, str(cost.inputs), str(cost.open_files)]
