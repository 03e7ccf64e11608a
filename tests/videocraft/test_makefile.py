"""The Makefile, run for real in a copy with a Python that only writes down what it is asked for."""

import os
import shutil
import subprocess

import pytest

from videocraft.configuration import ROOT

# Makes "virtual environments" whose programs write down how they were called, and fail when told to.
_PYTHON = """#!/bin/sh
case "$1" in
  -c) exit ${TOO_OLD:-0} ;;
  -m) if [ "$2" = venv ]; then
        mkdir -p "$4/bin"
        for name in python ruff mypy lint-imports; do
          cp "$(dirname "$0")/tool" "$4/bin/$name"
        done
      fi ;;
esac
"""
_TOOL = """#!/bin/sh
call="$(basename "$0") $*"
echo "$call" >>"$CALLS"
case "$call" in *"${FAIL:-nothing}"*) echo broken; exit 3 ;; esac
"""


class Project:
    """A copy of what the Makefile needs."""

    def __init__(self, folder):
        self.folder = folder
        self.calls_file = folder / "calls"
        for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, folder)
        (folder / "programs").mkdir()
        for name, script in (("python3", _PYTHON), ("tool", _TOOL)):
            (folder / "programs" / name).write_text(script)
            (folder / "programs" / name).chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        path = f"{self.folder / 'programs'}:/usr/bin:/bin"
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={"PATH": path, "CALLS": str(self.calls_file), **environment},
            capture_output=True,
            text=True,
        )

    def calls(self) -> list[str]:
        """Return what was called since the last time, without what all calls of pip share."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return [line.replace("--disable-pip-version-check --quiet --no-input ", "") for line in lines]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_the_demo_installs_what_it_needs_and_runs(project):
    done = project.make("demo")

    assert done.returncode == 0
    assert project.calls()[1:] == ["python -m pip install -r requirements.txt", "python examples/demo.py"]


def test_a_second_run_installs_nothing(project):
    project.make("demo")
    project.calls()

    project.make("demo")

    assert project.calls() == ["python examples/demo.py"]


def test_changed_requirements_are_installed(project):
    project.make("demo")
    project.calls()
    later = (project.folder / ".venv" / "runtime").stat().st_mtime + 5
    os.utime(project.folder / "requirements.txt", (later, later))

    project.make("demo")

    assert "python -m pip install -r requirements.txt" in project.calls()


def test_an_installation_that_failed_is_tried_again(project):
    assert project.make("demo", FAIL="install -r").returncode != 0
    project.calls()

    assert project.make("demo").returncode == 0
    assert "python -m pip install -r requirements.txt" in project.calls()


def test_test_runs_every_check_and_pytest_last(project):
    done = project.make("test")

    calls = project.calls()
    assert done.returncode == 0
    assert calls[-6:] == [
        "ruff check --quiet",
        "ruff format --check --quiet",
        "mypy --no-error-summary",
        "lint-imports --no-logo",
        "python manage.py makemigrations --check --dry-run --verbosity 0",
        "python -m pytest -n 3 -rs",
    ]
    assert "python -m pip install -r requirements-dev.txt" in calls


@pytest.mark.parametrize("check", ["ruff check", "ruff format", "mypy", "lint-imports", "makemigrations", "pytest"])
def test_a_failing_check_fails_test_and_is_shown(project, check):
    done = project.make("test", FAIL=check)

    assert done.returncode != 0
    assert "broken" in done.stdout


def test_a_failing_demo_fails(project):
    assert project.make("demo", FAIL="examples/demo.py").returncode != 0


def test_run_takes_a_port(project):
    project.make("run", "PORT=9000")

    assert project.calls()[-1] == "python -m videocraft.serve --port 9000"


def test_without_a_new_enough_python_it_says_so(project):
    for name in ("python3.14", "python3.13", "python3.12", "python3.11", "python"):
        shutil.copy(project.folder / "programs" / "python3", project.folder / "programs" / name)

    done = project.make("demo", TOO_OLD="1")

    assert done.returncode != 0
    assert "VideoCraft needs Python 3.11 or newer" in done.stderr
    assert project.calls() == []


def test_help_is_the_default_and_names_every_target(project):
    said = project.make().stdout

    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert sorted(line.split()[1] for line in said.splitlines()) == sorted(phony.split()[1:])


def test_continuous_integration_runs_exactly_make_test():
    script = (ROOT / ".ci" / "run").read_text().splitlines()

    assert script == ["#!/usr/bin/env bash", "set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
