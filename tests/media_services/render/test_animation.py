"""Animations as videos: their pixels, their transparency and their times, read by FFmpeg."""

import subprocess

import numpy as np
import pytest
from PIL import Image, ImageDraw

from media_services import ffmpeg
from media_services.media import Source
from media_services.opening import SAFE_INPUT
from media_services.probe import probe
from media_services.render.animation import as_video
from media_services.render.footage import Footage, footage
from tests import media

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
LENGTHS_MS = (100, 50, 250)


def animated(suffix, frames, lengths_ms=LENGTHS_MS, **options):
    file = media.new_file(suffix)
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=list(lengths_ms), loop=0, **options)
    return file


def squares(mode="RGBA"):
    """Make a square in each colour on nothing, each further to the right."""
    frames = []
    for number, colour in enumerate(COLOURS):
        frame = Image.new(mode, (48, 32))
        ImageDraw.Draw(frame).rectangle((number * 16, 8, number * 16 + 15, 23), fill=colour)
        frames.append(frame)
    return frames


def read(video, *, rate=100, seconds=0.4, size=(48, 32), before=()):
    """Return what FFmpeg makes of a video at a rate: frames x height x width x RGBA."""
    scale = f"fps={rate}:start_time=0,scale={size[0]}:{size[1]}:flags=bicubic,format=rgba"
    command = [ffmpeg.executable(), "-v", "error", *before, *SAFE_INPUT, "-i", str(video), "-vf", scale]
    done = subprocess.run([*command, "-t", str(seconds), "-f", "rawvideo", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, size[1], size[0], 4).astype(int)


def seen(frames):
    """Return in which of the three places a square is to be seen, frame by frame."""
    return [[bool(frame[16, 8 + 16 * place, 3] > 127) for place in range(3)].index(True) for frame in frames]


FORMATS = [
    (".gif", {"disposal": 2}),
    (".png", {"disposal": 1}),
    (".webp", {"lossless": True}),
    (".avif", {"quality": 100, "subsampling": "4:4:4"}),
]


@pytest.mark.parametrize(("suffix", "options"), FORMATS)
def test_each_format_moves_in_its_time_and_leaves_nothing_behind(tmp_path, suffix, options):
    file = animated(suffix, squares(), **options)
    found = probe(file)
    assert (found.frames, found.duration_ms, found.has_alpha) == (3, 400, True)
    frames = read(as_video(file, tmp_path))
    assert seen(frames) == [0] * 10 + [1] * 5 + [2] * 25
    for frame, place in zip(frames, seen(frames), strict=True):
        assert np.abs(frame[16, 8 + 16 * place] - (*COLOURS[place], 255)).max() <= (6 if suffix == ".avif" else 0)
        assert sorted(frame[16, 8::16, 3].tolist()) == [0, 0, 255]


@pytest.mark.parametrize(("suffix", "options"), FORMATS)
def test_in_a_loop_the_last_frame_has_its_time_as_well(tmp_path, suffix, options):
    video = as_video(animated(suffix, squares(), **options), tmp_path)
    once = [0] * 10 + [1] * 5 + [2] * 25
    assert seen(read(video, seconds=1.2, before=("-stream_loop", "-1"))) == once * 3


@pytest.mark.parametrize("length_ms", [0, 10])
def test_a_gif_without_times_moves_as_in_a_browser(tmp_path, length_ms):
    file = animated(".gif", squares(), lengths_ms=(length_ms,) * 3, disposal=2)
    assert probe(file).duration_ms == 300
    assert seen(read(as_video(file, tmp_path), seconds=0.3)) == [0] * 10 + [1] * 10 + [2] * 10


def test_what_a_frame_does_not_change_stays(tmp_path):
    frames = [Image.new("RGB", (48, 32), "white") for _ in range(3)]
    for number, frame in enumerate(frames):
        ImageDraw.Draw(frame).rectangle((0, 0, number * 16 + 15, 31), fill=COLOURS[number])
    last = read(as_video(animated(".gif", frames), tmp_path))[-1]
    assert np.array_equal(last, np.array(frames[-1].convert("RGBA")))


def test_a_picture_for_those_who_cannot_play_an_apng_is_no_frame(tmp_path):
    first = Image.new("RGBA", (48, 32), "white")
    file = animated(".png", [first, *squares()], default_image=True)
    assert (probe(file).frames, probe(file).duration_ms) == (3, 400)
    assert seen(read(as_video(file, tmp_path))) == [0] * 10 + [1] * 5 + [2] * 25


def test_orientation_counts(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = animated(".webp", squares(), lossless=True, exif=exif)
    assert (probe(file).width, probe(file).height) == (32, 48)
    frame = read(as_video(file, tmp_path), size=(32, 48))[0]
    assert frame[8, 16].tolist() == [255, 0, 0, 255]


def test_scaled_edges_have_no_rim_of_what_is_hidden(tmp_path):
    """White on nothing stays white, however little of it is seen."""
    frames = [Image.new("RGBA", (48, 32)) for _ in range(2)]
    for number, frame in enumerate(frames):
        ImageDraw.Draw(frame).ellipse((8 + number, 4, 31 + number, 27), fill="white")
    file = animated(".gif", frames, lengths_ms=(100, 100), disposal=2)
    scaled = read(as_video(file, tmp_path), seconds=0.2, size=(120, 80))
    assert (scaled[..., 3] < 200).any()
    assert scaled[scaled[..., 3] > 20][:, :3].min() >= 250


def test_it_is_made_once_and_needs_no_other_reading(tmp_path):
    file = animated(".webp", squares(), lossless=True)
    heard = []
    video = as_video(file, tmp_path, tick=heard.append)
    assert heard == [pytest.approx(share) for share in (1 / 3, 2 / 3, 1)]
    assert as_video(file, tmp_path, tick=heard.append) == video
    assert len(heard) == 3
    assert footage(Source("a", file, "a", 1, probe(file))) == Footage()


def test_what_tick_raises_stops_the_work_and_leaves_no_video(tmp_path):
    class Enough(Exception):
        pass

    def tick(share):
        raise Enough

    file = animated(".webp", squares(), lossless=True)
    with pytest.raises(Enough):
        as_video(file, tmp_path, tick=tick)
    assert not list(tmp_path.glob("*.mkv"))
