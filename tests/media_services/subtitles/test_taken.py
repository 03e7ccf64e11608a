"""Taken subtitles: what is stored beside a film reads the same in other programs, and here again."""

import pysubs2
import pytest

from media_services.subtitles.given import parse
from media_services.subtitles.lines import Line, Phrase, Word
from media_services.subtitles.taken import Spoken, srt, vtt, words_json
from tests.media_services.subtitles.markup import MARKUP, line, through_ffmpeg

HELLO = Line((Word("Hello,", 300, 660), Word("brave", 660, 1190), Word("world!", 1640, 2000)), 300, 2500)
LATER = Line((Word("The", 3_600_000, 3_600_250), Word("end.", 3_600_250, 3_601_000)), 3_600_000, 3_601_000)


def shown(text):
    """Return text as it is seen: without word joiners."""
    return text.replace("\u2060", "")


def test_srt_in_full():
    assert srt([HELLO, LATER]) == (
        "1\n00:00:00,300 --> 00:00:02,500\nHello, brave world!\n\n2\n01:00:00,000 --> 01:00:01,000\nThe end.\n"
    )


def test_vtt_in_full():
    assert vtt([HELLO, LATER]) == (
        "WEBVTT\n\n"
        "00:00:00.300 --> 00:00:02.500\n"
        "Hello, <00:00:00.660>brave<00:00:01.190> <00:00:01.640>world!<00:00:02.000>\n\n"
        "01:00:00.000 --> 01:00:01.000\n"
        "The <01:00:00.250>end.\n"
    )


def test_words_json_in_full():
    spoken = [
        Spoken("/0/elements/1", "en", [Word("hello", 300, 660), Word("“wörld”\\", 660, 900)]),
        Spoken("/0/elements/2", None, []),
    ]
    assert words_json(spoken) == (
        '{"subtitles": [\n'
        '  {"path": "/0/elements/1", "language": "en", "words": [\n'
        '    {"text": "hello", "start_ms": 300, "end_ms": 660},\n'
        '    {"text": "“wörld”\\\\", "start_ms": 660, "end_ms": 900}\n'
        "  ]},\n"
        '  {"path": "/0/elements/2", "language": null, "words": []}\n'
        "]}\n"
    )


def test_nothing_spoken():
    assert (srt([]), vtt([]), words_json([])) == ("", "WEBVTT\n", '{"subtitles": []}\n')
    assert srt([line(" ", "\n")]) == ""


def test_a_film_of_more_than_99_hours():
    late = line("late", start_ms=123 * 3_600_000)
    assert "123:00:00,000 --> 123:00:00,500\n" in srt([late])
    assert parse(srt([late])) == parse(vtt([late])) == [Phrase(late.words)]


def test_vtt_brings_back_the_times_of_words():
    assert parse(vtt([HELLO, LATER])) == [Phrase(HELLO.words), Phrase(LATER.words)]


def test_vtt_brings_back_words_that_overlap_or_outlast_their_line_one_after_another():
    words = (Word("a", 0, 600), Word("b", 500, 500), Word("c", 500, 1200), Word("d", 1000, 2000))
    (phrase,) = parse(vtt([Line(words, 0, 1500)]))
    assert [(word.start_ms, word.end_ms) for word in phrase.words] == [(0, 500), (500, 750), (750, 1000), (1000, 1500)]


def test_srt_brings_back_the_lines():
    phrases = parse(srt([HELLO, LATER]))
    assert [" ".join(word.text for word in phrase.words) for phrase in phrases] == ["Hello, brave world!", "The end."]
    assert [(phrase.words[0].start_ms, phrase.words[-1].end_ms) for phrase in phrases] == [
        (300, 2500),
        (3_600_000, 3_601_000),
    ]


def test_words_json_brings_back_the_words():
    words = [Word("<i>", 0, 10), Word("-->\\", 10, 10), Word("今日", 30, 40)]
    assert parse(words_json([Spoken("/0", "en", words)])) == [Phrase(tuple(words))]


def test_other_programs_read_the_srt():
    text = srt([HELLO, LATER])
    events = [(event.start, event.end, event.plaintext) for event in pysubs2.SSAFile.from_string(text)]
    assert events == [(300, 2500, "Hello, brave world!"), (3_600_000, 3_601_000, "The end.")]
    assert through_ffmpeg(text, ".srt", "srt") == (text + "\n", "")


def test_other_programs_read_the_vtt():
    text, complaints = through_ffmpeg(vtt([HELLO, LATER]), ".vtt", "srt")
    assert (text, complaints) == (srt([HELLO, LATER]) + "\n", "")


@pytest.mark.parametrize("text", MARKUP)
def test_text_that_looks_like_markup_is_text_in_srt(text):
    words = " ".join(text.split())
    plain = words.replace("{", "｛").replace("}", "｝") if "{" in words and words.find("}") > words.find("{") else words
    lines = [line("before"), line(text, start_ms=1000), line("after", start_ms=3000)]
    written = srt(lines)
    read = pysubs2.SSAFile.from_string(written)
    assert [shown(event.plaintext) for event in read] == ["before", plain, "after"]
    assert through_ffmpeg(written, ".srt", "srt") == (written + "\n", "")
    again = [" ".join(word.text for word in phrase.words) for phrase in parse(written)]
    assert again == ["before", plain, "after"]


@pytest.mark.parametrize("text", MARKUP)
def test_text_that_looks_like_markup_is_text_in_vtt(text):
    words = " ".join(text.split())
    written = vtt([line("before"), line(text, start_ms=1000), line("after", start_ms=3000)])
    again = [" ".join(word.text for word in phrase.words) for phrase in parse(written)]
    assert again == ["before", words, "after"]
    through, complaints = through_ffmpeg(written, ".vtt", "webvtt")
    assert complaints == ""
    assert [cue.split("\n", 1)[0] for cue in through.split("\n\n")[1:]][:3] == [
        "00:00.000 --> 00:00.500",
        "00:01.000 --> 00:01.500",
        "00:03.000 --> 00:03.500",
    ]
