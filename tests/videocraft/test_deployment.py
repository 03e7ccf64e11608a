"""How it is deployed: by http on this host, or behind a proxy that ends TLS; both are clean by Django's own checks."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from videocraft.configuration import ROOT

SECRETS = {"POSTGRES_PASSWORD": "Secret0", "VIDEOCRAFT_SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789" * 2}
ASK = """
import django
django.setup()
from django.test import Client
for headers in ({}, {"X-Forwarded-Proto": "https"}):
    for path in ("/admin/login/", "/health"):
        answer = Client().get(path, headers={"Host": "localhost", **headers})
        secure = sorted(name for name, cookie in answer.cookies.items() if cookie["secure"])
        print(answer.status_code, secure, answer.get("Strict-Transport-Security"))
"""


def composed(tmp_path, **given):
    """Return the environment that docker-compose.yml gives the web server, with what the user gives to it."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    known = SECRETS | given

    def fill(match):
        return known.get(match[1]) or (match[3] or "" if match[2] == ":-" else known[match[1]])

    stated = {
        name: re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", fill, str(value))
        for name, value in compose["services"]["web"]["environment"].items()
    }
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VIDEOCRAFT_")}
    settings = {"VIDEOCRAFT_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "videocraft.settings"}
    return ours | stated | settings


def run(environment, *argv):
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("https", ["", "1"])
def test_the_checks_of_a_deployment_find_nothing(tmp_path, https):
    environment = composed(tmp_path, VIDEOCRAFT_HTTPS=https)
    assert environment["VIDEOCRAFT_DEBUG"] == "0"
    done = run(environment, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_a_weak_secret_key_is_found(tmp_path):
    done = run(composed(tmp_path, VIDEOCRAFT_SECRET_KEY="short"), "manage.py", "check", "--deploy")
    assert "security.W009" in done.stderr


def test_without_a_secret_key_nothing_starts(tmp_path):
    done = run(composed(tmp_path) | {"VIDEOCRAFT_SECRET_KEY": ""}, "manage.py", "check")
    assert done.returncode != 0
    assert "VIDEOCRAFT_SECRET_KEY must be set" in done.stderr


def test_on_this_host_all_of_it_works_by_http(tmp_path):
    done = run(composed(tmp_path), "-c", ASK)
    assert done.stdout.splitlines() == ["200 [] None", "200 [] None"] * 2, done.stderr


def test_behind_a_proxy_http_is_sent_on_to_https_which_browsers_then_keep_to(tmp_path):
    done = run(composed(tmp_path, VIDEOCRAFT_HTTPS="1"), "-c", ASK)
    kept = "max-age=31536000"
    assert done.stdout.splitlines() == [
        "301 [] None",
        "200 [] None",  # what watches the service asks it directly
        f"200 ['csrftoken'] {kept}",
        f"200 [] {kept}",
    ], done.stderr
