"""Subtitles: from words with times to lines, and from lines to what libass is told to draw."""

import pysubs2
import pytest

from media_services.movie.document import SubtitleSettings
from media_services.subtitles import Line, Word, ass_file, escape, lines_of

HELLO = [Word("hello", 300, 660), Word("world,", 660, 1190), Word("this", 1640, 1840), Word("is", 1840, 2000)]


def words(*texts, every_ms=300):
    return [Word(text, number * every_ms, number * every_ms + 250) for number, text in enumerate(texts)]


def texts(lines):
    return [" ".join(word.text for word in line.words) for line in lines]


def settings(**keys):
    return SubtitleSettings.model_validate(keys)


def events(line_settings, line_words=HELLO, max_words=4):
    lines = lines_of(line_words, max_words=max_words)
    return pysubs2.SSAFile.from_string(ass_file(lines, line_settings, width=640, height=360)).events


def test_a_line_has_at_most_so_many_words():
    assert texts(lines_of(words("a", "b", "c", "d", "e"), max_words=2)) == ["a b", "c d", "e"]


def test_a_line_ends_with_its_sentence_and_at_a_pause():
    assert texts(lines_of(words("one", "two.", "three"), max_words=4)) == ["one two.", "three"]
    assert texts(lines_of([Word("one", 0, 200), Word("two", 900, 1000)], max_words=4)) == ["one", "two"]


def test_lines_never_overlap_and_short_gaps_between_them_are_closed():
    lines = lines_of([Word("a", 0, 500), Word("b", 400, 700), Word("c", 850, 1000), Word("d", 1500, 1600)], max_words=1)
    assert [(line.start_ms, line.end_ms) for line in lines] == [(0, 400), (400, 850), (850, 1000), (1500, 1600)]


def test_no_words_make_no_lines():
    assert lines_of([], max_words=4) == []


def test_words_of_a_line_appear_as_they_are_spoken():
    shown = [(event.start, event.end, event.plaintext) for event in events(settings())]
    assert shown == [
        (300, 660, "hello"),
        (660, 1640, "hello world,"),
        (1640, 1840, "hello world, this"),
        (1840, 2000, "hello world, this is"),
    ]


def test_the_classic_style_shows_the_whole_line_and_marks_the_spoken_word():
    first, second, *_ = events(settings(style="classic"))
    assert first.plaintext == second.plaintext == "hello world, this is"
    yellow, white = r"\1c&H00FFFF&\1a&H00&", r"\1c&HFFFFFF&\1a&H00&"
    assert second.text == f"{{{white}}}hello {{{yellow}}}world,{{{white}}} this is"


def test_one_word_shows_one_word():
    assert [event.plaintext for event in events(settings(style="one-word"))] == [
        "hello",
        "world,",
        "this",
        "is",
    ]


def test_boxed_styles_draw_boxes():
    file = pysubs2.SSAFile.from_string(
        ass_file(
            lines_of(HELLO, max_words=4),
            settings(style="boxed-word", **{"box-color": "#ff0000"}),
            width=640,
            height=360,
        )
    )
    assert file.styles["Box"].borderstyle == 3
    assert {event.style for event in file.events} == {"Box", "Default"}
    boxed_line = ass_file(lines_of(HELLO, max_words=4), settings(style="boxed-line"), width=640, height=360)
    assert pysubs2.SSAFile.from_string(boxed_line).styles["Default"].borderstyle == 3


def test_the_scripts_pixels_are_the_films():
    file = pysubs2.SSAFile.from_string(ass_file([], settings(), width=640, height=360))
    assert (file.info["PlayResX"], file.info["PlayResY"]) == ("640", "360")
    assert file.styles["Default"].fontsize == 32


@pytest.mark.parametrize(
    ("position", "alignment"),
    [("bottom-center", 2), ("top-left", 7), ("center-right", 6), ("bottom-left", 1), ("top-center", 8)],
)
def test_the_nine_places(position, alignment):
    file = pysubs2.SSAFile.from_string(ass_file([], settings(position=position), width=640, height=360))
    assert file.styles["Default"].alignment == alignment


def test_text_is_drawn_and_not_obeyed():
    assert escape(r"{\fs200}") == "\\{\\\u2060fs200\\}"
    line = Line((Word(r"{\fs200}", 0, 500),), 0, 500)
    text = ass_file([line], settings(style="one-word"), width=640, height=360).splitlines()[-1]
    assert text.endswith("}\\{\\\u2060fs200\\}")


def test_all_caps():
    assert events(settings(**{"all-caps": True}))[0].plaintext == "HELLO"
