"""An S3 server for tests: a process of its own over real HTTP, to be paused, killed, started again, and told to fail.

`localbucket` keeps buckets as folders, so what was stored outlives a kill. What it leaves out and the service depends
on is here: signatures are checked, content types are kept, unfinished uploads are listed, and many objects are deleted
at once.
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import localbucket
from django.conf import settings

from tests.service import free_port
from videocraft.files import storages_for

ROOT = Path(__file__).parent.parent
BUCKET, REGION = "films", "eu-test-1"
ACCESS_KEY, SECRET_KEY = "test-access-key", "test-secret-key"
_READY, _FAULTS, _REQUESTS, _TYPES = "ready", "faults.json", "requests.jsonl", ".types"
_CODES = {403: "AccessDenied", 404: "NoSuchKey"}
_UPLOAD_FIELDS = {"prefix", "encoding-type", "max-uploads", "key-marker", "upload-id-marker", "uploads"}


class S3Server:
    """An S3 server with one bucket, for as long as the `with` lasts; what it holds stays when it is killed.

    It is started behind `command_prefix` (`ip netns exec …`), and `environment()` is what a service needs to use it.
    """

    def __init__(self, host: str = "127.0.0.1", port: int | None = None, *, command_prefix: Sequence[str] = ()) -> None:
        self.host, self.port = host, port or free_port()
        self.command_prefix = command_prefix
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "S3Server":
        self.folder = Path(tempfile.mkdtemp(prefix="vc-s3-"))
        (self.folder / BUCKET).mkdir()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def environment(self, **settings: Any) -> dict[str, str]:
        """Return the variables with which a service keeps its files here, and further `s3_…` settings."""
        named = {f"VIDEOCRAFT_{name.upper()}": str(value) for name, value in settings.items()}
        return {
            "VIDEOCRAFT_S3_BUCKET": BUCKET,
            "VIDEOCRAFT_S3_ENDPOINT": self.url,
            "VIDEOCRAFT_S3_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **named,
        }

    def storages(self) -> dict[str, Any]:
        """Return Django's storages as a service has them that keeps its files here."""
        endpoint = {"s3_bucket": BUCKET, "s3_endpoint": self.url, "s3_region": REGION}
        return storages_for(settings.VIDEOCRAFT.model_copy(update=endpoint))

    def start(self) -> None:
        """Start it, with what it held before, and wait until it listens."""
        (self.folder / _READY).unlink(missing_ok=True)
        where = ["--host", self.host, "--port", str(self.port), str(self.folder)]
        command = [*self.command_prefix, sys.executable, "-m", "tests.s3", *where]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not (self.folder / _READY).exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not listen")
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it; connections are reset, and refused from now on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it stand still, so that it answers nobody and closes no connection."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def reset(self) -> None:
        """Forget everything, and run."""
        if self._process is not None:
            self.resume()
        for each in self.folder.iterdir():
            if each.is_dir():
                shutil.rmtree(each, ignore_errors=True)
        self.forget_requests()
        (self.folder / BUCKET).mkdir(exist_ok=True)
        if self._process is None:
            self.start()

    @contextlib.contextmanager
    def failing(self, *methods: str, status: int = 503, hangs: bool = False, at: str = "") -> Iterator[None]:
        """Fail, or hang in, all requests with these methods (all of them without) whose path and query match `at`."""
        fault = {"methods": methods, "status": status, "hangs": hangs, "at": at}
        _put(self.folder / _FAULTS, json.dumps(fault))
        try:
            yield
        finally:
            (self.folder / _FAULTS).unlink()

    def objects(self) -> dict[str, int]:
        """Return the size of each object by its key."""
        bucket = self.folder / BUCKET
        found = ((os.path.join(at, name)) for at, _, names in os.walk(bucket) for name in names)
        return {
            os.path.relpath(path, bucket): os.path.getsize(path)
            for path in found
            if not os.path.basename(path).startswith(localbucket.TEMP_PREFIX)
        }

    def uploads(self) -> list[str]:
        """Return the keys of the uploads in parts that were begun and neither completed nor aborted."""
        return [str(meta["key"]) for _, meta in _uploads(self.folder)]

    def age(self, seconds: float) -> None:
        """Make all that it holds older."""
        at = time.time() - seconds
        for folder in (self.folder / BUCKET, self.folder / localbucket.UPLOADS_DIR):
            for file in [*folder.rglob("*"), folder] if folder.exists() else []:
                os.utime(file, (at, at))

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that were answered, in their order: method, path, query and status."""
        file = self.folder / _REQUESTS
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def forget_requests(self) -> None:
        (self.folder / _REQUESTS).unlink(missing_ok=True)


class _Handler(localbucket.S3Handler):  # type: ignore[misc]
    """Adds to `localbucket` what it leaves out, faults, and a log of all requests."""

    disable_nagle_algorithm = True
    bucket, key = "", ""

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        path, _, query = self.path.partition("?")
        entry = {"method": self.command, "path": path, "query": query, "status": int(code)}
        with (self.data_root / _REQUESTS).open("a") as log:
            log.write(json.dumps(entry) + "\n")

    def _dispatch(self, action: Any) -> None:
        def checked(bucket: str, key: str) -> None:
            self.bucket, self.key = bucket, key
            self._fail_if_told()
            _check_signature(self.command, self.path, self.headers)
            if not key and "uploads" in self.query:
                self._check_query("ListMultipartUploads", _UPLOAD_FIELDS)
                self._list_uploads()
                return
            if not key and self.command == "POST" and "delete" in self.query:
                self._delete_several()
                return
            if self.command == "PUT" or "uploads" in self.query:
                self._keep_type()
            wanted = self.headers.get("If-Match") if self.command == "GET" else None
            if wanted and wanted.strip('"') != localbucket.object_etag(self._object_path(bucket, key)):
                raise self._precondition_failed_error()
            action(bucket, key)

        with contextlib.suppress(ConnectionError):
            super()._dispatch(checked)

    def _fail_if_told(self) -> None:
        fault = _read(self.data_root / _FAULTS)
        while fault and self.command in (fault["methods"] or [self.command]) and re.search(fault["at"], self.path):
            if not fault["hangs"]:
                raise localbucket.S3Error(
                    HTTPStatus(fault["status"]), _CODES.get(fault["status"], "SlowDown"), "told to fail"
                )
            time.sleep(0.02)
            fault = _read(self.data_root / _FAULTS)

    def _type_file(self) -> Path:
        return Path(self.data_root) / _TYPES / hashlib.sha256(f"{self.bucket}/{self.key}".encode()).hexdigest()

    def _keep_type(self) -> None:
        if "partNumber" not in self.query:
            self._type_file().parent.mkdir(exist_ok=True)
            self._type_file().write_text(self.headers.get("Content-Type", "binary/octet-stream"))

    def _response_header_overrides(self) -> dict[str, str]:
        kept = {"Content-Type": self._type_file().read_text()} if self._type_file().exists() else {}
        return kept | super()._response_header_overrides()

    def _list_uploads(self) -> None:
        self._bucket_dir(self.bucket)
        root = ET.Element("ListMultipartUploadsResult", xmlns=localbucket.S3_NAMESPACE)
        localbucket.sub_element(root, "IsTruncated", "false")
        for folder, meta in _uploads(Path(self.data_root)):
            if meta["bucket"] == self.bucket and meta["key"].startswith(self.query.get("prefix", "")):
                upload = ET.SubElement(root, "Upload")
                localbucket.sub_element(upload, "Key", self._list_encoder()(meta["key"]))
                localbucket.sub_element(upload, "UploadId", folder.name)
                begun_at = (folder / localbucket.UPLOAD_META).stat().st_mtime
                localbucket.sub_element(upload, "Initiated", localbucket.iso_timestamp(begun_at))
        self._send_xml(root)

    def _delete_several(self) -> None:
        for key in ET.fromstring(self._read_body()).iterfind("{*}Object/{*}Key"):
            self._object_path(self.bucket, key.text).unlink(missing_ok=True)
        self._send_xml(ET.Element("DeleteResult", xmlns=localbucket.S3_NAMESPACE))


def _uploads(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the folder of each unfinished upload, and what it is for."""
    found = [(each, _read(each / localbucket.UPLOAD_META)) for each in (folder / localbucket.UPLOADS_DIR).glob("*")]
    return [(each, meta) for each, meta in found if meta]


def _check_signature(method: str, target: str, headers: Mapping[str, str]) -> None:
    """Raise the error of S3 for a request that is not signed with our key, or no longer.

    As docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html has it.
    """
    path, _, query = target.partition("?")
    pairs = [pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair]
    named = {name: unquote(value) for name, _, value in (pair.partition("=") for pair in pairs)}
    if "X-Amz-Signature" in named:
        given = {name: named[f"X-Amz-{name}"] for name in ("Credential", "SignedHeaders", "Signature")}
        signed_at, payload = named["X-Amz-Date"], "UNSIGNED-PAYLOAD"
        lasts = timedelta(seconds=int(named["X-Amz-Expires"]))
    else:
        given = dict(re.findall(r"(\w+)=([^,\s]+)", headers.get("Authorization", "")))
        signed_at, payload = headers.get("X-Amz-Date", ""), headers.get("X-Amz-Content-SHA256", "")
        lasts = timedelta(minutes=15)
    access_key, *scope = given.get("Credential", "").split("/")
    if access_key != ACCESS_KEY or len(scope) != 4:
        raise _refused("InvalidAccessKeyId", "The access key does not exist in our records.")
    if datetime.now(UTC) > datetime.strptime(f"{signed_at}+0000", "%Y%m%dT%H%M%SZ%z") + lasts:
        raise _refused("AccessDenied", "Request has expired")
    names = given["SignedHeaders"].split(";")
    canonical = [
        method,
        path,
        "&".join(sorted(pair for pair in pairs if not pair.startswith("X-Amz-Signature="))),
        *(f"{name}:{' '.join((headers.get(name) or '').split())}" for name in names),
        "",
        given["SignedHeaders"],
        payload,
    ]
    hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = "\n".join(["AWS4-HMAC-SHA256", signed_at, "/".join(scope), hashed])
    if scope[1] != REGION or hmac.digest(key, to_sign.encode(), "sha256").hex() != given["Signature"]:
        raise _refused("SignatureDoesNotMatch", "The signature does not match the one that was calculated.")


def _refused(code: str, message: str) -> Exception:
    error: Exception = localbucket.S3Error(HTTPStatus.FORBIDDEN, code, message)
    return error


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


def _put(file: Path, text: str) -> None:
    """Write a file in one step, for who reads it meanwhile."""
    part = file.with_suffix(".part")
    part.write_text(text)
    part.rename(file)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


def main() -> None:
    """Serve a folder until killed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    wanted = parser.parse_args()
    _Handler.data_root = wanted.folder.resolve()
    with _Server((wanted.host, wanted.port), _Handler) as server:
        (wanted.folder / _READY).touch()
        server.serve_forever()


if __name__ == "__main__":
    main()
