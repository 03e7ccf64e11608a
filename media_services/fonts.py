"""Owns the fonts that subtitles are drawn with: a package's, never the host's, so that every host draws alike."""

import importlib.util
from pathlib import Path
from xml.sax.saxutils import escape


def folders() -> list[Path]:
    """Return where fonts are looked for: the DejaVu families, which matplotlib brings."""
    found = importlib.util.find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    return [Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"]


def environment(workdir: Path) -> dict[str, str]:
    """Write a fontconfig file into `workdir` and return the variables that make a child process use it alone."""
    directories = "".join(f"<dir>{escape(str(folder))}</dir>" for folder in folders())
    file = workdir / "fonts.conf"
    file.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
        f"<fontconfig>{directories}<cachedir>{escape(str(workdir / 'font-cache'))}</cachedir></fontconfig>"
    )
    return {"FONTCONFIG_FILE": str(file)}
