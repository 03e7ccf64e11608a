"""What the README says is true of this project."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

from django.core.management import get_commands

from jobs.models.webhook import new_secret
from jobs.webhook import signature
from media_services.movie.reading import read
from videocraft.configuration import Configuration, variable

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_its_document_is_read_without_a_warning():
    (block,) = [block for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL) if '"scenes"' in block]
    assert read(json.loads(block)).warnings == []


def test_every_setting_is_named_and_every_named_setting_exists():
    named = set(re.findall(r"VIDEOCRAFT_[A-Z0-9_]+[A-Z0-9]", README))
    fields = {f"VIDEOCRAFT_{name.upper()}" for name in Configuration.model_fields} - {"VIDEOCRAFT_DATABASE_URL"}
    assert named == fields


def test_every_default_it_states_is_the_default(monkeypatch):
    for name in os.environ.keys() & {variable(setting) for setting in Configuration.model_fields}:
        monkeypatch.delenv(name)
    defaults, stated = Configuration(), _stated_defaults()
    assert len(stated) > 40
    for name, default in stated.items():
        with monkeypatch.context() as patched:
            patched.setenv(name, default)
            assert Configuration() == defaults, name


def _stated_defaults() -> dict[str, str]:
    """Return the defaults in the table of settings, those that are values, as an environment would have them."""
    found = {}
    for names, defaults in re.findall(r"^\| (`VIDEOCRAFT_[^|]+) \| ([^|]+) \|", README, re.MULTILINE):
        pairs = zip(names.split(", "), defaults.split(", "), strict=False)
        found |= {name.strip("`"): _plain(default) for name, default in pairs if re.match(r"`|\d", default)}
    return found


def _plain(default: str) -> str:
    if "GiB" in default or "MiB" in default:
        number, unit = default.split()
        return str(int(number) * {"GiB": 2**30, "MiB": 2**20}[unit])
    return default.strip("`") if default.startswith("`") else default.replace(",", "")


def test_every_command_it_names_exists():
    named = set(re.findall(r"manage\.py ([a-z_]+)", README))
    assert named <= set(get_commands())
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (demo|test|run)\b", README)) <= targets


def test_every_file_it_links_to_exists():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_snippet_tells_a_genuine_webhook_from_others():
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    known: dict[str, Any] = {}
    exec(block, known)
    secret, at_s = new_secret(), int(time.time())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at_s),
        "webhook-signature": signature([new_secret(), secret], "msg_1", at_s, b"{}"),
    }
    assert known["is_genuine"](secret, headers, b"{}")
    assert not known["is_genuine"](secret, headers, b"{ }")
    assert not known["is_genuine"](new_secret(), headers, b"{}")
    assert not known["is_genuine"](secret, headers | {"webhook-timestamp": str(at_s - 301)}, b"{}")
