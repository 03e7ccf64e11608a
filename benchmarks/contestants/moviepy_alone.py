"""The film by MoviePy alone, in a process of its own: clips, text clips, `write_videofile`.

    python -m benchmarks.contestants.moviepy_alone film.pickle output.mp4 threads [tuned]

`tuned` reads the background at the film's size and composes onto it (`target_resolution`, `use_bgclip`), which its
guides do not teach.
"""

import json
import pickle
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from moviepy import AudioFileClip, CompositeAudioClip, CompositeVideoClip, ImageClip, TextClip, VideoFileClip, vfx
from PIL import ImageFont

from benchmarks.contestants import counting
from benchmarks.rendering_film import (
    CRF,
    FONT_SHARE,
    FPS,
    GOP,
    MARGIN_SHARE,
    OUTLINE_PX,
    PRESET,
    WORDS_PER_LINE,
    Film,
)

_EM_SHARE = 0.859  # of the height of a line, by which ASS measures letters, in DejaVu Sans Bold


class Subtitles:
    """The words of a film as text clips that look as the engine's subtitles do."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._font_px = round(film.width * FONT_SHARE * _EM_SHARE)

    @cached_property
    def _font(self) -> str:
        package = find_spec("matplotlib")
        assert package is not None
        assert package.origin is not None
        return str(Path(package.origin).parent / "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf")

    def clips(self) -> Iterator[TextClip]:
        """Yield a clip for each word while it is spoken, and one for those before it on its line."""
        letters = ImageFont.truetype(self._font, self._font_px)
        words = self._film.words()
        for first in range(0, len(words), WORDS_PER_LINE):
            line = words[first : first + WORDS_PER_LINE]
            left_px = (self._film.width - letters.getlength(_joined(line))) / 2
            for spoken, word in enumerate(line):
                yield self._clip(
                    word["text"], "yellow", left_px + letters.getlength(_joined(line[:spoken]) + " "), word
                )
                if spoken:
                    yield self._clip(_joined(line[:spoken]), "white", left_px, word)

    def _clip(self, text: str, colour: str, left_px: float, word: dict[str, Any]) -> TextClip:
        clip = TextClip(
            self._font, text, font_size=self._font_px, color=colour, stroke_color="black", stroke_width=OUTLINE_PX,
            margin=(0, 0, 0, self._font_px // 4),
        )  # fmt: skip
        margin_px = min(self._film.width, self._film.height) * MARGIN_SHARE
        top_px = self._film.height - margin_px - self._film.width * FONT_SHARE
        placed = clip.with_position((round(left_px), round(top_px))).with_start(word["start_ms"] / 1000)
        return placed.with_duration((word["end_ms"] - word["start_ms"]) / 1000)


def _joined(words: list[dict[str, Any]]) -> str:
    return " ".join(word["text"] for word in words)


def compose(film: Film, *, tuned: bool) -> CompositeVideoClip:
    """Return the film as a clip."""
    size = (film.width, film.height)
    background = VideoFileClip(str(film.media.background), audio=False, target_resolution=size if tuned else None)
    background = background.with_effects([vfx.Loop(duration=film.duration_s)])
    if background.size != list(size) and tuple(background.size) != size:
        background = background.resized(size)
    pictures, sounds = [], []
    for scene in range(film.scenes):
        box = film.box(scene)
        picture = ImageClip(str(film.picture(scene))).resized((box.width, box.height)).with_position((box.x, box.y))
        pictures.append(picture.with_start(scene * film.scene_s).with_duration(film.scene_s))
        sound = AudioFileClip(str(film.sound(scene)))
        sounds.append(sound.with_duration(min(film.scene_s, sound.duration)).with_start(scene * film.scene_s))
    layers = [background, *pictures, *Subtitles(film).clips()]
    clip = CompositeVideoClip(layers, size=size, use_bgclip=tuned)
    return clip.with_duration(film.duration_s).with_audio(CompositeAudioClip(sounds))


def main() -> None:
    """Render, and print how many processes that took."""
    counting.count()
    film = pickle.loads(Path(sys.argv[1]).read_bytes())
    with compose(film, tuned=sys.argv[4:] == ["tuned"]) as clip:
        clip.write_videofile(
            sys.argv[2], fps=FPS, codec="libx264", preset=PRESET, audio_codec="aac", audio_bitrate="192k",
            audio_fps=48_000, threads=int(sys.argv[3]), pixel_format="yuv420p", logger=None,
            ffmpeg_params=["-crf", str(CRF), "-g", str(GOP), "-movflags", "+faststart"],
        )  # fmt: skip
        for layer in clip.clips:
            layer.close()
    print(json.dumps({"started": len(counting.started)}))


if __name__ == "__main__":
    main()
