"""The pictures of the admin: each is in the docs, and the docs show no other."""

import re

from tests.pictures.sheets import LARGEST_BYTES, SHEETS
from tests.service import ROOT

PICTURES = ROOT / "docs" / "pictures"


def test_every_sheet_is_there_is_shown_and_is_small():
    shown = re.findall(r"pictures/(admin-[\w-]+\.png)", (ROOT / "docs" / "admin.md").read_text())
    files = {path.name: path.stat().st_size for path in PICTURES.glob("admin-*")}
    assert sorted(shown) == sorted(files) == sorted(f"admin-{name}.png" for name in SHEETS)
    assert max(files.values()) <= LARGEST_BYTES
    assert sum(files.values()) <= 2_000_000
