"""The whole service for a test: web server and worker cluster as real processes, used over HTTP like a client would."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
from psycopg import sql

ROOT = Path(__file__).parent.parent
TERMINAL = {"completed", "failed", "cancelled"}
_templates: dict[tuple[str, Path], tuple[str, str]] = {}  # by server and code: what is copied, and its token


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """A service with a data directory and a database of its own; its code is ours, or another release's."""

    def __init__(self, folder: Path, socket_dir: str, *, code: Path = ROOT, **settings: Any) -> None:
        self.data_dir, self.code = folder, code
        self.database = f"service_{os.getpid()}_{free_port()}"
        self.socket_dir = socket_dir
        named = {f"VIDEOCRAFT_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VIDEOCRAFT_")},
            "VIDEOCRAFT_DATA_DIR": str(folder),
            "VIDEOCRAFT_FETCH_ALLOW": "127.0.0.0/8",
            "VIDEOCRAFT_JOB_RETRY_DELAY": "100ms",
            "VIDEOCRAFT_RATE_LIMIT": "off",
            "VIDEOCRAFT_RATE_LIMIT_JOBS": "off",
            "DATABASE_URL": f"postgresql://postgres@{quote(socket_dir, safe='')}/{self.database}",
            "PYTHONUNBUFFERED": "1",
            **named,
        }
        self.s3: Any = None
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log = folder / "service.log"
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def keep_in(self, s3: Any, **settings: str) -> None:
        """Let what is started from now on keep its files in the bucket of an S3 server."""
        self.s3 = s3
        self.environment |= s3.environment(**settings)

    def __enter__(self) -> "Service":
        template, token = _templates.get((self.socket_dir, self.code)) or self._make_template()
        self._administer("CREATE DATABASE {} TEMPLATE {}", self.database, template)
        self.client.headers["Authorization"] = f"Bearer {token}"
        return self

    def _make_template(self) -> tuple[str, str]:
        """Make, once for each server, the database that the others are copied from: migrated, with a user's token."""
        template = f"template_{self.database}"
        self._administer("CREATE DATABASE {}", template)
        url = self.environment["DATABASE_URL"].replace(self.database, template)
        self.manage("migrate", "-v0", DATABASE_URL=url)
        token = self.manage("create_token", "ann", "--create", DATABASE_URL=url).strip()
        return _templates.setdefault((self.socket_dir, self.code), (template, token))

    def _administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(host=self.socket_dir, user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def __exit__(self, *_: object) -> None:
        self.client.close()
        for process in self.processes:
            self.stop(process, signal.SIGTERM)
        self._administer("DROP DATABASE {} WITH (FORCE)", self.database)

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run a management command to its end and return what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        known = self.environment | environment
        return subprocess.run(
            command, cwd=self.code, env=known, check=True, stdout=subprocess.PIPE, text=True, timeout=60
        ).stdout

    def start(self, *command: str, wrapper: Sequence[str] = (), **environment: str) -> "subprocess.Popen[bytes]":
        """Start a long-running process, in a session of its own, with its words in the log."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*wrapper, sys.executable, *command],
                cwd=self.code,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_web(self) -> None:
        options = ("--port", str(self.port), "--timeout-keep-alive", "75", "--log-level", "warning")
        self.start("-m", "uvicorn", "videocraft.asgi:application", *options)
        self.wait_for(lambda: self.get("/health").status_code == 200)

    def start_cluster(self, *wrapper: str, **environment: str) -> "subprocess.Popen[bytes]":
        """Start a cluster, by another command if need be, and wait until it is at work."""
        known = self.one("SELECT count(*) FROM jobs_cluster")
        process = self.start("manage.py", "qcluster", wrapper=wrapper, **environment)
        self.wait_for(lambda: self.one("SELECT count(*) FROM jobs_cluster") > known)
        return process

    def stop(self, process: "subprocess.Popen[bytes]", number: int, timeout_s: float = 40) -> int:
        """Signal a process and return its exit status; kill it and fail if it does not end."""
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(number)
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            for child in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()
            process.wait()
            raise

    def wait_for(self, condition: Any, seconds: float = 30) -> Any:
        """Return the condition's first true value; fail with the service's log when there is none in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError, psycopg.Error):
                if value := condition():
                    return value
            time.sleep(0.02)
        raise TimeoutError(f"not within {seconds} s; the log:\n{self.log.read_text() if self.log.exists() else ''}")

    def one(self, statement: str, *values: Any) -> Any:
        """Return the first value of the first row of a query on the service's database."""
        rows = self.rows(statement, *values)
        return rows[0][0] if rows else None

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows of a query on the service's database."""
        with psycopg.connect(
            host=self.socket_dir, user="postgres", dbname=self.database, autocommit=True
        ) as connection:
            return connection.execute(statement, values).fetchall()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, document: Any, **options: Any) -> dict[str, Any]:
        """Post a document and return the accepted job."""
        answer = self.client.post("/api/v1/jobs", json=document, **options)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def upload(self, file: Path) -> str:
        """Upload a file and return the `src` that names it."""
        with file.open("rb") as content:
            answer = self.client.post("/api/v1/assets", files={"file": content})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["src"])

    def job(self, job: dict[str, Any]) -> dict[str, Any]:
        return dict(self.get(f"/api/v1/jobs/{job['job_id']}").json())

    def finish(self, job: dict[str, Any], seconds: float = 60) -> dict[str, Any]:
        """Wait for a job's end and return it."""
        ended = self.wait_for(lambda: (found := self.job(job))["status"] in TERMINAL and found, seconds)
        return dict(ended)

    def download(self, video: dict[str, Any], to: Path) -> Path:
        answer = self.get(video["download_url"], follow_redirects=True)
        assert answer.status_code == 200, answer.text
        to.write_bytes(answer.content)
        return to

    def stray_files(self) -> list[str]:
        """Return what lies in the work and video folders, or the bucket, without a video's row that points to it."""
        with psycopg.connect(host=self.socket_dir, user="postgres", dbname=self.database) as connection:
            columns = "file, thumbnail, contact_sheet, srt, vtt, ass, words"
            rows = connection.execute(f"SELECT {columns} FROM jobs_video").fetchall()
        known = {str(self.data_dir / "media" / name) for row in rows for name in row}
        folders = (self.data_dir / "work", self.data_dir / "media" / "videos")
        # os.walk, for rglob fails when a folder goes while it looks
        files = [os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names]
        return [path for path in files if path not in known] + self._stray_objects(
            {name for row in rows for name in row}
        )

    def _stray_objects(self, known: set[str]) -> list[str]:
        if self.s3 is None:
            return []
        return [name for name in self.s3.objects() if name.startswith("videos/") and name not in known] + [
            name for name in self.s3.uploads() if name.startswith("videos/")
        ]
