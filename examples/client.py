"""Makes a film of a document over HTTP: posts it, shows its progress as it is told, and downloads the film.

TOKEN=… python examples/client.py film.json film.mp4 [http://127.0.0.1:8000]
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

_PATIENCE_S = 60  # a stream says something every 15 s


def told(api: httpx.Client, url: str) -> Iterator[tuple[str, Any]]:
    """Yield the kind and data of each event of a job up to its end, whatever becomes of the connection meanwhile."""
    known, coming, kind = "0", "0", ""
    while kind != "end":
        headers = {"Accept": "text/event-stream", "Last-Event-ID": known}
        try:
            with api.stream("GET", url, headers=headers) as answer:
                answer.raise_for_status()
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    coming = value if name == "id" else coming
                    kind = value if name == "event" else kind
                    if name == "data":
                        known = coming
                        yield kind, json.loads(value)
        except httpx.TransportError:
            time.sleep(2)
        except httpx.HTTPStatusError as problem:
            if problem.response.status_code < 500:
                raise
            time.sleep(2)


def make_film(api: httpx.Client, document: Any, file: Path) -> None:
    """Post a document and write its film to a file; exit with the error of a job that comes to none."""
    job = api.post("/api/v1/jobs", json=document).raise_for_status().json()
    for kind, data in told(api, f"/api/v1/jobs/{job['job_id']}/events"):
        if kind == "progress":
            bar = "#" * (data["progress"] * 40 // 100)
            print(f"\r{data['stage'] or data['status']:<13} |{bar:<40}| {data['progress']:3} %", end="", flush=True)
    job = api.get(job["status_url"]).raise_for_status().json()
    print(f"\r{job['status']:<13} |{'#' * 40 if job['status'] == 'completed' else '':<40}| {job['progress']:3} %")
    if job["status"] != "completed":
        sys.exit(f"the job {job['status']}: {job['error']}")
    url = job["videos"][0]["download_url"]  # which leads elsewhere where films are kept in a bucket
    with api.stream("GET", url, follow_redirects=True) as film, file.open("wb") as stream:
        for chunk in film.raise_for_status().iter_bytes():
            stream.write(chunk)


if __name__ == "__main__":
    base_url = sys.argv[3] if len(sys.argv) > 3 else "http://127.0.0.1:8000"
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=_PATIENCE_S) as api:
        make_film(api, json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
