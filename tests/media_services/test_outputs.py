"""Films in every format: what a player finds in them, and that they look and last as asked for."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from PIL import Image

from media_services import pipeline
from media_services.errors import MediaError
from media_services.movie.reading import read
from media_services.render.encode import verify
from tests import film, media

BT709 = (1, 1, 1, 1)
COLOURS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}


def document(*, seconds=1.0, **keys):
    """Return a document of four squares of one colour each, in the corners, and a sound."""
    squares = [
        {"type": "image", "src": str(media.picture(color=colour)), "x": 80 * (n % 2), "y": 46 * (n // 2),
         "width": 80, "height": 44, "resize": "fill"}
        for n, colour in enumerate(COLOURS)
    ]  # fmt: skip
    sound = {"type": "audio", "src": str(media.tone(duration_s=4)), "duration": seconds}
    return {"resolution": "160x90", "fps": 25, "scenes": [{"duration": seconds, "elements": [*squares, sound]}], **keys}


def planned(folder, document):
    movie = read(document, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    (timeline,) = pipeline.plan(movie, folder, lambda *where: None, local=local)
    return timeline


@pytest.fixture
def render(tmp_path):
    """Return a function that renders a document and returns the Film."""

    def rendered(document):
        movie = read(document, allow_files=True)
        local = {src: Path(src) for src, _ in movie.sources()}
        (tmp_path / "work").mkdir()
        return pipeline.produce(movie, tmp_path / "work", lambda *where: None, local=local).films[0]

    return rendered


def corners(pixels):
    """Return the colour in the middle of each square."""
    height, width = pixels.shape[:2]
    return [pixels[y * height // 4, x * width // 4].astype(int) for y in (1, 3) for x in (1, 3)]


def off(pixels):
    """Return how far the squares' colours are from what they should be, at most."""
    return max(np.abs(found - wanted).max() for found, wanted in zip(corners(pixels), COLOURS.values(), strict=True))


def gif_delays(file):
    """Return how long each frame of a GIF is shown, in milliseconds, as Pillow reads it."""
    with Image.open(file) as picture:
        return [(picture.seek(number), picture.info["duration"])[1] for number in range(picture.n_frames)]


def test_an_mp4_says_in_its_h264_itself_that_its_colours_are_bt709(render, tmp_path):
    """The container has tags of its own, so they are left behind."""
    raw = tmp_path / "raw.h264"
    with av.open(str(render(document()).file)) as container, raw.open("wb") as stream:
        video = container.streams.video[0]
        unpacked = BitStreamFilterContext("h264_mp4toannexb", video)
        for packet in container.demux(video):
            for part in unpacked.filter(packet):
                stream.write(bytes(part))
    with av.open(str(raw), format="h264") as container:
        next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == BT709


@pytest.mark.parametrize("format_", ["mp4", "webm", "gif"])
def test_colours_come_out_as_they_went_in(render, format_):
    done = render(document(format=format_, quality="high"))
    with Image.open(done.poster) as poster, Image.open(done.contact_sheet) as sheet:
        shown = [film.frame(done.file, 3), np.asarray(poster), np.asarray(sheet.convert("RGB"))[8:182, 8:318]]
    assert [off(pixels) <= 14 for pixels in shown] == [True] * 3, [off(pixels) for pixels in shown]


@pytest.mark.parametrize(("format_", "codecs"), [("mp4", ("h264", "aac")), ("webm", ("vp9", "opus"))])
def test_a_film_has_its_frames_and_its_sound(render, format_, codecs):
    done = render(document(format=format_, fps=29.97, seconds=2))
    assert done.file.name == f"film.{format_}"
    with av.open(str(done.file)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (context.name.removeprefix("lib"), audio.codec_context.name.removeprefix("lib")) == codecs
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == BT709
        assert len(list(container.decode(video))) == done.frames == 60
    sound = film.samples(done.file)
    assert sound.shape[1] / 48000 == pytest.approx(60 * 1001 / 30000, abs=0.03)
    assert film.pitch_hz(sound, 0.2, 1.8) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("fps", "seconds", "frames", "length_ms"),
    [(30, 2, 60, 2000), (29.97, 2, 60, 2000), (60, 1.5, 75, 1500), (7, 1.3, 9, 1290), (25, 0.04, 1, 40)],
)
def test_a_gif_is_as_long_as_its_film_without_a_delay_that_browsers_stretch(render, fps, seconds, frames, length_ms):
    done = render(document(format="gif", fps=fps, seconds=seconds))
    assert (done.file.name, done.frames) == ("film.gif", frames)
    assert done.fps == min(Fraction(50), Fraction(30000, 1001) if fps == 29.97 else fps)
    with av.open(str(done.file)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        delays = [packet.duration for packet in container.demux(video=0) if packet.size]
    assert (len(delays), sum(delays) * 10) == (frames, length_ms)
    assert min(delays) >= 2


def test_a_gif_loops_for_ever_and_moves_at_an_even_pace(render):
    moving = {"type": "video", "src": str(media.video(duration_s=2)), "muted": True}
    done = render(document(format="gif", fps=30, seconds=2, elements=[moving]))
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in done.file.read_bytes()
    assert set(gif_delays(done.file)) == {30, 40}


@pytest.mark.parametrize("format_", ["mp4", "webm", "gif"])
def test_a_draft_is_half_as_wide_and_high(render, format_):
    done = render(document(format=format_, draft=True, width=320, height=180))
    assert (done.width, done.height) == (160, 90)
    with Image.open(done.poster) as poster, Image.open(done.contact_sheet) as sheet:
        assert (film.frame(done.file, 0).shape, poster.size, sheet.width) == ((90, 160, 3), (160, 90), 1280)


def test_what_a_gif_was_made_from_does_not_stay(render):
    left = {file.name for file in render(document(format="gif")).file.parent.iterdir()}
    assert "pictures.mp4" not in left


@pytest.mark.parametrize("format_", ["mp4", "webm", "gif"])
def test_a_film_with_other_frames_is_refused(render, tmp_path, format_):
    done = render(document(format=format_))
    longer = planned(tmp_path / "sources", document(format=format_, seconds=1.04))
    with pytest.raises(MediaError, match="has 25 frames of 160x90 instead of 26"):
        verify(done.file, longer, lambda fraction: None)


def test_a_film_that_is_slower_than_asked_for_is_refused(render, tmp_path):
    done = render(document(format="gif", fps=10))
    faster = planned(tmp_path / "sources", document(format="gif", fps=20, seconds=0.5))
    with pytest.raises(MediaError, match=r"lasts 1.000 s instead of 0.500 s"):
        verify(done.file, faster, lambda fraction: None)


def test_a_webm_whose_sound_stops_early_is_refused(render, tmp_path):
    done = render(document(format="webm"))
    short = media.converted(done.file, ".webm", "-c:v", "copy", "-af", "atrim=end=0.8")
    with pytest.raises(MediaError, match=r"the film's sound lasts 0.8\d\d s and its picture 1.000 s"):
        verify(short, planned(tmp_path / "sources", document(format="webm")), lambda fraction: None)


def test_a_film_without_its_sound_is_refused(render, tmp_path):
    done = render(document())
    silent = media.converted(done.file, ".mp4", "-c:v", "copy", "-an")
    with pytest.raises(MediaError, match="the film that was written has no sound"):
        verify(silent, planned(tmp_path / "sources", document()), lambda fraction: None)
