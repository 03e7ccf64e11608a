"""Fonts: which are here, what is read of a file, which draws what, and what libass makes of it."""

import contextlib
import functools
import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.tables.DefaultTable import DefaultTable
from fontTools.varLib import instancer
from PIL import Image

from media_services import ffmpeg, fonts
from media_services.errors import ErrorCode, MediaError
from media_services.fonts import Fonts, read_faces
from tests import media

FAMILIES = ["Anton", "Bebas Neue", "DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "Montserrat", "Oswald", "Poppins",
            "Roboto"]  # fmt: skip
STYLE = "Style: Default,{family},60,&H00FFFFFF,{bold},0,1,0,0,7,10,10,10"
SHEET = """[Script Info]
ScriptType: v4.00+
PlayResX: 640
PlayResY: 100

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Italic, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV
{style}

[Events]
Format: Layer, Start, End, Style, Text
Dialogue: 0,0:00:00.00,0:00:05.00,Default,{text}
"""  # noqa: E501 - one line of the format


@pytest.fixture
def fonts_dir(settings, tmp_path):
    """The folder for fonts of one's own; it does not exist yet."""
    folder = tmp_path / "fonts"
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fonts_dir": folder})
    return folder


@pytest.fixture
def draw(tmp_path, fonts_dir):
    """A function that draws a line with libass and returns its pixels, from 0 to 255."""

    def draw(family, text, *, bold=False, extra=(), environment=None):
        workdir = Path(tmp_path / f"work-{len(list(tmp_path.iterdir()))}")
        workdir.mkdir()
        style = STYLE.format(family=family, bold=-bold)
        (workdir / "line.ass").write_text(SHEET.format(style=style, text=text), encoding="utf-8")
        variables = Fonts(extra).environment(workdir) | (environment or {})
        source = ["-protocol_whitelist", "", "-format_whitelist", "lavfi", "-f", "lavfi"]
        arguments = [*source, "-i", "color=black:size=640x100", "-vf", "ass=line.ass", "-frames:v", "1", "line.png"]
        ffmpeg.render(arguments, cwd=workdir, environment=variables, timeout_s=60)
        with Image.open(workdir / "line.png") as picture:
            return np.asarray(picture.convert("L")).astype(int)

    return draw


@functools.cache
def packaged(family, *, bold=False):
    """Return the file of a family of ours."""
    faces = [face for face in Fonts()._faces if face.family == family and not face.is_italic]
    return next(face.file for face in faces if face.is_bold == bold)


@functools.cache
def font_file(name, *, like="Bebas Neue", full_name=None, suffix=".ttf", flavor=None, without=(), characters=None):
    """Make a font with a family name of its own from one of ours."""
    file = media.new_file(suffix)
    with TTFont(packaged(like)) as font:
        for record in font["name"].names:
            record.string = {1: name, 16: name, 4: full_name or name}.get(record.nameID, record.string)
        for table in without:
            del font[table]
        if characters is not None:
            for table in font["cmap"].tables:
                table.cmap = {code: glyph for code, glyph in table.cmap.items() if chr(code) in characters}
        font.flavor = flavor
        font.save(file)
    return file


def with_table(tag, data):
    """Return a font, one table of which holds these bytes."""
    file = media.new_file(".ttf")
    with TTFont(packaged("Bebas Neue")) as font:
        table = DefaultTable(tag)
        table.data = data
        font[tag] = table
        font.save(file)
    return file


def character_map(subtable, platform=3, encoding=10):
    return with_table("cmap", struct.pack(">HHHHL", 0, 1, platform, encoding, 12) + subtable)


def range_map(format, first, last):
    return character_map(struct.pack(">HHLLLLLL", format, 0, 28, 0, 1, first, last, 1))


def overlapping_map(segments=8000):
    starts, ends = [0] * (segments - 1) + [65535], [65534] * (segments - 1) + [65535]
    arrays = [*ends, 0, *starts, *[1] * segments, *[0] * segments]
    body = struct.pack(f">4H{len(arrays)}H", segments * 2, 0, 0, 0, *arrays)
    return character_map(struct.pack(">HHH", 4, len(body) + 6, 0) + body, encoding=1)


def endless_names(records=5000):
    body = struct.pack(">HHH", 0, records, 6 + 12 * records) + struct.pack(">6H", 3, 1, 0x409, 1, 65534, 0) * records
    return with_table("name", body + b"\0A" * 32767)


def woff_bomb():
    """Return a WOFF with a table that unpacks to far more than it says."""
    packed = zlib.compress(bytes(50_000_000))
    header = struct.pack(">4s4sIHHIHHIIIII", b"wOFF", b"OTTO", 64 + len(packed), 1, 0, 5000, 1, 0, 0, 0, 0, 0, 0)
    entry = struct.pack(">4sIIII", b"name", 64, len(packed), len(packed) + 1, 0)
    return media.written(header + entry + packed, ".woff")


def collection():
    file = media.new_file(".ttc")
    both = TTCollection()
    both.fonts = [TTFont(packaged("Anton")), TTFont(packaged("Bebas Neue"))]
    both.save(file)
    return file


def noise():
    return b"OTTO" + random.Random(1).randbytes(5000)


def test_the_families_that_are_here():
    assert Fonts().families == FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_bold_letters_are_heavier_in_every_family(draw, family):
    regular, bold = draw(family, "Hamburg 123"), draw(family, "Hamburg 123", bold=True)
    assert bold.sum() > regular.sum() * 1.05


def test_every_family_has_letters_of_its_own(draw):
    pictures = [draw(family, "Hamburg 123") for family in FAMILIES]
    assert len({picture.tobytes() for picture in pictures}) == len(FAMILIES)
    assert all(picture.any() for picture in pictures)


def test_a_variable_font_is_drawn_in_the_weight_itself_and_not_thickened_on_top(draw):
    with TTFont(packaged("Oswald")) as font:
        bold = instancer.instantiateVariableFont(font, {"wght": 700}, updateFontNames=True)
        for record in bold["name"].names:
            record.string = "Fixed" if record.nameID in (1, 16) else record.string
        bold.save(fixed := media.new_file(".ttf"))
    difference = draw("Oswald", "Hamburg", bold=True) - draw("Fixed", "Hamburg", bold=True, extra=[fixed])
    assert np.abs(difference).max() <= 2


def test_a_weight_can_be_named_as_a_family_of_its_own(draw):
    bold, black = draw("Montserrat", "Hamburg", bold=True), draw("Montserrat Black", "Hamburg")
    assert black.sum() > bold.sum() * 1.1
    assert Fonts().choose("Montserrat Black", "a", bold=False).family == "Montserrat Black"


def test_a_font_of_the_host_is_not_used(draw, tmp_path):
    for folder in (".fonts", ".local/share/fonts"):
        (tmp_path / "home" / folder).mkdir(parents=True)
        (tmp_path / "home" / folder / "host.ttf").write_bytes(font_file("Host Only", like="Anton").read_bytes())
    home = {"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "home/.local/share")}
    drawn = draw("Host Only", "Hamburg", environment=home)
    assert (drawn == draw("DejaVu Sans", "Hamburg")).all()
    assert (drawn != draw("Anton", "Hamburg")).any()


@pytest.mark.parametrize("family", ["Comic Sans MS", "sans-serif"])
def test_subtitles_that_name_what_is_not_here_are_drawn_in_dejavu_sans(draw, family):
    assert (draw(family, "Hamburg", bold=True) == draw("DejaVu Sans", "Hamburg", bold=True)).all()


@pytest.mark.parametrize("written", ["Bebas Neue", "bebas neue", "bebasneue", "Bebas-Neue", "BebasNeue "])
def test_a_family_is_found_however_it_is_written(written):
    typeface = Fonts().choose(written, "Hello", bold=True)
    assert (typeface.family, typeface.warnings) == ("Bebas Neue", ())


def test_a_family_that_is_not_here_is_told_with_what_is_drawn_instead():
    typeface = Fonts().choose("Comic Sans", "Hello", bold=True)
    assert typeface.family == "DejaVu Sans"
    assert typeface.warnings == (
        "the font family 'Comic Sans' is not here; 'DejaVu Sans' is drawn instead (here are: Anton, Bebas Neue, "
        "DejaVu Sans, DejaVu Sans Mono, DejaVu Serif, Montserrat, Oswald, Poppins, Roboto)",
    )


def test_a_misspelt_family_is_guessed():
    (warning,) = Fonts().choose("Montserat", "Hello", bold=True).warnings
    assert "is not here (did you mean 'Montserrat'?); 'DejaVu Sans' is drawn" in warning


def test_what_a_family_lacks_is_drawn_by_another():
    typeface = Fonts().choose("Anton", "Жук, and a жук", bold=True)
    assert typeface.substitutes == dict.fromkeys("Жжкукук", "DejaVu Sans")
    assert typeface.warnings == ("'Anton' lacks 4 characters (Ж, ж, к, у); they are drawn in 'DejaVu Sans'",)
    assert typeface.runs("Жук, and") == [("DejaVu Sans", "Жук"), ("Anton", ", and")]


def test_only_some_of_what_is_lacking_is_shown():
    (warning,) = Fonts().choose("Anton", "абвгдеж", bold=True).warnings
    assert warning == "'Anton' lacks 7 characters (а, б, в, г, д, …); they are drawn in 'DejaVu Sans'"


def test_one_character_that_is_lacking_is_told_in_the_singular():
    assert Fonts().choose("Anton", "Ж", bold=True).warnings == (
        "'Anton' lacks 1 character (Ж); it is drawn in 'DejaVu Sans'",
    )


def test_a_substitute_draws_what_its_family_draws_alone(draw):
    text = "Жук и яблоко"
    typeface = Fonts().choose("Anton", text, bold=True)
    line = "".join(rf"{{\fn{family}}}{part}" for family, part in typeface.runs(text))
    assert (draw(typeface.family, line, bold=True) == draw("DejaVu Sans", text, bold=True)).all()


def test_what_no_font_has_is_told():
    typeface = Fonts().choose("Roboto", "日本 and 漢字", bold=False)
    assert typeface.missing == set("日本漢字")
    assert typeface.substitutes == {}
    assert typeface.warnings == (
        "no font here has 字, 日, 本, 漢; boxes are drawn: put a font that has them into VIDEOCRAFT_FONTS_DIR or name "
        "one with font-url",
    )


def test_emoji_are_missing_unless_a_font_draws_them_in_one_colour():
    typeface = Fonts().choose("Poppins", "😀👍", bold=False)
    assert (typeface.substitutes, typeface.missing) == ({"😀": "DejaVu Sans"}, {"👍"})


def test_what_has_no_look_is_never_missing():
    text = "a\u200db\ufe0fc\u00ad\t\n\r\u00a0\u2009\u3000\u202e\u2028\U000e0100"
    assert Fonts().choose("Anton", text, bold=True).warnings == ()


def test_what_is_not_printable_is_told_by_its_number():
    assert "no font here has U+D83D;" in Fonts().choose("Anton", "\ud83d", bold=True).warnings[0]


def test_a_character_of_another_face_of_the_family_is_not_lacking():
    regular = {chr(code) for face in read_faces(packaged("DejaVu Sans")) for code in face.characters}
    bold = {chr(code) for face in read_faces(packaged("DejaVu Sans", bold=True)) for code in face.characters}
    typeface = Fonts().choose("DejaVu Sans", "".join(sorted(regular - bold)), bold=True)
    assert regular - bold
    assert typeface.warnings == ()


def test_an_accent_takes_its_letter_along_and_spaces_stay_with_what_is_before_them():
    typeface = fonts.Typeface("Anton", {"\u0301": "DejaVu Sans", "и": "DejaVu Sans"})
    assert typeface.runs("xe\u0301 y и z") == [
        ("Anton", "x"),
        ("DejaVu Sans", "e\u0301 "),
        ("Anton", "y "),
        ("DejaVu Sans", "и "),
        ("Anton", "z"),
    ]
    assert typeface.runs("") == []


def test_a_font_in_the_folder_is_used(draw, fonts_dir):
    (fonts_dir / "ours").mkdir(parents=True)
    (fonts_dir / "ours" / "House.TTF").write_bytes(font_file("House", like="Anton").read_bytes())
    assert Fonts().choose("house", "Hello", bold=True).family == "House"
    assert (draw("House", "Hamburg", bold=True) == draw("Anton", "Hamburg", bold=True)).all()


def test_a_broken_font_in_the_folder_is_left_out_and_logged(fonts_dir, caplog):
    fonts_dir.mkdir()
    (fonts_dir / "broken.ttf").write_bytes(noise())
    (fonts_dir / "README.txt").write_text("not looked at")
    assert Fonts().families == FAMILIES
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "broken.ttf is left out: this font cannot be used" in record.getMessage()


def test_a_font_of_the_document_is_drawn_when_no_family_is_named(draw, fonts_dir):
    extra = [font_file("My Own", like="Anton")]
    typeface = Fonts(extra).choose(None, "Hello", bold=True)
    assert (typeface.family, typeface.warnings) == ("My Own", ())
    assert (draw("My Own", "Hamburg", extra=extra) == draw("Anton", "Hamburg")).all()
    assert Fonts().choose(None, "Hello", bold=True).family == "DejaVu Sans"


def test_a_font_of_the_document_stands_in_for_a_family_that_is_not_here():
    typeface = Fonts([font_file("My Own")]).choose("Something", "Hello", bold=True)
    assert typeface.family == "My Own"
    assert "'Something' is not here; 'My Own' is drawn instead" in typeface.warnings[0]


def test_a_single_weight_of_the_document_is_drawn_and_not_another_of_its_family():
    black = packaged("Poppins").with_name("Poppins-Black.ttf")
    for family in (None, "Poppins", "Poppins Black"):
        assert Fonts([black]).choose(family, "Hello", bold=True).family == "Poppins Black"
    assert Fonts().choose("Poppins", "Hello", bold=True).family == "Poppins"


def test_a_font_of_the_document_comes_before_ours_of_the_same_name(draw):
    extra = [font_file("Bebas Neue", like="Anton")]
    assert (draw("Bebas Neue", "Hamburg", extra=extra) == draw("Anton", "Hamburg")).all()


def test_a_font_of_the_document_is_the_first_to_draw_what_a_family_lacks():
    typeface = Fonts([font_file("Cyrillic", like="Roboto")]).choose("Anton", "Жук", bold=True)
    assert set(typeface.substitutes.values()) == {"Cyrillic"}


def test_what_several_families_draw_for_another_is_told():
    typeface = Fonts([font_file("One Letter", like="Roboto", characters="Ж")]).choose("Anton", "Жук", bold=True)
    (warning,) = typeface.warnings
    assert warning == "'Anton' lacks 3 characters (Ж, к, у); they are drawn in 'One Letter' and 'DejaVu Sans'"


def test_the_environment_can_be_written_again(tmp_path):
    assert fonts.environment(tmp_path) == fonts.environment(tmp_path, [font_file("My Own")])


def test_the_faces_of_a_single_font():
    (face,) = read_faces(packaged("DejaVu Sans", bold=True))
    assert (face.index, face.family, face.is_bold, face.is_italic) == (0, "DejaVu Sans", True, False)
    assert ord("Ж") in face.characters
    assert ord("漢") not in face.characters


def test_the_faces_of_a_collection():
    assert [(face.index, face.family) for face in read_faces(collection())] == [(0, "Anton"), (1, "Bebas Neue")]


def test_the_faces_of_a_variable_font_are_its_weights():
    faces = read_faces(packaged("Oswald"))
    assert [face.weight for face in faces] == [400, 200, 300, 400, 500, 600, 700]
    assert {face.family for face in faces} == {"Oswald"}
    assert faces[-1].is_bold
    assert "Oswald Bold" in faces[-1].names


@pytest.mark.parametrize("like", ["Anton", "Oswald"])
def test_a_woff_is_drawn_as_what_it_was_made_from(draw, like):
    packed = font_file("Packed", like=like, suffix=".woff", flavor="woff")
    assert (draw("Packed", "Hamburg", bold=True, extra=[packed]) == draw(like, "Hamburg", bold=True)).all()


def test_names_that_would_break_out_of_a_style_are_not_used():
    (face,) = read_faces(font_file(r"A,60,{\fs300}", full_name="Harmless"))
    assert (face.family, face.names) == ("Harmless", {"Harmless"})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not a font"),
        (b"Hello, I am a text.", "it is not a font"),
        (b"ttcf", "it is damaged"),
        (noise(), "it is damaged"),
        (b"ttcf\0\1\0\0" + b"\xff" * 100, "it claims to hold 4294967295 fonts"),
        (b"wOF2" + bytes(100), "WOFF2 is not read here; take the TTF or OTF it was made from"),
        (b"wOFF" + b"\xff" * 200, "it is damaged"),
    ],
)
def test_a_file_that_is_no_font_is_refused(content, reason):
    with pytest.raises(MediaError) as caught:
        read_faces(media.written(content, ".ttf"))
    assert caught.value.code is ErrorCode.UNSUPPORTED_MEDIA
    assert caught.value.message == f"this font cannot be used (TTF, OTF, TTC and WOFF can): {reason}"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: media.cut(packaged("Anton")), "its end is missing"),
        (lambda: font_file("Pictures", without=("glyf", "loca")), "it has no outlines"),
        (lambda: font_file("No Letters", characters=""), "it maps no characters to its glyphs"),
        (lambda: font_file("{}"), "it has no family name that could be written"),
        (lambda: range_map(12, 0, 0xFFFFFFFF), "its character map claims more characters than there are"),
        (lambda: range_map(13, 0, 0xFFFFFFFF), "its character map claims more characters than there are"),
        (overlapping_map, "its character map claims more characters than there are"),
        (endless_names, "its names are longer than in any font"),
        (woff_bomb, "it is damaged"),
        (lambda: Path("/nowhere/font.ttf"), "it cannot be read"),
    ],
)
def test_a_font_that_is_damaged_or_made_to_do_harm_is_refused(made, reason):
    with pytest.raises(MediaError, match=reason) as caught:
        read_faces(made())
    assert caught.value.code is ErrorCode.UNSUPPORTED_MEDIA


@pytest.mark.parametrize("source", ["single", "collection", "woff"])
def test_whatever_is_wrong_with_a_font_it_is_refused_or_read(source):
    made = {"single": lambda: packaged("Oswald"), "collection": collection,
            "woff": lambda: font_file("Packed", suffix=".woff", flavor="woff")}[source]  # fmt: skip
    whole, chance = made().read_bytes(), random.Random(source)
    for _ in range(60):
        content = io.BytesIO(whole[: chance.randrange(len(whole))] if chance.random() < 0.2 else whole)
        for _ in range(chance.choice([1, 10, 100])):
            content.seek(chance.randrange(chance.choice([600, len(whole)])))
            content.write(chance.randbytes(2))
        with contextlib.suppress(MediaError):
            faces = read_faces(media.written(content.getvalue(), ".ttf"))
            assert all(face.family and face.characters for face in faces)
