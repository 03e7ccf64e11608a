"""Takes pictures of the admin's pages in each state, from services of their own, and lays them out for docs/admin.md.

    python -m tests.pictures                   # writes docs/pictures/admin-*.png; some minutes, and a Chromium
    python -m tests.pictures --keep FOLDER     # keeps every page of each state, width and theme there as well

Renders are real, and so is what fails: the disk is full. The 1,000 jobs of a day are rows that `day` makes.
It says of each page that is too wide, or that Chromium complained of, and then ends with 1.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.chromium import EXECUTABLE, Chromium
from tests.pictures import day, sheets
from tests.service import ROOT, Service
from videocraft.embedded.server import EmbeddedServer

EXAMPLES = ROOT / "examples"
OVERVIEW, LIST = "/admin/jobs/overview/", "/admin/jobs/job/"
_PASSWORD = "pictures"
_LONGEST_S = 600
_TIMES_LARGER = 3  # than the example, so that its render lasts while pictures are taken
_LENGTHS = {"x", "y", "width", "height", "font-size", "outline-width"}
_SMALL_DISK = 'mount -t tmpfs -o size=20m tmpfs "$0/work" && exec "$@"'


class Camera:
    """Chromiums of each width and theme, all logged in; what they see that is wrong is kept in `faults`."""

    def __init__(self, folder: Path, looks: Mapping[str, Chromium], service: Service) -> None:
        self.folder = folder
        self.looks = looks
        self.service = service
        self.faults: list[str] = []

    def log_in(self) -> None:
        self.service.manage(
            "createsuperuser", "--no-input", "--username=root", "--email=", DJANGO_SUPERUSER_PASSWORD=_PASSWORD
        )
        for look in self.looks.values():
            look.open(self.url("/admin/login/"))
            look.ask(
                f"for (const name of ['username', 'password']) document.getElementById('id_' + name).value = "
                f"name === 'username' ? 'root' : '{_PASSWORD}'"
            )
            look.ask("document.getElementById('login-form').submit()")
            look.wait_until("location.pathname === '/admin/'")

    def take(self, state: str, page: str, path: str, prepare: str = "true") -> None:
        """Save a page as `<state>-<page>-<width>-<theme>.png`, after a script has prepared it."""
        for kind, look in self.looks.items():
            name = f"{state}-{page}-{kind}"
            look.complaints.clear()
            look.open(self.url(path))
            look.ask(prepare)
            look.wait_until("[...document.images].every((image) => image.complete)")
            look.wait_until("[...document.querySelectorAll('video')].every((film) => film.readyState > 1)")
            look.save(self.folder / f"{name}.png")
            if (width := look.ask("document.documentElement.scrollWidth")) > look.size["width"]:
                self.faults.append(f"{name} is {width} pixels wide")
            self.faults += [f"{name}: {complaint}" for complaint in look.complaints]

    def url(self, path: str) -> str:
        return f"{str(self.service.client.base_url).rstrip('/')}{path}"


@contextlib.contextmanager
def open_looks() -> Iterator[dict[str, Chromium]]:
    """Open a Chromium for each width and theme."""
    with contextlib.ExitStack() as stack:
        kinds = [(width, is_dark) for width in (1280, 390) for is_dark in (False, True)]
        yield {
            f"{width}-{'dark' if is_dark else 'light'}": stack.enter_context(Chromium(width=width, is_dark=is_dark))
            for width, is_dark in kinds
        }


def make_media() -> None:
    """Draw what the story shows, unless that was done."""
    names = set(re.findall(r'"media/([^"]+)"', (EXAMPLES / "story.json").read_text()))
    subprocess.run([sys.executable, EXAMPLES / "make_media.py", EXAMPLES / "media", *names], check=True)


def page_of(job: Mapping[str, Any]) -> str:
    return f"{LIST}{job['job_id']}/change/"


def larger(part: Any, key: str = "") -> Any:
    """Return a document with everything that it states in pixels so many times larger."""
    if isinstance(part, list):
        return [larger(each, key) for each in part]
    if isinstance(part, dict):
        return {name: larger(value, name) for name, value in part.items()}
    return part * _TIMES_LARGER if key in _LENGTHS and isinstance(part, int) else part


def uploaded(service: Service, part: Any, known: dict[str, str]) -> Any:
    """Return a document with each file that it names uploaded, once."""
    if isinstance(part, list):
        return [uploaded(service, each, known) for each in part]
    if not isinstance(part, dict):
        return part
    done = {name: uploaded(service, value, known) for name, value in part.items()}
    if str(name := done.get("src", "")).startswith("media/"):
        if name not in known:
            known[name] = service.upload(EXAMPLES / name)
        done["src"] = known[name]
    return done


def photograph_few(camera: Camera) -> None:
    """Show nothing, then a job while it is rendered, when it is completed, and one that failed."""
    service = camera.service
    cluster = service.start_cluster()
    for page, path in (("overview", OVERVIEW), ("list", LIST)):
        camera.take("none", page, path)
    story, known = json.loads((EXAMPLES / "story.json").read_text()), dict[str, str]()
    (film,) = uploaded(service, larger(story), known)
    del film["resolution"]
    job = service.post([film | {"width": 1280 * _TIMES_LARGER, "height": 720 * _TIMES_LARGER}])
    service.wait_for(lambda: service.job(job)["progress"] >= 40, _LONGEST_S)
    for page, path in (("job", page_of(job)), ("overview", OVERVIEW), ("list", LIST)):
        camera.take("rendering", page, path)
    assert service.job(job)["status"] == "processing", "the render ended before the pictures were taken"
    assert service.finish(job, _LONGEST_S)["status"] == "completed"
    camera.take(
        "completed", "job", page_of(job), "document.querySelectorAll('.vc-sheet').forEach((e) => e.open = true)"
    )
    for page, path in (("overview", OVERVIEW), ("list", LIST)):
        camera.take("one", page, path)
    service.stop(cluster, 15)
    (service.data_dir / "work").mkdir(exist_ok=True)
    rights = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    service.start_cluster("unshare", *rights, "--mount", "sh", "-c", _SMALL_DISK, str(service.data_dir))
    failed = service.post(uploaded(service, story, known))
    assert service.finish(failed, _LONGEST_S)["status"] == "failed"
    camera.take("failed", "job", page_of(failed))


def photograph_many(camera: Camera) -> None:
    """Show a day's 1,000 jobs, and the queue when it is paused."""
    day.fill(camera.service)
    for page, path in (("overview", OVERVIEW), ("list", LIST)):
        day.beat(camera.service)
        camera.take("thousand", page, path)
    look = next(iter(camera.looks.values()))
    look.open(camera.url(OVERVIEW))
    look.ask("document.getElementById('pause-or-resume').click()")
    look.wait_until("document.querySelector('.messagelist')")
    day.beat(camera.service)
    camera.take("paused", "overview", OVERVIEW)


def take_all(folder: Path) -> list[str]:
    """Write a picture of every page in each state, width and theme; return what was wrong with them."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="vc-") as home, open_looks() as looks:
        server = EmbeddedServer.at(Path(home) / "database")
        try:
            for photograph in (photograph_few, photograph_many):
                data = Path(home) / photograph.__name__
                data.mkdir()
                with Service(data, server.join(), debug=0, secret_key="x" * 50) as service:
                    service.start_web()
                    camera = Camera(folder, looks, service)
                    camera.log_in()
                    photograph(camera)
                    faults += camera.faults
        finally:
            server.leave()
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    kept: Path | None = parser.parse_args().keep
    if EXECUTABLE is None:
        print("there is no Chromium to take pictures with; on Debian and Ubuntu: apt install chromium", file=sys.stderr)
        return 1
    make_media()
    with tempfile.TemporaryDirectory(prefix="vc-pictures-") as scratch:
        folder = kept or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        faults = take_all(folder)
        sheets.lay_out(folder, ROOT / "docs" / "pictures")
    print("\n".join(faults) or "every page fits, and none was complained of")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
