"""Lines: which words are shown together, and for how long."""

import pytest

from media_services.subtitles.lines import Line, Phrase, Word, lines_of, replaced, shared_out, too_fast


def words(*texts, every_ms=300):
    return [Word(text, number * every_ms, number * every_ms + 250) for number, text in enumerate(texts)]


def lined(words, max_words):
    return lines_of([Phrase(tuple(words))], max_words=max_words)


def texts(lines):
    return [line.text for line in lines]


def test_a_line_has_at_most_so_many_words():
    assert texts(lined(words("a", "b", "c", "d", "e"), max_words=2)) == ["a b", "c d", "e"]


def test_a_line_ends_with_its_sentence_and_at_a_pause():
    assert texts(lined(words("one", "two.", "three"), max_words=4)) == ["one two.", "three"]
    assert texts(lined([Word("one", 0, 200), Word("two", 900, 1000)], max_words=4)) == ["one", "two"]


def test_lines_never_overlap_and_short_gaps_between_them_are_closed():
    lines = lined([Word("a", 0, 500), Word("b", 400, 700), Word("c", 850, 1000), Word("d", 1500, 1600)], max_words=1)
    assert [(line.start_ms, line.end_ms) for line in lines] == [(0, 400), (400, 850), (850, 1000), (1500, 1600)]


def test_no_words_make_no_lines():
    assert lined([], max_words=4) == []


def test_a_sentence_ends_behind_its_closing_marks_too():
    assert texts(lined(words('"one', 'two."', "three?)", "four"), max_words=4)) == ['"one two."', "three?)", "four"]


def test_words_of_two_phrases_share_no_line():
    phrases = [Phrase((Word("c", 600, 700),)), Phrase((Word("a", 0, 200), Word("b", 300, 500)))]
    assert texts(lines_of(phrases, max_words=4)) == ["a b", "c"]


def test_phrases_that_overlap_make_lines_that_do_not():
    phrases = [Phrase((Word("a", 0, 1000),)), Phrase((Word("b", 600, 900),))]
    lines = lines_of(phrases, max_words=4)
    assert [(line.text, line.start_ms, line.end_ms) for line in lines] == [("a", 0, 600), ("b", 600, 900)]


def test_a_line_that_nobody_can_read_in_its_time_is_too_fast():
    slow, fast = Line((Word("breathtaking", 0, 600),), 0, 600), Line((Word("breathtaking", 0, 400),), 0, 400)
    glance = Line((Word("oh", 0, 40),), 0, 40)
    assert too_fast([slow, fast, glance]) == [fast]


def replaced_texts(texts, replacements):
    return [word.text for word in replaced(Phrase(tuple(words(*texts))), replacements).words]


@pytest.mark.parametrize(
    ("said", "replacements", "shown"),
    [
        ("one two", {"two": "2"}, "one 2"),
        ("One, two.", {"one": "First"}, "First, two."),
        ("the video craft, yes", {"video craft": "VideoCraft"}, "the VideoCraft, yes"),
        ("video craft video", {"video craft": "VideoCraft", "video": "film"}, "VideoCraft film"),
        ("um yes um", {"um": ""}, "yes"),
        ("gonna go", {"gonna": "going to"}, "going to go"),
        ("l'eau, don't", {"l'eau": "water", "don't": "do not"}, "water, do not"),
        ("a b", {}, "a b"),
        ("a b", {"": "x"}, "a b"),
        ("- b", {"-": "–"}, "– b"),
    ],
)
def test_words_are_replaced_whatever_their_case_and_marks(said, replacements, shown):
    assert replaced_texts(said.split(), replacements) == shown.split()


def test_words_that_replace_others_share_their_time():
    phrase = Phrase((Word("gonna", 100, 800), Word("go", 900, 1000)))
    assert replaced(phrase, {"gonna": "going to"}).words == (
        Word("going", 100, 600),
        Word("to", 600, 800),
        Word("go", 900, 1000),
    )


def test_time_is_shared_out_by_letters():
    assert shared_out(["a", "bcd"], 0, 400) == [Word("a", 0, 100), Word("bcd", 100, 400)]
