"""Dockerfile and docker-compose.yml, every word of which must mean something in this project."""

import fnmatch
import importlib
import json
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from videocraft.configuration import ROOT, Configuration, variable

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES = COMPOSE["services"]
APP_SERVICES = ("migrate", "web", "worker")
SETTINGS = {variable(name) for name in Configuration.model_fields}
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # which boto3 reads
POSTGRES_IMAGE_VARIABLES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile as (instruction, arguments), continued lines joined and comments dropped."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def arguments_of(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s", text)[1])


def assert_runs(argv: list[str]) -> None:
    """Check that a command line of our image names something that exists, with options it takes."""
    if argv[0] == "uvicorn":
        module, _, name = argv[1].partition(":")  # imported elsewhere, for it changes the process it is in
        subprocess.run([sys.executable, "-c", f"from {module} import {name}; assert callable({name})"], check=True)
        parameters = importlib.import_module("uvicorn.main").main.params
        options = {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in argv if word.startswith("--")} <= options
    elif argv[:2] == ["python", "manage.py"]:
        command = load_command_class(get_commands()[argv[2]], argv[2])
        command.create_parser("manage.py", argv[2]).parse_args(argv[3:])
    else:
        assert argv[:2] == ["python", "-c"]
        compile(argv[2], "health check", "exec")
        assert resolve(re.search(r"http://127\.0\.0\.1:8000(/\w+)", argv[2])[1])


@pytest.mark.parametrize("name", APP_SERVICES)
def test_each_command_exists_and_takes_its_options(name):
    assert_runs(SERVICES[name]["command"])


@pytest.mark.parametrize("name", ["web", "worker"])
def test_each_health_check_runs_something_that_exists(name):
    kind, *argv = SERVICES[name]["healthcheck"]["test"]

    assert kind == "CMD"
    assert_runs(argv)


def test_the_image_runs_and_checks_the_web_server_by_itself():
    assert_runs(json.loads(arguments_of("CMD")[0]))
    assert_runs(json.loads(re.search(r"CMD (\[.*\])", arguments_of("HEALTHCHECK")[0])[1]))


@pytest.mark.parametrize("name", APP_SERVICES)
def test_each_variable_is_a_setting(name):
    assert set(SERVICES[name]["environment"]) <= SETTINGS | CREDENTIALS


def test_each_variable_of_the_image_is_a_setting_or_of_python():
    named = {word.partition("=")[0] for line in arguments_of("ENV") for word in shlex.split(line)}

    assert {name for name in named if not name.startswith(("PYTHON", "PIP_"))} == {"VIDEOCRAFT_DATA_DIR"}


def test_each_variable_asked_of_the_user_is_a_setting_or_explained():
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE_TEXT))

    assert asked - SETTINGS - CREDENTIALS == {"POSTGRES_PASSWORD", "PORT"}
    assert set(SERVICES["postgres"]["environment"]) == POSTGRES_IMAGE_VARIABLES


def test_a_variable_handed_on_goes_by_its_own_name():
    for name, value in SERVICES["web"]["environment"].items():
        for asked in re.findall(r"\$\{(\w+)", str(value)):
            assert asked in (name, "POSTGRES_PASSWORD")


def test_secrets_have_no_default():
    assert "POSTGRES_PASSWORD:-" not in COMPOSE_TEXT
    assert SERVICES["web"]["environment"]["VIDEOCRAFT_SECRET_KEY"].startswith("${VIDEOCRAFT_SECRET_KEY:?")


def test_the_settings_of_the_services_make_sense_together(monkeypatch):
    for name, value in SERVICES["worker"]["environment"].items():
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "Secret0", text))

    read = Configuration()

    assert not read.debug
    assert read.database_url == "postgresql://videocraft:Secret0@postgres:5432/videocraft"
    assert "127.0.0.1" in read.allowed_hosts  # where the health check asks
    assert read.job_workers == Configuration.model_fields["job_workers"].default


def test_the_database_url_names_the_database_service():
    postgres = SERVICES["postgres"]["environment"]
    url = SERVICES["web"]["environment"]["DATABASE_URL"]

    assert url.startswith(f"postgresql://{postgres['POSTGRES_USER']}:")
    assert url.endswith(f"@postgres:5432/{postgres['POSTGRES_DB']}")
    check = SERVICES["postgres"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "pg_isready"]
    assert check[-1] == postgres["POSTGRES_DB"]


def test_web_and_workers_wait_for_the_migrations_and_these_for_the_database():
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["migrate"]["restart"] == "no"


def test_web_and_workers_share_the_data_directory_of_the_image():
    data_dir = SERVICES["web"]["environment"]["VIDEOCRAFT_DATA_DIR"]

    assert SERVICES["web"]["volumes"] == SERVICES["worker"]["volumes"] == [f"data:{data_dir}"]
    assert f"VIDEOCRAFT_DATA_DIR={data_dir}" in arguments_of("ENV")[-1]
    assert any(line.endswith(f"--group videocraft {data_dir}") for line in arguments_of("RUN"))
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])


def test_one_port_is_meant_everywhere():
    served = SERVICES["web"]["command"]
    port = served[served.index("--port") + 1]

    assert arguments_of("EXPOSE") == [port]
    assert SERVICES["web"]["ports"] == [f"${{PORT:-127.0.0.1:{port}}}:{port}"]
    assert f":{port}/health" in arguments_of("HEALTHCHECK")[0]


def test_a_worker_has_time_to_drain_before_it_is_killed():
    worker = SERVICES["worker"]
    drain_s = float(worker["environment"]["VIDEOCRAFT_DRAIN_SECONDS"])

    assert worker["stop_signal"] == "SIGTERM"
    assert seconds(worker["stop_grace_period"]) >= drain_s + 15


def test_the_image_does_not_run_as_root_and_installs_before_it_copies_the_code():
    names = [name for name, _ in instructions()]
    copies = arguments_of("COPY")

    assert arguments_of("USER") == ["videocraft"]
    assert names.index("USER") < names.index("CMD")
    assert copies[0] == "requirements.txt ."
    assert names.index("RUN", names.index("COPY")) < len(names) - 1 - names[::-1].index("COPY")


def test_what_is_copied_exists_and_reaches_the_build():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    allowed = [line[1:] for line in ignored if line.startswith("!")]

    for line in arguments_of("COPY"):
        source = line.split()[0]
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed)
    assert {"videocraft", "jobs", "media_services", "manage.py"} <= {line.split()[0] for line in arguments_of("COPY")}


def test_what_the_image_installs_is_pinned():
    installs = next(line for line in arguments_of("RUN") if "pip install" in line)

    assert "-r requirements.txt" in installs
    assert re.search(r"^torch==\d", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert "apt-get" not in installs
