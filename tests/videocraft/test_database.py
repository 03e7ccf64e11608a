"""Which database a process uses, seen from the outside."""

import os
import subprocess
import sys

from videocraft.configuration import ROOT


def _manage(*arguments, **environment):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60)


def test_with_a_database_url_nothing_embedded_starts(tmp_path):
    elsewhere = "postgresql://ann@127.0.0.1:1/films"

    done = _manage("showmigrations", DATABASE_URL=elsewhere, VIDEOCRAFT_DATA_DIR=str(tmp_path))

    assert 'connection to server at "127.0.0.1", port 1 failed' in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"secret-key"}


def test_a_command_that_needs_no_database_starts_none(tmp_path):
    done = _manage("check", VIDEOCRAFT_DATA_DIR=str(tmp_path))

    assert done.returncode == 0
    assert not (tmp_path / "pg").exists()


def test_a_nonsense_setting_stops_every_command_with_its_name():
    done = _manage("check", VIDEOCRAFT_JOB_WORKERS="many")

    assert done.returncode != 0
    assert "VIDEOCRAFT_JOB_WORKERS='many'" in done.stderr
