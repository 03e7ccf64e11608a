"""Captions that were given instead of speech, and those that are taken from a film."""

import json
from pathlib import Path

import pysubs2
import pytest

from media_services import pipeline
from media_services.errors import DocumentError, ErrorCode, MediaError
from media_services.movie.reading import read
from tests import media

SRT = "1\n00:00:00,500 --> 00:00:01,000\nhello world\n\n2\n00:00:01,500 --> 00:00:02,000\nbye.\n"

TAKEN = [{"text": "hello", "start_ms": 0, "end_ms": 400}]


@pytest.fixture
def produced(tmp_path):
    """Return a function that makes films of scenes of two seconds, and gives the files beside the first."""

    def produce(scenes, elements=(), local=None):
        filled = [{"duration": 2, "background-color": "#102030", "elements": scene} for scene in scenes]
        document = {"width": 160, "height": 90, "fps": 5, "scenes": filled, "elements": list(elements)}
        movie = read(document, allow_files=True)
        production = pipeline.produce(movie, tmp_path, lambda *where: None, local=local or {})
        beside = {kind: file.read_text() for kind, file in production.films[0].subtitles.items()}
        return beside, production.warnings

    return produce


def subtitles(captions=SRT, **more):
    return {"type": "subtitles", "captions": captions, **more}


def test_every_file_says_what_the_film_shows(produced):
    beside, warnings = produced([[], []], [subtitles()])
    assert warnings == []
    assert beside["srt"] == (
        "1\n00:00:00,500 --> 00:00:01,000\nhello world\n\n2\n00:00:01,500 --> 00:00:02,000\nbye.\n"
    )
    assert beside["vtt"] == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.000\nhello <00:00:00.750>world\n\n00:00:01.500 --> 00:00:02.000\nbye.\n"
    )
    assert json.loads(beside["words"]) == {
        "subtitles": [
            {
                "path": "/elements/0",
                "language": None,
                "words": [
                    {"text": "hello", "start_ms": 500, "end_ms": 750},
                    {"text": "world", "start_ms": 750, "end_ms": 1000},
                    {"text": "bye.", "start_ms": 1500, "end_ms": 2000},
                ],
            }
        ]
    }
    drawn = pysubs2.SSAFile.from_string(beside["ass"])
    assert [(event.start, event.end) for event in drawn.events] == [(500, 750), (750, 1000), (1500, 2000)]


def test_captions_of_a_scene_count_from_its_start_and_end_with_it(produced):
    srt = SRT + "\n3\n00:00:01,900 --> 00:00:09,000\nlate\n"
    beside, _ = produced([[], [subtitles(srt)], []])
    starts = [(word["text"], word["start_ms"]) for word in json.loads(beside["words"])["subtitles"][0]["words"]]
    assert starts == [("hello", 500), ("world", 750), ("bye.", 1500), ("late", 1900)]
    assert "00:00:02,500 --> 00:00:03,000" in beside["srt"]
    assert "00:00:03,900 --> 00:00:04,000" in beside["srt"]


def test_captions_are_fetched_like_any_source(produced, tmp_path):
    file = tmp_path / "odd.srt"
    file.write_bytes(b"\xff\xfe" + SRT.replace("\n", "\r\n").replace("bye", "adiós").encode("utf-16-le"))
    beside, _ = produced([[]], [subtitles(str(file))], {str(file): file})
    assert "adiós." in beside["srt"]


def test_captions_that_are_none_fail_the_job_at_their_place(produced, tmp_path):
    picture = Path(media.picture())
    with pytest.raises(MediaError) as caught:
        produced([[]], [subtitles(str(picture))], {str(picture): picture})
    assert (caught.value.code, caught.value.path) == (ErrorCode.UNSUPPORTED_MEDIA, "/elements/0/captions")


@pytest.mark.parametrize("captions", ["WEBVTT\nno cue", {"words": [{"text": "a"}]}, {"words": 1}, "", "[1"])
def test_captions_in_the_document_that_cannot_be_read_refuse_it(captions):
    with pytest.raises(DocumentError) as caught:
        read({"scenes": [{"duration": 1}], "elements": [subtitles(captions)]})
    assert [problem.path for problem in caught.value.problems] == ["/elements/0/captions"]


def test_words_that_were_taken_can_be_given(produced, tmp_path):
    first, _ = produced([[], []], [subtitles()])
    movie = read({"scenes": [{"duration": 4}], "elements": [subtitles(first["words"])]})
    (phrase,) = movie.projects[0].elements[0].captions_inline
    assert [word.text for word in phrase.words] == ["hello", "world", "bye."]


def test_words_are_replaced_in_captions_but_not_again_in_words_that_were_taken(produced):
    look = {"replace": {"hello": "hello hello"}}
    beside, _ = produced([[]], [subtitles(settings=look), subtitles({"words": TAKEN}, settings=look)])
    heard, taken = json.loads(beside["words"])["subtitles"]
    assert [word["text"] for word in heard["words"]] == ["hello", "hello", "world", "bye."]
    assert [word["text"] for word in taken["words"]] == ["hello"]


def test_a_film_without_subtitles_has_no_files_of_them(produced):
    assert produced([[]]) == ({}, [])


def test_fonts_and_speed_are_warned_about_at_the_element(produced):
    words = {"words": [{"text": "unreadably-fast-words", "start_ms": 0, "end_ms": 200}]}
    _, warnings = produced([[]], [subtitles(words, settings={"font-family": "Comic Sans"})])
    assert [(warning.path, warning.code) for warning in warnings] == [
        ("/elements/0", "font"),
        ("/elements/0", "reading-speed"),
    ]
    assert "'Comic Sans' is not here" in warnings[0].message
    assert "1 of 1 lines" in warnings[1].message


def test_a_font_is_fetched_and_drawn_with(produced, tmp_path):
    import fontpkg_anton

    file = next((Path(fontpkg_anton.__file__).parent / "files").glob("*.ttf"))
    beside, warnings = produced([[]], [subtitles(settings={"font-url": str(file)})], {str(file): file})
    assert warnings == []
    assert pysubs2.SSAFile.from_string(beside["ass"]).styles["Default"].fontname == "Anton"


def test_a_font_that_is_none_fails_the_job_at_its_place(produced, tmp_path):
    file = tmp_path / "font.ttf"
    file.write_text("no font")
    with pytest.raises(MediaError) as caught:
        produced([[]], [subtitles(settings={"font-url": str(file)})], {str(file): file})
    assert (caught.value.code, caught.value.path) == (ErrorCode.UNSUPPORTED_MEDIA, "/elements/0/settings/font-url")


def test_a_model_that_is_not_here_fails_before_anything_is_rendered(tmp_path):
    stages = []
    element = {"type": "subtitles", "model": "large-v9"}
    movie = read({"width": 160, "height": 90, "scenes": [{"duration": 1, "elements": []}], "elements": [element]})
    with pytest.raises(MediaError, match=r"large-v9\.pt") as caught:
        pipeline.produce(movie, tmp_path, lambda stage, fraction: stages.append(stage), local={})
    assert (caught.value.path, caught.value.retryable) == ("/elements/0", False)
    assert "rendering" not in stages
