"""Renders story.json as a client would: starts VideoCraft, uploads, posts, watches, downloads, and stops it again."""

import io
import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

import httpx  # noqa: E402
from contact_sheet import make_contact_sheet  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import OperationalError, connection  # noqa: E402
from make_media import make, named  # noqa: E402
from tqdm import tqdm  # noqa: E402

from videocraft.serve import Died, Service, Stop, prepare, running  # noqa: E402

EXAMPLES = ROOT / "examples"
USER = "demo"
_READY_TIMEOUT_S = 90
_POLL_S = 0.25
_SAID = {"made": "encoded", "kept": "taken from an earlier job", "shared": "encoded by another worker"}


class DemoError(Exception):
    """The demo did not work; the message says why."""


class Interrupted(Exception):
    """Ctrl-C, or a signal to the same end."""


class Client:
    """A client of the HTTP API that gives up when a service dies or the user wants to stop."""

    def __init__(self, port: int, token: str, services: list[Service], stop: Stop) -> None:
        self._services = services
        self._stop = stop
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False)

    def pause(self) -> None:
        """Wait a little; raise Interrupted or Died when there is no reason to go on."""
        if self._stop.is_wanted:
            raise Interrupted
        for service in self._services:
            service.check()
        time.sleep(_POLL_S)

    def wait_until_ready(self) -> None:
        """Ask /ready until it agrees; raise DemoError with what is not ready when that takes too long."""
        deadline, answer = time.monotonic() + _READY_TIMEOUT_S, "the web server does not answer"
        while time.monotonic() < deadline:
            try:
                response = self.http.get("/ready")
                answer = response.text
                if response.status_code == 200:
                    return
            except httpx.TransportError as problem:
                answer = str(problem)
            self.pause()
        raise DemoError(f"not ready after {_READY_TIMEOUT_S} s: {answer}")

    def upload(self, file: Path) -> str:
        """Upload a file; return the src by which a document names it."""
        with file.open("rb") as stream:
            return str(self._json(self.http.post("/api/v1/assets", files={"file": (file.name, stream)}))["src"])

    def render(self, document: Any, show: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Post a document and wait for its end, showing the job as it goes; return the completed job."""
        job = self._json(self.http.post("/api/v1/jobs", json=document))
        while job["status"] in ("pending", "processing"):
            show(job)
            self.pause()
            job = self._json(self.http.get(f"/api/v1/jobs/{job['job_id']}/status"))
        show(job)
        if job["status"] != "completed":
            raise DemoError(f"the job {job['status']}:\n{json.dumps(job['error'], indent=2, ensure_ascii=False)}")
        return job

    def outcomes(self, job: dict[str, Any]) -> Counter[str]:
        """Return how many of a job's segments were made, and how many were kept from an earlier job."""
        plan = self._json(self.http.get(f"/api/v1/jobs/{job['job_id']}/plan"))
        return Counter(segment["outcome"] for project in plan["projects"] for segment in project["segments"])

    def download(self, video_id: str, file: Path) -> None:
        """Stream a finished video to a file."""
        with self.http.stream("GET", f"/api/v1/videos/{video_id}/download") as response:
            if response.is_error:
                response.read()
                self._json(response)
            with file.open("wb") as stream:
                for chunk in response.iter_bytes():
                    stream.write(chunk)

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            raise DemoError(f"{response.request.method} {response.request.url}: {response.status_code} {response.text}")
        answer: dict[str, Any] = response.json()
        return answer


def new_token() -> str:
    """Return a token of the demo's user, as `manage.py create_token demo --create` prints it."""
    printed = io.StringIO()
    call_command("create_token", USER, create=True, stdout=printed, stderr=io.StringIO())
    connection.close()
    return printed.getvalue().strip()


def delete_tokens() -> None:
    """Take back the tokens that demos have made."""
    from jobs.models import ApiToken

    ApiToken.objects.filter(user__username=USER).delete()
    connection.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_assets(part: Any, upload: Callable[[Path], str]) -> Any:
    """Return a document in which each relative `src` is uploaded and replaced."""
    if isinstance(part, list):
        return [with_assets(item, upload) for item in part]
    if not isinstance(part, dict):
        return part
    done = {key: with_assets(value, upload) for key, value in part.items()}
    if isinstance(src := done.get("src"), str) and ":" not in src:
        done["src"] = upload(EXAMPLES / src)
    return done


def upload_all(client: Client, document: Any) -> Any:
    """Upload each file that a document names, once, with a progress bar; return the document that names the assets."""
    uploaded: dict[Path, str] = {}
    with tqdm(desc="uploading", unit=" files", bar_format="{desc:<13} {n_fmt} files {elapsed}") as bar:

        def upload(file: Path) -> str:
            if file not in uploaded:
                uploaded[file] = client.upload(file)
                bar.update()
            return uploaded[file]

        return with_assets(document, upload)


def render(client: Client, document: Any) -> dict[str, Any]:
    """Render a document with a progress bar that names the stage; return the completed job."""
    with tqdm(total=100, bar_format="{desc:<13} {percentage:3.0f}% |{bar:40}| {elapsed}") as bar:

        def show(job: dict[str, Any]) -> None:
            before = bar.desc, bar.n
            bar.set_description_str(job["stage"] or job["status"], refresh=False)
            bar.n = job["progress"]
            if sys.stderr.isatty() or before != (bar.desc, bar.n):  # a log needs no clock
                bar.refresh()

        return client.render(document, show)


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def demonstrate(stop: Stop) -> None:
    """Do all of it; raise what went wrong."""
    began = time.monotonic()
    document = json.loads((EXAMPLES / "story.json").read_text())
    make(names=named(document))
    prepare()
    data_dir: Path = settings.VIDEOCRAFT.data_dir
    film, sheet, port = data_dir / "demo.mp4", data_dir / "demo.png", free_port()
    with running(port, stop, log_dir=data_dir) as services:
        print(
            f"VideoCraft is starting on http://127.0.0.1:{port} (logs: {_shown(data_dir)}/web.log, workers.log)",
            flush=True,
        )
        client = Client(port, new_token(), services, stop)
        try:
            client.wait_until_ready()
            job = render(client, upload_all(client, document))
            client.download(job["video_id"], film)
            outcomes = client.outcomes(job)
        finally:
            delete_tokens()
    facts = make_contact_sheet(film, sheet)
    counted = ", ".join(f"{number} {_SAID[outcome]}" for outcome, number in sorted(outcomes.items()))
    print(f"the job took {job['duration_seconds']:.1f} s; of its {outcomes.total()} segments {counted}")
    print(f"{_shown(film)}  {film.stat().st_size / 1e6:.1f} MB, {facts.duration_s:.2f} s, {facts.width}x{facts.height}")
    print(f"{_shown(sheet)}  {sheet.stat().st_size / 1e6:.1f} MB, its frames")
    print(f"done in {time.monotonic() - began:.0f} s; `make run` starts VideoCraft for your own documents")


def main() -> int:
    stop = Stop()
    try:
        demonstrate(stop)
    except Interrupted:
        print("\ninterrupted; everything is stopped", file=sys.stderr)
        return 130
    except (DemoError, Died, OperationalError, ImproperlyConfigured, httpx.HTTPError) as problem:
        print(f"\nthe demo failed: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
