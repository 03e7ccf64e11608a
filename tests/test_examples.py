"""The examples: what is shipped is right, what is drawn is drawn well, and the demo does what it says."""

import json
import math
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from PIL import Image

from media_services import pipeline
from media_services.movie.document import RESOLUTIONS
from media_services.movie.reading import read
from media_services.transcribe import Listening, transcribe
from tests.film import facts, level_db, samples
from tests.videocraft.processes import leaves_nothing
from videocraft.configuration import ROOT

EXAMPLES = ROOT / "examples"
DOCUMENTS = sorted(path.stem for path in EXAMPLES.glob("*.json"))
LONGER_SIDE_PX, FPS = 320, 8
SPOKEN = dict(re.findall(r'^speak (\w+) "(.*)"$', (EXAMPLES / "speech.sh").read_text(), re.MULTILINE))


def run(script: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(EXAMPLES / script), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    done = run("make_media.py", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


class Rendered(NamedTuple):
    film: Path
    size: tuple[int, int]
    warnings: list[Any]
    frames: list["np.ndarray[Any, np.dtype[np.uint8]]"]

    def at(self, time_s: float) -> "np.ndarray[Any, np.dtype[np.uint8]]":
        return self.frames[round(time_s * FPS)].astype(int)


def document(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def rendered(media, recogniser, tmp_path_factory):
    """Render an example, small and at few frames a second, once."""
    done: dict[str, Rendered] = {}

    def render(name: str) -> Rendered:
        if name not in done:
            (project,) = document(name)
            width_px, height_px = RESOLUTIONS[project["resolution"]]
            share = LONGER_SIDE_PX / max(width_px, height_px)
            size = round(width_px * share), round(height_px * share)
            project |= {"width": size[0], "height": size[1], "fps": FPS}
            for element in project["elements"]:
                if element["type"] == "subtitles":  # the only length that is pixels of the film
                    element["settings"]["outline-width"] *= share
            movie = read(project, strict=True, allow_files=True)
            folders = {".mp3": EXAMPLES / "media"}
            local = {src: folders.get(Path(src).suffix, media) / Path(src).name for src, _ in movie.sources()}
            workdir = tmp_path_factory.mktemp(name)
            made = pipeline.produce(movie, workdir, lambda *where: None, local=local, recogniser=recogniser)
            film = made.films[0].file
            with av.open(str(film)) as container:
                frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            done[name] = Rendered(film, size, made.warnings, frames)
        return done[name]

    return render


def share_of(colour: str, pixels: "np.ndarray[Any, Any]") -> float:
    """Return which part of pixels is of a colour, but for what encoding does to it."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return float((np.abs(pixels - wanted).max(axis=-1) < 24).mean())


def sources(part: object) -> set[str]:
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    own = {part} if isinstance(part, str) and part.startswith("media/") else set()
    return own.union(*map(sources, children))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_example_is_a_document_without_a_warning(name):
    movie = read(document(name), strict=True, allow_files=True)

    assert movie.warnings == []


def test_all_that_the_examples_name_is_shipped_or_drawn_and_nothing_else_is(media):
    shipped = {path.name for path in (EXAMPLES / "media").glob("*.mp3")}
    named = {Path(src).name for name in DOCUMENTS for src in sources(document(name))}

    assert named == shipped | {path.name for path in media.iterdir()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_example_becomes_a_film_that_is_seen_and_heard_to_its_end(rendered, name):
    made = rendered(name)

    found = facts(made.film)
    length_s = found["frames"] / FPS
    assert made.warnings == []
    assert found["size"] == made.size
    assert math.isclose(found["audio_s"], length_s, abs_tol=0.05)
    empty = sum(frame.mean() < 20 or frame.std() < 8 for frame in made.frames)
    assert empty <= 0.5 * FPS, "a fade to black, and no more"
    sound = samples(made.film)
    assert all(level_db(sound, second, second + 2) > -45 for second in range(int(length_s) - 2))
    assert np.abs(sound).max() < 1


@pytest.mark.parametrize(("name", "length_s"), [("carousel", 12.5), ("listing", 12.4), ("tour", 18.2)])
def test_a_film_is_as_long_as_its_scenes_less_their_transitions(rendered, name, length_s):
    assert len(rendered(name).frames) == round(length_s * FPS)


def test_the_captions_of_the_short_stand_in_boxes_over_a_background_that_moves(rendered):
    made = rendered("short")
    high = made.size[1]

    assert share_of("#e8336d", made.at(0.9)[int(high * 0.45) : int(high * 0.55)]) > 0.02
    below = [made.at(time_s)[int(high * 0.75) :] for time_s in (0.5, 2.0, 6.5)]
    assert np.abs(below[0] - below[1]).mean() > 3
    assert np.abs(below[0] - below[2]).mean() < 1, "the clip of 6 s begins again"


def test_the_tour_comes_nearer_and_keeps_its_price_on_top(rendered):
    made = rendered("tour")
    wide, high = made.size

    roof = [share_of("#ffffff", made.at(time_s)[: int(high * 0.45)]) for time_s in (0.0, 3.1)]
    price = [made.at(time_s)[int(high * 0.07) : int(high * 0.12), int(wide * 0.82) : int(wide * 0.93)]
             for time_s in (2.0, 5.0, 11.0)]  # fmt: skip
    assert np.abs(made.at(0.0) - made.at(2.0)).mean() > 5
    assert roof[0] != roof[1]
    assert [share_of("#ffffff", part) > 0.3 for part in price] == [False, True, True]


def test_the_presenter_stands_before_the_slides_without_her_green(rendered):
    made = rendered("presenter")
    wide, high = made.size
    frame = made.at(2.0)

    assert share_of("#00b140", frame) == 0
    assert share_of("#f2b594", frame[int(high * 0.4) : int(high * 0.5), int(wide * 0.77) : int(wide * 0.84)]) > 0.4
    assert share_of("#fbf4ea", frame[:, : int(wide * 0.6)]) > 0.5
    corner = frame[: int(high * 0.1), int(wide * 0.9) :]
    assert share_of("#fbf4ea", corner) == 0
    assert np.abs(frame - made.at(5.0))[:, int(wide * 0.62) :].mean() > 10, "each slide has a picture of its own"


def test_the_carousel_wipes_one_slide_off_the_next(rendered):
    made = rendered("carousel")
    sea, during, desert = made.at(4.0), made.at(4.375), made.at(5.0)

    assert np.abs(during[20:60] - sea[20:60]).mean() < 6 < np.abs(during[20:60] - desert[20:60]).mean()
    assert np.abs(during[-60:-20] - desert[-60:-20]).mean() < 12 < np.abs(during[-60:-20] - sea[-60:-20]).mean()


def test_the_listing_has_a_scene_for_each_home_and_shows_what_holds_for_it(rendered):
    made = rendered("listing")
    villa, cabin, house = (made.at(time_s) for time_s in (4.0, 6.75, 9.4))

    assert [share_of("#d8434e", frame) > 0.03 for frame in (villa, cabin, house)] == [False, False, True]
    assert [share_of("#ffd66b", frame[-80:]) > 0.02 for frame in (villa, cabin, house)] == [False, True, False]
    assert all(share_of("#ff8a65", frame[-90:]) > 0.005 for frame in (villa, cabin, house))


def test_each_sentence_is_recognised_word_by_word(recogniser):
    files = [EXAMPLES / "media" / f"{name}.mp3" for name in SPOKEN]

    how = Listening("tiny-words", "en")

    heard = [
        transcribe(file, how=how, threads=1, report=lambda fraction: None, recogniser=recogniser) for file in files
    ]

    assert [" ".join(word.text.strip(".,") for word in words) for words in heard] == [
        re.sub("[.,]", "", text) for text in SPOKEN.values()
    ]


def test_the_speech_is_small():
    assert all((EXAMPLES / "media" / f"{name}.mp3").stat().st_size < 40_000 for name in SPOKEN)


def test_the_pictures_are_large_and_have_light_and_dark_in_them(media):
    pictures = list(media.glob("*.jpg"))

    assert len(pictures) == 12
    for picture in pictures:
        with Image.open(picture) as image:
            assert image.size == (1600, 900)
            assert np.asarray(image.convert("L")).std() > 25


def test_drawing_again_gives_the_same_media_and_keeps_what_is_there(media, tmp_path):
    (tmp_path / "background.mp4").write_text("kept")
    again = ["sea.jpg", "villa.jpg", "living.jpg", "shade.png", "music.m4a"]

    run("make_media.py", str(tmp_path), "background.mp4", *again)

    assert (tmp_path / "background.mp4").read_text() == "kept"
    assert all((tmp_path / name).read_bytes() == (media / name).read_bytes() for name in again)
    assert len(list(tmp_path.iterdir())) == 6


def test_the_background_is_small_and_loops_without_a_seam(media):
    with av.open(str(media / "background.mp4")) as container:
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]

    assert len(frames) == 8 * 30
    assert frames[0].shape == (720, 1280)
    assert (media / "background.mp4").stat().st_size < 1_000_000
    step = max(np.abs(later - earlier).mean() for earlier, later in pairwise(frames[100:111]))
    assert np.abs(frames[0] - frames[-1]).mean() < 3 * step
    assert np.abs(frames[0] - frames[120]).mean() > 20 * step


def test_the_demo_makes_a_film_and_a_sheet_of_its_frames_and_stops_everything(tmp_path):
    done = run("demo.py", VIDEOCRAFT_DATA_DIR=str(tmp_path))

    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "demo.mp4")) as container:
        assert container.streams.video[0].width == 1280
        assert 15 < container.duration / av.time_base < 25
    with Image.open(tmp_path / "demo.png") as sheet:
        assert sheet.size[0] > 1900
    assert all(stage in done.stderr for stage in ("uploading", "transcribing", "rendering", "completed"))
    assert f"{tmp_path}/demo.mp4" in done.stdout
    assert leaves_nothing(tmp_path, 2)


def test_a_demo_that_fails_says_why_and_fails(tmp_path):
    done = run("demo.py", VIDEOCRAFT_DATA_DIR=str(tmp_path), VIDEOCRAFT_ASSET_MAX_BYTES="1000")

    assert done.returncode == 1
    assert "the demo failed: POST" in done.stderr
    assert "REQUEST_TOO_LARGE" in done.stderr
    assert not (tmp_path / "demo.mp4").exists()
    assert leaves_nothing(tmp_path, 2)
