"""Pictures of texts: where their letters stand, what they are painted in, and in which fonts."""

import itertools
import random
import time
from dataclasses import dataclass

import numpy as np
import pytest
from bidi import get_display
from fontTools.ttLib import TTFont
from PIL import Image

from media_services.errors import ErrorCode, MediaError
from media_services.fonts import Fonts, read_faces
from media_services.movie.document import Text
from media_services.render.text import draw, warnings_of
from media_services.render.text.direction import levels, reordered
from tests import media

CANVAS = (800, 400)
LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore."


def text_of(text, **settings):
    return Text(type="text", text=text, settings={key.replace("_", "-"): value for key, value in settings.items()})


def pixels(text, *, size=CANVAS, font=None, **settings):
    """Return the RGBA pixels of a text in white letters of 40 pixels."""
    picture = draw(text_of(text, **{"font_size": 40} | settings), size=size, canvas=CANVAS, font=font)
    assert (picture.mode, picture.size) == ("RGBA", size)
    return np.asarray(picture).astype(int)


def area(seen):
    """Return left, top, right and bottom of what is true."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def ink(text, **settings):
    return area(pixels(text, **settings)[:, :, 3] > 0)


def width(text, **settings):
    left, _, right, _ = ink(text, **settings)
    return right - left


def bands(picture, *, axis=1):
    """Return where each line of letters, or each column of them, begins and ends."""
    seen = (picture[:, :, 3] > 0).any(axis=axis)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(int)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def seen(picture, colour):
    """Return where a picture has a colour, opaque."""
    return (np.abs(picture - (*colour, 255)) <= 2).all(axis=2)


def test_letters_have_their_colour_and_smooth_edges():
    picture = pixels("Hello", color="#ff8000")
    assert seen(picture, (255, 128, 0)).any()
    edges = (picture[:, :, 3] > 0) & (picture[:, :, 3] < 255)
    assert edges.any()
    assert (picture[edges][:, :3] == (255, 128, 0)).all()


def test_the_alpha_of_a_colour_is_that_of_the_letters():
    assert pixels("Hello", color="#ff800080")[:, :, 3].max() == 0x80


@pytest.mark.parametrize("text", ["", "   ", "\n \t\n", "\u200b\u00a0\u200e"])
def test_a_text_of_nothing_that_is_seen_is_an_empty_picture(text):
    assert not pixels(text, background_color="#ff0000", outline_width=3, padding=9)[:, :, 3].any()


def test_a_size_of_nothing_is_an_empty_picture():
    assert not pixels("Hello", font_size=-5)[:, :, 3].any()


def test_a_size_is_of_the_film_and_not_of_the_box():
    assert width("Hello", font_size="5vw", size=(400, 100)) == width("Hello", font_size=40, size=(400, 100))
    assert width("Hello", font_size="5%", size=(400, 100)) == width("Hello", font_size="10vh", size=(400, 100))


def test_the_background_is_a_rectangle_around_the_lines_and_their_padding():
    picture = pixels("Hello", background_color="#0000ff", padding=30, line_height=1.5)
    left, top, right, bottom = area(picture[:, :, 3] > 0)
    assert (picture[top:bottom, left:right, 3] == 255).all()
    assert bottom - top == 40 * 1.5 + 2 * 30
    letters = area((picture[:, :, 0] > 128) & (picture[:, :, 3] > 0))
    assert 28 <= letters[0] - left <= 36
    assert 28 <= right - letters[2] <= 36
    assert (left + right) / 2 == pytest.approx(400, abs=1)


def test_a_background_that_lets_through_keeps_its_alpha_and_is_none_by_default():
    picture = pixels("Hello", background_color="#0000ff80", padding=20)
    _, top, _, _ = area(picture[:, :, 3] > 0)
    assert (picture[top + 1, 400] == (0, 0, 255, 0x80)).all()
    assert pixels("Hello", padding=20)[200, 5, 3] == 0


def test_an_outline_is_as_wide_as_it_says_and_0_is_none():
    plain, outlined = ink("HOH"), ink("HOH", outline_width=5, outline_color="#ff0000")
    assert [outlined[0] - plain[0], outlined[1] - plain[1]] == [-5, -5]
    assert [outlined[2] - plain[2], outlined[3] - plain[3]] == [5, 5]
    assert seen(pixels("HOH", outline_width=5, outline_color="#ff0000"), (255, 0, 0)).any()
    assert not (pixels("HOH", outline_width=0, outline_color="#ff0000", color="#0000ff")[:, :, 0] > 0).any()


def test_an_outline_lies_around_letters_and_not_under_them():
    picture = pixels("HOH", outline_width=5, outline_color="#ff0000", color="#00ff0080")
    assert (np.abs(picture - (0, 255, 0, 0x80)) <= 2).all(axis=2).any()
    hollow = pixels("I", font_size=200, outline_width=5, outline_color="#ff0000", color="transparent")
    left, top, right, bottom = area(hollow[:, :, 3] > 0)
    assert hollow[(top + bottom) // 2, (left + right) // 2, 3] == 0


@pytest.mark.parametrize("offset", [8, -8])
def test_a_shadow_lies_to_the_right_and_below_and_0_is_none(offset):
    plain, shadowed = pixels("Hello"), pixels("Hello", shadow_offset=offset, shadow_color="#ff0000")
    shadow = np.roll(plain[:, :, 3], (offset, offset), axis=(0, 1))
    alone = (shadow == 255) & (plain[:, :, 3] == 0)
    assert seen(shadowed, (255, 0, 0))[alone].all()
    assert (shadowed[plain[:, :, 3] == 255] == 255).all()
    assert (pixels("Hello", shadow_offset=0, shadow_color="#ff0000") == plain).all()


def test_an_outline_casts_a_shadow_too():
    outlined = ink("Hello", outline_width=4)
    shadowed = ink("Hello", outline_width=4, shadow_offset=10)
    assert (shadowed[2] - outlined[2], shadowed[3] - outlined[3]) == (10, 10)


@pytest.mark.parametrize(("horizontal", "near"), [("left", 30), ("center", 400), ("right", 770)])
def test_where_a_text_stands_across(horizontal, near):
    left, _, right, _ = ink("Hello", horizontal_position=horizontal, padding=30)
    assert {"left": left, "center": (left + right) / 2, "right": right}[horizontal] == pytest.approx(near, abs=5)


@pytest.mark.parametrize(("vertical", "near"), [("top", 30), ("center", 200), ("bottom", 370)])
def test_where_a_text_stands_in_the_height(vertical, near):
    picture = pixels("Hello", vertical_position=vertical, padding=30, background_color="#0000ff")
    _, top, _, bottom = area(picture[:, :, 3] > 0)
    edge = {"top": top + 30, "center": (top + bottom) / 2, "bottom": bottom - 30}[vertical]
    assert edge == pytest.approx(near, abs=1)


@pytest.mark.parametrize("align", ["left", "center", "right"])
def test_lines_are_aligned_within_the_text(align):
    picture = pixels("A wide line of it\nshort", text_align=align)
    (wide, short) = [area(picture[first:last, :, 3] > 0) for first, last in _two_lines(picture)]
    middles = (wide[0] + wide[2]) / 2, (short[0] + short[2]) / 2
    off = {"left": short[0] - wide[0], "center": middles[1] - middles[0], "right": short[2] - wide[2]}
    assert abs(off[align]) <= 5
    assert all(abs(value) > 20 for other, value in off.items() if other != align)


def _two_lines(picture):
    top, bottom = area(picture[:, :, 3] > 0)[1::2]
    middle = (top + bottom) // 2
    return (top, middle), (middle, bottom)


def test_justified_lines_reach_both_edges_but_for_the_last():
    picture = pixels(LOREM, text_align="justify", font_size=30, padding=20, line_height=2)
    ends = [area(picture[first:last, :, 3] > 0) for first, last in bands(picture)]
    *full, last = [end for end in ends if end[2] - end[0] > 100]
    assert len(full) >= 2
    assert all(end[0] <= 24 and end[2] >= 776 for end in full)
    assert last[0] <= 24
    assert last[2] < 700


def test_a_text_is_wrapped_in_its_box_less_the_padding():
    picture = pixels(LOREM, font_size=30, padding=100, line_height=2, size=(800, 900))
    left, _, right, _ = area(picture[:, :, 3] > 0)
    assert left >= 98
    assert right <= 702
    lines = len(bands(picture))
    assert lines > len(bands(pixels(LOREM, font_size=30, line_height=2, size=(800, 900)))) > 1


def test_line_feeds_are_kept_an_empty_line_too():
    assert len(bands(pixels("HH\nHH"))) == 2
    (_, first), (second, _) = bands(pixels("HH\r\n\r\nHH", line_height=1))
    assert second - first > 40
    assert (pixels("HH\n") == pixels("HH")).all()


def test_a_word_that_is_wider_than_the_box_is_broken():
    picture = pixels("W" * 60, font_size=30)
    assert len(bands(picture)) == 3
    left, _, right, _ = area(picture[:, :, 3] > 0)
    assert 0 <= left < right <= 800


def test_a_box_narrower_than_a_letter_has_one_on_each_line():
    assert len(bands(pixels("HHH", font_size=30, size=(8, 400)))) == 3


@pytest.mark.parametrize(
    ("text", "kept"),
    [("aaaa aaaa !", "aaaa !"), ("aaaa aaaa\u00a0aa", "aaaa\u00a0aa"), ("漢漢漢漢。", "漢。"), ("漢漢漢「漢", "「漢")],
)
def test_lines_do_not_end_where_they_must_not(text, kept):
    room = width(text.removesuffix(kept[-1]) + "a", font_size=30, font_family="DejaVu Sans Mono") + 3
    picture = pixels(text, font_size=30, font_family="DejaVu Sans Mono", size=(room, 200), text_align="left",
                     line_height=2, horizontal_position="left")  # fmt: skip
    last = area(picture[slice(*bands(picture)[-1]), :, 3] > 0)
    alone = ink(kept, font_size=30, font_family="DejaVu Sans Mono", horizontal_position="left")
    assert last[2] == pytest.approx(alone[2], abs=1)


def test_a_soft_hyphen_is_seen_where_a_line_ends_only():
    whole = pixels("Donau\u00addampf", size=(800, 100))
    assert (whole == pixels("Donaudampf", size=(800, 100))).all()
    broken = pixels("Donau\u00addampf", size=(170, 200))
    assert (broken == pixels("Donau-\ndampf", size=(170, 200))).all()


def test_what_is_too_large_is_cut_at_the_edges_and_begins_at_the_top():
    whole = pixels(LOREM, size=(400, 2000), vertical_position="top")
    for position in ("top", "center", "bottom"):
        assert (pixels(LOREM, size=(400, 100), vertical_position=position) == whole[:100]).all()
    assert pixels("W", font_size=4000, size=(50, 50)).shape == (50, 50, 4)


def test_letter_spacing_widens_and_is_not_left_over_at_the_end():
    plain, spaced = width("HHHHH"), width("HHHHH", letter_spacing=10)
    assert spaced == pytest.approx(plain + 40, abs=1)
    assert width("HHHHH", letter_spacing="25%") == spaced
    assert width("HHHHH", letter_spacing=-3) < plain
    left, _, right, _ = ink("HHHHH", letter_spacing=10)
    assert (left + right) / 2 == pytest.approx(400, abs=1)


def test_line_height_spaces_the_lines():
    for line_height in (1, 1.5, 3):
        (first, _), (second, _) = bands(pixels("HH\nHH", line_height=line_height))
        assert second - first == pytest.approx(40 * line_height, abs=1)


def test_letters_are_kerned_and_ligatures_are_drawn():
    assert width("AVAVAV", font_family="Roboto") < width("A", font_family="Roboto") * 6
    assert width("fi", font_family="Roboto") != width("f\u200ci", font_family="Roboto")


def test_accents_are_composed():
    assert (pixels("e\u0301 A\u030a", font_family="Roboto") == pixels("é Å", font_family="Roboto")).all()


def test_arabic_is_joined_and_runs_from_right_to_left():
    joined = pixels("ببب", font_size=100)
    assert len(bands(joined, axis=0)) == 1
    assert width("ببب") < width("ب\u200cب\u200cب") * 0.9
    first_is_dark = pixels("اب")
    ((first, last), *_) = bands(first_is_dark, axis=0)
    assert last - first > 15  # the wide letter, which is written second, is on the left
    assert width("ببب", letter_spacing=20) == width("ببب")


def test_hebrew_and_latin_stand_in_the_order_in_which_they_are_read():
    assert (pixels("אבג") == pixels("\u202dגבא\u202c")).all()
    assert (pixels("אבג (abc) 42!") == pixels("\u202d!42 (abc) גבא\u202c")).all()
    assert (pixels("abc אבג def") == pixels("\u202dabc גבא def\u202c")).all()


@dataclass(frozen=True)
class Letter:
    letter: str
    level: int


def test_the_order_of_letters_is_that_of_unicode():
    chance = random.Random(1)
    for _ in range(1000):
        text = "".join(chance.choice('ab שםع بت12٣(),.-+%!"[]$é') for _ in range(chance.randint(1, 14))).strip()
        letters = [Letter(*both) for both in zip(text, levels(text)[0], strict=True)]
        assert "".join(letter.letter for letter in reordered(letters)) == get_display(text)


def test_scripts_that_are_mixed_in_a_font_are_each_shaped():
    alone, mixed = width("हिन्दी", font_family="Poppins"), width("aहिन्दी", font_family="Poppins")
    letter = width("aa", font_family="Poppins") - width("a", font_family="Poppins")
    assert mixed == pytest.approx(alone + letter, abs=3)


def test_a_character_that_a_family_lacks_is_drawn_as_its_substitute_draws_it():
    assert (pixels("Жук", font_family="Anton") != pixels("日本語", font_family="Anton")).any()
    cyrillic, own = pixels("Жук", font_family="Anton"), pixels("Жук", font_family="DejaVu Sans")
    assert area(cyrillic[:, :, 3] > 0)[2] - area(cyrillic[:, :, 3] > 0)[0] == width("Жук", font_family="DejaVu Sans")
    assert own[:, :, 3].sum() == pytest.approx(cyrillic[:, :, 3].sum(), rel=0.01)


def test_warnings_name_the_family_and_the_substitutes_without_drawing():
    text = text_of("Жук 漢", font_family="Antn")
    family, missing = warnings_of(text)
    assert "the font family 'Antn' is not here (did you mean 'Anton'?)" in family
    assert missing.startswith("no font here has 漢")
    assert warnings_of(text_of("Жук", font_family="Anton")) == [
        "'Anton' lacks 3 characters (Ж, к, у); they are drawn in 'DejaVu Sans'"
    ]
    assert warnings_of(text_of("Hello,\n\tworld e\u0301", font_family="Roboto")) == []


def test_emoji_are_drawn_or_warned_of():
    assert warnings_of(text_of("😀")) == []
    assert pixels("😀")[:, :, 3].any()
    text = "😀👍🏽🦄"
    lacking = [emoji for emoji in text if not _is_here(emoji)]
    warning = "".join(warnings_of(text_of(text)))
    assert all(emoji in warning for emoji in lacking)


def _is_here(character):
    return not Fonts().choose(None, character, bold=False).missing


@pytest.mark.parametrize("family", ["DejaVu Sans", "Montserrat", "Roboto", "Oswald", "Poppins", "Anton", "Bebas Neue"])
def test_bold_is_heavier_and_italic_leans_in_every_family(family):
    def darkness(**settings):
        return pixels("HHHH", font_family=family, font_size=80, **settings)[:, :, 3].sum()

    assert darkness(font_weight="700") > darkness() * 1.05
    upright, italic = (
        pixels("I", font_family=family, font_size=200, font_style=style) for style in ("normal", "italic")
    )
    assert _lean(italic) > _lean(upright) + 10


def _lean(picture):
    _, top, _, bottom = area(picture[:, :, 3] > 128)
    upper, lower = (np.flatnonzero(picture[row, :, 3] > 128).mean() for row in (top + 3, bottom - 4))
    return upper - lower


def test_every_weight_of_a_variable_family_is_drawn():
    dark = [
        pixels("HHH", font_family="Montserrat", font_weight=f"{weight}00")[:, :, 3].sum() for weight in range(1, 10)
    ]
    assert all(lighter < heavier for lighter, heavier in itertools.pairwise(dark))


def test_a_weight_that_is_named_with_its_family_is_drawn():
    named = pixels("Hello", font_family="Montserrat Black")
    assert (named == pixels("Hello", font_family="Montserrat", font_weight="900")).all()


def test_the_font_of_the_document_is_drawn(tmp_path):
    file = _font_file()
    assert (pixels("Hello", font=file) == pixels("Hello", font_family="Anton")).all()
    packed = media.new_file(".woff")
    with TTFont(file) as font:
        font.flavor = "woff"
        font.save(packed)
    assert (pixels("Hello", font=packed) == pixels("Hello", font=file)).all()


def _font_file():
    return Fonts().face("Anton", "H", weight=400).file


def test_a_font_that_is_broken_is_refused():
    with pytest.raises(MediaError) as caught:
        pixels("Hello", font=media.cut(_font_file()))
    assert caught.value.code is ErrorCode.UNSUPPORTED_MEDIA


def test_the_same_text_is_the_same_picture_whatever_was_drawn_before():
    before = pixels(LOREM, font_family="Roboto", outline_width=2)
    pixels("Other", font_family="Roboto", font_size=99, font_style="italic", font_weight="900")
    assert (pixels(LOREM, font_family="Roboto", outline_width=2) == before).all()


@pytest.mark.parametrize("text", [LOREM * 44, "漢字「テスト」。" * 600, "مرحبا بالعالم " * 350, "x" * 5000])
def test_a_text_of_5000_characters_is_soon_drawn(text):
    pixels(LOREM)
    begun_s = time.process_time()
    draw(text_of(text, font_size=20, outline_width=1), size=(1920, 1080), canvas=(1920, 1080))
    assert time.process_time() - begun_s < 5


def test_where_nothing_is_seen_the_colour_is_that_of_the_edge():
    picture = pixels("Hello", color="#ff0000")
    assert (picture[:, :, :3] == (255, 0, 0)).all()
    assert isinstance(draw(text_of("Hello"), size=(10, 10), canvas=CANVAS), Image.Image)


def test_the_faces_of_a_font_are_matched_as_in_css():
    def weight(family, wanted):
        return Fonts().face(family, "a", weight=wanted).weight

    assert [weight("DejaVu Sans", wanted) for wanted in (100, 400, 500, 600, 900)] == [400, 400, 400, 700, 700]
    assert [weight("Oswald", wanted) for wanted in (100, 300, 500, 900)] == [200, 300, 500, 700]
    assert {face.weight for face in read_faces(_font_file())} == {400}
