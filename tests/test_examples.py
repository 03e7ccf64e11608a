"""The examples: what is shipped is right, what is drawn is drawn well, and the demo does what it says."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from media_services.movie.reading import read
from media_services.transcribe import Listening, transcribe
from tests.videocraft.processes import leaves_nothing
from videocraft.configuration import ROOT

EXAMPLES = ROOT / "examples"
SPOKEN = dict(re.findall(r'^speak (\w+) "(.*)"$', (EXAMPLES / "speech.sh").read_text(), re.MULTILINE))


def run(script: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(EXAMPLES / script), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    assert run("make_media.py", str(folder)).returncode == 0
    return folder


def sources(part: object) -> set[str]:
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    own = {part["src"]} if isinstance(part, dict) and "src" in part else set()
    return own.union(*map(sources, children))


def test_the_story_is_a_document_without_a_warning():
    movie = read(json.loads((EXAMPLES / "story.json").read_text()), strict=True, allow_files=True)

    assert movie.warnings == []


def test_all_that_the_story_names_is_shipped_or_drawn_and_nothing_else_is(media):
    shipped = {path.name for path in (EXAMPLES / "media").glob("*.mp3")}
    named = {Path(src).name for src in sources(json.loads((EXAMPLES / "story.json").read_text()))}

    assert named == shipped | {path.name for path in media.iterdir()}


def test_each_sentence_is_recognised_word_by_word(recogniser):
    files = [EXAMPLES / "media" / f"{name}.mp3" for name in SPOKEN]

    how = Listening("tiny-words", "en")

    heard = [
        transcribe(file, how=how, threads=2, report=lambda fraction: None, recogniser=recogniser) for file in files
    ]

    assert [" ".join(word.text.strip(".,") for word in words) for words in heard] == [
        re.sub("[.,]", "", text) for text in SPOKEN.values()
    ]


def test_the_speech_is_small():
    assert all((EXAMPLES / "media" / f"{name}.mp3").stat().st_size < 40_000 for name in SPOKEN)


def test_the_pictures_are_large_and_have_light_and_dark_in_them(media):
    for picture in media.glob("*.jpg"):
        with Image.open(picture) as image:
            assert image.size == (1600, 900)
            assert np.asarray(image.convert("L")).std() > 25


def test_drawing_again_gives_the_same_pictures_and_keeps_what_is_there(media, tmp_path):
    (tmp_path / "background.mp4").write_text("kept")

    run("make_media.py", str(tmp_path))

    assert (tmp_path / "background.mp4").read_text() == "kept"
    for picture in media.glob("*.jpg"):
        assert (tmp_path / picture.name).read_bytes() == picture.read_bytes()


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
