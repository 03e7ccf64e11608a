"""Owns the films that rendering is measured by: their media, made here, and the document that asks for them."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from media_services.ffmpeg import executable
from media_services.placing import Box

FPS = 30
PRESET, CRF, GOP = "veryfast", 23, 60  # those of the engine at its usual quality
BT709_TAGS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"  # as cameras write them
FONT_SIZE, FONT_SHARE, MARGIN_SHARE, OUTLINE_PX = "5vw", 0.05, 0.06, 2
WORDS_PER_LINE = 4
_BACKGROUND_S = 10
_BACKGROUND_RATE = "8M"  # of bought footage at 1080p, about
_WORD_MS = 300
_VOCABULARY = ("river", "carries", "small", "boats", "past", "quiet", "houses", "while", "morning", "light", "fills")
# Where the pictures lie, as shares of what the canvas leaves free, and how wide they are of the canvas.
_PLACES = ((0.1, 0.15), (0.9, 0.2), (0.5, 0.1), (0.2, 0.3), (0.8, 0.1))
_PICTURE_SHARE = 0.4
_RATIO = 4 / 3


@dataclass(frozen=True)
class Media:
    """The files a film is made of: one background, and a picture and a sound for each scene or fewer, in turn."""

    background: Path
    background_size: tuple[int, int]
    pictures: Sequence[Path]
    sounds: Sequence[Path]


@dataclass(frozen=True)
class Film:
    """A film of equal scenes over a looping background: in each a picture and a sound, under words that go through."""

    media: Media
    width: int
    height: int
    scenes: int
    scene_s: float

    @property
    def duration_s(self) -> float:
        return self.scenes * self.scene_s

    @property
    def frames(self) -> int:
        return round(self.duration_s * FPS)

    @property
    def samples_per_scene(self) -> int:
        return round(self.scene_s * 48_000)

    def picture(self, scene: int) -> Path:
        return self.media.pictures[scene % len(self.media.pictures)]

    def sound(self, scene: int) -> Path:
        return self.media.sounds[scene % len(self.media.sounds)]

    def box(self, scene: int) -> Box:
        """Return where a scene's picture lies."""
        width, height = _even(self.width * _PICTURE_SHARE), _even(self.width * _PICTURE_SHARE / _RATIO)
        across, down = _PLACES[scene % len(_PLACES)]
        return Box(_even((self.width - width) * across), _even((self.height - height) * down), width, height)

    def frames_of(self, scene: int) -> tuple[int, int]:
        """Return a scene's first frame and that of the next one."""
        return round(scene * self.scene_s * FPS), round((scene + 1) * self.scene_s * FPS)

    def words(self) -> list[dict[str, Any]]:
        """Return the words that are spoken without a pause, as words JSON has them."""
        count = int(self.duration_s * 1000 / _WORD_MS) - 2
        return [
            {
                "text": _VOCABULARY[number % len(_VOCABULARY)],
                "start_ms": number * _WORD_MS,
                "end_ms": (number + 1) * _WORD_MS,
            }
            for number in range(count)
        ]

    def document(self) -> dict[str, Any]:
        """Return the movie document; its sources are paths."""
        return {
            "width": self.width,
            "height": self.height,
            "fps": FPS,
            "cache": False,
            "scenes": [self._scene(number) for number in range(self.scenes)],
            "elements": [
                {"type": "video", "src": str(self.media.background)},
                {
                    "type": "subtitles",
                    "language": "en",
                    "captions": {"words": self.words()},
                    "settings": {
                        "style": "progressive",
                        "font-size": FONT_SIZE,
                        "outline-width": OUTLINE_PX,
                        "max-words-per-line": WORDS_PER_LINE,
                    },
                },
            ],
        }

    def _scene(self, number: int) -> dict[str, Any]:
        box = self.box(number)
        place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        return {
            "duration": self.scene_s,
            "elements": [
                {"type": "image", "src": str(self.picture(number)), **place},
                {"type": "audio", "src": str(self.sound(number))},
            ],
        }

    def sources(self) -> dict[str, Path]:
        """Return every source, by what the document calls it."""
        files = [self.media.background, *self.media.pictures, *self.media.sounds]
        return {str(file): file for file in files}


def make_media(
    folder: Path, *, size: tuple[int, int], picture_size: tuple[int, int], scenes: int, sound_s: float
) -> Media:
    """Make the media of a film: each picture and each sound is another, with as much detail as a photograph has."""
    folder.mkdir()
    background = folder / "background.mp4"
    _make_background(background, size)
    pictures = [folder / f"picture-{number}.jpg" for number in range(scenes)]
    for number, file in enumerate(pictures):
        texture(picture_size, seed=number + 1).save(file, quality=90)
    sounds = [folder / f"sound-{number}.mp3" for number in range(scenes)]
    for number, file in enumerate(sounds):
        tone = f"0.3*sin(2*PI*{200 + number % 50 * 10}*t)*(0.6+0.4*sin(2*PI*3*t))"
        source = f"aevalsrc='{tone}|{tone}':s=48000:d={sound_s}"
        _ffmpeg("-f", "lavfi", "-i", source, "-b:a", "128k", file)
    return Media(background, size, pictures, sounds)


def _make_background(file: Path, size: tuple[int, int]) -> None:
    """Make ten seconds of a slow, grainy pan over a landscape that ends where it began."""
    still = file.with_suffix(".png")
    texture((size[0] * 4 // 3, size[1] * 4 // 3), seed=0).save(still)
    turn = f"2*PI*t/{_BACKGROUND_S}"
    pan = f"crop={size[0]}:{size[1]}:x='(iw-ow)/2*(1+sin({turn}))':y='(ih-oh)/2*(1+cos({turn}))'"
    colour = f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{BT709_TAGS}"
    filters = f"loop=loop=-1:size=1,fps={FPS},{pan},noise=alls=8:allf=t,{colour}"
    length = ["-frames:v", str(_BACKGROUND_S * FPS)]
    rate = ["-b:v", _BACKGROUND_RATE, "-maxrate", _BACKGROUND_RATE, "-bufsize", _BACKGROUND_RATE]
    _ffmpeg("-i", still, "-vf", filters, *length, "-c:v", "libx264", "-preset", "veryfast", *rate, file)
    still.unlink()


def texture(size: tuple[int, int], *, seed: int) -> Image.Image:
    """Return a picture with detail of every size, the finer the weaker, as photographs have it."""
    random = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3), np.float32)
    for cells, layer in _octaves(size, random):
        total += layer / np.sqrt(cells)
    total -= total.min()
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def _octaves(size: tuple[int, int], random: np.random.Generator) -> Iterator[tuple[int, Any]]:
    cells = 2
    while cells <= size[0]:
        grid = random.integers(0, 256, (max(cells * size[1] // size[0], 1), cells, 3), np.uint8)
        yield cells, np.asarray(Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC), np.float32)
        cells *= 2


def _ffmpeg(*arguments: str | Path) -> None:
    command = [executable(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def _even(value: float) -> int:
    return round(value / 2) * 2
