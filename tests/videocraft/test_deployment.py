"""How it is deployed: by http on this host, or behind a proxy that ends TLS; by systemd; in several web processes."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psutil
import pytest
import yaml
from django.conf import settings

from tests.faults.conftest import film
from tests.service import Service, free_port
from tests.videocraft.test_docker import assert_runs
from videocraft.configuration import ROOT, Configuration, variable
from videocraft.embedded.server import EmbeddedServer

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
DEPLOY = ROOT / "deploy"
UNITS = {file.stem.removeprefix("videocraft-"): file for file in DEPLOY.glob("*.service")}
HOME = "/opt/videocraft"
SETTLED = {"DATABASE_URL", *(variable(name) for name in Configuration.model_fields)}
NGINX_PASSES = ("proxy", "fastcgi", "uwsgi", "scgi")
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


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


def unit(name):
    """Return what a unit says of its service, by key; what stands there several times is joined."""
    said = {}
    for line in UNITS[name].read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        key, is_said, value = line.partition("=")
        if is_said and not line.startswith("#"):
            said[key] = f"{said[key]} {value}" if key in said else value
    return said


def environment_of(name):
    return dict(word.split("=", 1) for word in shlex.split(unit(name)["Environment"]))


def command_of(name):
    program, *arguments = shlex.split(unit(name)["ExecStart"])
    return [program.removeprefix(f"{HOME}/.venv/bin/"), *arguments]


def example():
    lines = (DEPLOY / "videocraft.env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def option(argv, name):
    return argv[argv.index(name) + 1]


@pytest.mark.parametrize("name", ["migrate", "web", "worker"])
def test_each_unit_starts_something_that_exists(name):
    assert_runs(command_of(name))
    assert unit(name)["WorkingDirectory"] == HOME
    assert unit(name)["User"] == "videocraft"


def test_each_setting_that_is_named_is_one():
    words = " ".join(file.read_text() for file in DEPLOY.glob("*") if file.suffix in (".service", ".conf", ".example"))
    named = set(re.findall(r"\b(?:VIDEOCRAFT|AWS)_[A-Z_]+\b", words)) | set(example())
    assert named - CREDENTIALS <= SETTLED


def test_the_example_makes_sense(tmp_path):
    filled = {name: value or "abcdefghijklmnopqrstuvwxyz0123456789" * 2 for name, value in example().items()}
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VIDEOCRAFT_")}
    environment = ours | filled | {"VIDEOCRAFT_DATA_DIR": str(tmp_path)}
    done = run(environment, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["web", "worker"])
def test_only_the_main_process_is_told_to_stop_and_it_has_the_time_to(name):
    said = unit(name)
    assert (said["KillMode"], said["KillSignal"]) == ("mixed", "SIGTERM")
    drain_s = float(environment_of("worker")["VIDEOCRAFT_DRAIN_SECONDS"])
    needs_s = drain_s + 20 if name == "worker" else float(option(command_of("web"), "--timeout-graceful-shutdown")) + 10
    assert float(said["TimeoutStopSec"]) >= needs_s
    assert "VIDEOCRAFT_DRAIN_SECONDS" not in example()  # which would go before what the unit says


def test_compose_gives_the_time_that_stopping_takes():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    web, worker = services["web"], services["worker"]
    drain_s = float(worker["environment"]["VIDEOCRAFT_DRAIN_SECONDS"])
    assert float(worker["stop_grace_period"].removesuffix("s")) >= drain_s + 20
    graceful_s = float(option(web["command"], "--timeout-graceful-shutdown"))
    assert float(web["stop_grace_period"].removesuffix("s")) >= graceful_s + 10
    assert not {"container_name", "hostname", "ports"} & set(worker)  # so that it can be scaled


@pytest.mark.parametrize("name", ["web", "worker"])
def test_what_ends_is_started_again_and_what_is_confined_may_be(name):
    said = unit(name)
    assert said["Restart"] == "always"
    assert said["OOMPolicy"] == "continue"  # or the kernel's choice of one job would stop all
    assert set(said["RestrictNamespaces"].split()) == {"user", "net"}
    assert "ProcSubset" not in said  # /proc/sys tells one boot from another


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["migrate", "web", "worker"])
def test_systemd_understands_the_units(tmp_path, name):
    copy = tmp_path / UNITS[name].name
    copy.write_text(UNITS[name].read_text().replace(f"{HOME}/.venv/bin", sys.prefix + "/bin"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def proxy(directive):
    """Return the arguments of an nginx directive in the example, each time it stands there."""
    return re.findall(rf"^\s*{directive}\s+([^;]+);", (DEPLOY / "nginx.conf").read_text(), re.MULTILINE)


def test_the_proxy_lets_through_what_may_be_posted_and_waits_as_long_as_an_answer_takes():
    (most,) = proxy("client_max_body_size")
    assert int(most.removesuffix("m")) * 1024**2 > Configuration.model_fields["asset_max_bytes"].default
    assert proxy("proxy_read_timeout") == ["75s"]
    kept_s = float(option(command_of("web"), "--timeout-keep-alive"))
    assert float(proxy("keepalive_timeout")[0].removesuffix("s")) < kept_s
    assert "X-Forwarded-Proto $scheme" in proxy("proxy_set_header")


@pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")
def test_nginx_understands_the_example(tmp_path):
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=films.example.com"]
    files = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run([*made, *files], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    server = (DEPLOY / "nginx.conf").read_text().replace("/etc/letsencrypt/live/films.example.com", tmp_path.as_posix())
    server = re.sub(r"listen (\[::\]:)?\d+", lambda found: f"listen {found[1] or ''}{free_port()}", server)
    kept = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", *NGINX_PASSES))
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {kept} {server} }}")
    done = subprocess.run(["nginx", "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class Processes(Service):
    """A service whose web server is what the unit starts, of several processes."""

    def __enter__(self):
        super().__enter__()
        argv = command_of("web")
        argv[argv.index("--port") + 1] = str(self.port)
        self.main = self.start("-m", *argv)
        self.wait_for(lambda: self.get("/health").status_code == 200)
        self.waiting = self.post(film())
        return self

    def serving(self):
        """Return the processes of the web server that hold a connection of a client."""
        children = psutil.Process(self.main.pid).children()
        served = ((child.pid, each) for child in children for each in child.net_connections("tcp"))
        return {pid for pid, each in served if each.status == "ESTABLISHED" and each.laddr.port == self.port}

    def client_of_its_own(self):
        return httpx.Client(base_url=self.client.base_url, headers=self.client.headers, timeout=30)


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    socket_dir = EmbeddedServer.at(settings.VIDEOCRAFT.data_dir).join()
    rates = {"rate_limit": "1000/h", "rate_limit_jobs": "4/h"}
    with Processes(tmp_path_factory.mktemp("processes"), socket_dir, **rates) as processes:
        yield processes


def test_watchers_are_told_whichever_process_they_reach(processes):
    job = processes.post(film())
    path = f"/api/v1/jobs/{job['job_id']}/events"
    with ExitStack() as stack:
        streams = []
        while len(processes.serving()) < 2 and len(streams) < 60:
            client = stack.enter_context(processes.client_of_its_own())
            stream = stack.enter_context(client.stream("GET", path, headers={"Accept": "text/event-stream"}))
            streams.append(stream.iter_lines())
        assert len(processes.serving()) == 2
        assert processes.client.post(f"/api/v1/jobs/{job['job_id']}/cancel").status_code == 200
        assert all("event: cancelled" in list(lines) for lines in streams)


def test_a_rate_is_one_for_all_processes(processes):
    had, answers = processes.one("SELECT count(*) FROM jobs_job"), []
    for _ in range(12):
        with processes.client_of_its_own() as client:
            answers.append(client.post("/api/v1/jobs", json=film()).status_code)
    assert sorted(answers) == [202] * (4 - had) + [429] * (8 + had)


def test_figures_are_the_same_whoever_tells_them(processes):
    told = set()
    for _ in range(12):
        with processes.client_of_its_own() as client:
            told.add(tuple(line for line in client.get("/metrics").text.splitlines() if "jobs_total" in line))
    assert len(told) == 1


def test_a_stop_of_the_main_process_lets_an_answer_end(processes):
    asked = processes.rows("SELECT * FROM jobs_ratebucket")
    with ThreadPoolExecutor(1) as pool:
        path = f"/api/v1/jobs/{processes.waiting['job_id']}"
        answer = pool.submit(processes.get, path, params={"wait": 3})
        processes.wait_for(lambda: processes.rows("SELECT * FROM jobs_ratebucket") != asked)
        processes.main.send_signal(signal.SIGTERM)
        assert answer.result(30).status_code == 200
    assert processes.main.wait(30) == 0
