"""`manage.py render`: what the films are called, and what is refused before any work is done."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jobs.management.commands.render import names_of
from media_services.movie.document import Format
from tests import media

MP4, WEBM, GIF = Format.MP4, Format.WEBM, Format.GIF


@pytest.mark.parametrize(
    ("output", "formats", "expected"),
    [
        ("a.mp4", [MP4], ["a.mp4"]),
        ("a.GIF", [GIF], ["a.GIF"]),
        ("in/a", [WEBM], ["in/a.webm"]),
        ("a.webm", [WEBM, WEBM], ["a-0.webm", "a-1.webm"]),
        ("a", [MP4, GIF], ["a-0.mp4", "a-1.gif"]),
    ],
)
def test_films_have_the_suffix_of_their_format(output, formats, expected):
    assert names_of(Path(output), formats) == [Path(name) for name in expected]


@pytest.mark.parametrize(
    ("output", "formats", "message"),
    [
        ("a.mp4", [GIF], r"a.mp4: the document's format makes a .gif file; name it a.gif"),
        ("a.mov", [MP4, MP4], r"a.mov: the document's format makes a .mp4 file; name it a.mp4"),
        ("a.mp4", [MP4, WEBM], "a.mp4: the document has films of several formats; name them a, without a suffix"),
    ],
)
def test_a_suffix_of_another_format_is_refused_with_the_right_one(output, formats, message):
    with pytest.raises(CommandError, match=message):
        names_of(Path(output), formats)


@pytest.fixture
def document(tmp_path):
    """A document that makes a film in two formats."""
    scene = {"duration": 0.2, "elements": [{"type": "image", "src": str(media.picture())}]}
    projects = [{"resolution": "64x48", "format": format_, "scenes": [scene]} for format_ in ("webm", "gif")]
    file = tmp_path / "document.json"
    file.write_text(json.dumps(projects))
    return file


def test_a_document_is_rendered_in_its_formats(document, tmp_path):
    call_command("render", str(document), "-o", str(tmp_path / "film"))
    beginnings = [(tmp_path / name).read_bytes()[:4] for name in ("film-0.webm", "film-1.gif")]
    assert beginnings == [b"\x1a\x45\xdf\xa3", b"GIF8"]


def test_a_contradiction_is_found_before_any_work(document, tmp_path):
    with pytest.raises(CommandError, match="several formats"):
        call_command("render", str(document), "-o", str(tmp_path / "film.mp4"))
    assert [file.name for file in tmp_path.iterdir()] == ["document.json"]
