"""Owns what is kept of sources from one job to the next: each content once, what its server said, and its probes."""

import functools
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

from django.conf import settings
from pydantic import Field, TypeAdapter, ValidationError

from media_services import engine, results
from media_services.media import MediaKind, Probe

MOST_BYTES = 512 * 1024**2  # what is larger is fetched each time, lest it drive out much else
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,1000}")
_HERE = Path(__file__).parent
# Whose next version may find other facts in a file, or refuse another.
_LIBRARIES = ("av", "charset-normalizer", "fonttools", "pillow")
_CODE = (
    "probe.py", "streams.py", "opening.py", "bounds.py", "sniff.py", "wholeness.py", "media.py", "fonts/face.py",
    "subtitles/*.py",
)  # fmt: skip


@dataclass(frozen=True)
class Asking:
    """Who asks for sources, and since when: what a server sent him since then, in seconds since 1970, is new enough.

    Nothing is kept for an `owner` of None, nor taken by him.
    """

    owner: str | None = None
    since: float | None = None


NOBODY = Asking()


@dataclass(frozen=True)
class Answer:
    """What came of asking a server: the content, and what it can be asked by whether it still has that.

    `place` is the SHA-256 of the address that answered, at the end of the redirects; `asked_at` is in seconds since
    1970. `etag` and `last_modified` are empty where there is none.
    """

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size_bytes: int
    content_type: str
    etag: str
    last_modified: str
    place: str
    asked_at: float

    def condition(self, address: str) -> dict[str, str]:
        """Return the headers that ask an address to answer 304 if nothing has changed; none where it cannot know."""
        if self.place != place_of(address):
            return {}
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


_ANSWER, _PROBE = TypeAdapter(Answer), TypeAdapter(Probe)


def place_of(address: str) -> str:
    """Return what an address is told by; the address itself may carry a secret."""
    return hashlib.sha256(address.encode()).hexdigest()


def validator(headers: Mapping[str, str], name: str) -> str:
    """Return an ETag or a Last-Modified as it can be sent back; empty where there is none such."""
    value = headers.get(name, "")
    return value if _VALIDATOR.fullmatch(value) else ""


def content_name(sha256: str) -> str:
    """Return the name that a content is kept under; only who knows its hash finds it."""
    return f"sources/{sha256[:2]}/{sha256}"


@functools.cache
def prober() -> str:
    """Return what stands for everything that decides what a probe finds."""
    return engine.digest([file for pattern in _CODE for file in _HERE.glob(pattern)], _LIBRARIES)


@dataclass(frozen=True)
class Shelf:
    """What is kept for one who asks; safe to use from several threads and processes."""

    asking: Asking = NOBODY

    def find(self, address: str) -> Answer | None:
        """Return what the server last answered him who asks; None where it, or its content, is not kept."""
        record = None if self.asking.owner is None else results.take(self._record(address))
        try:
            answer = None if record is None else _ANSWER.validate_json(record)
        except ValidationError:
            return None
        return answer if answer and results.has(content_name(answer.sha256)) else None

    def is_new_enough(self, answer: Answer) -> bool:
        """Say whether a content may be taken without asking its server again."""
        age_s = time.time() - answer.asked_at
        is_fresh = age_s < settings.VIDEOCRAFT.fetch_freshness.total_seconds()
        is_own = self.asking.since is not None and answer.asked_at >= self.asking.since
        return age_s >= 0 and (is_fresh or is_own)

    def take(self, sha256: str, file: Path) -> bool:
        """Put a content into a file, and say whether it was there, whole; the file is never seen in part."""
        with NamedTemporaryFile(dir=file.parent, prefix="taking-", delete=False) as unique:
            taken = Path(unique.name)
        try:
            is_there = results.take_file(content_name(sha256), taken)
            if is_there:
                taken.replace(file)
            return is_there
        finally:
            taken.unlink(missing_ok=True)

    def keep(self, address: str, answer: Answer, file: Path) -> None:
        """Keep an answer in the place of the last one, and its content; of one too large, nothing."""
        if self.asking.owner is None:
            return
        if answer.size_bytes > MOST_BYTES:
            self.forget(address)
            return
        name = content_name(answer.sha256)
        if not results.has(name):
            results.put_file(name, file)
        results.replace(self._record(address), _ANSWER.dump_json(answer))

    def forget(self, address: str) -> None:
        """Keep no answer of a server; its content may be another's as well."""
        if self.asking.owner is not None:
            results.forget(self._record(address))

    def find_probe(self, sha256: str, kind: MediaKind) -> Probe | None:
        """Return what was found in a content as a source of a kind; None where that is not kept."""
        found = None if self.asking.owner is None else results.take(_probe_name(sha256, kind))
        try:
            return None if found is None else _PROBE.validate_json(found)
        except ValidationError:
            return None

    def keep_probe(self, sha256: str, kind: MediaKind, found: Probe) -> None:
        if self.asking.owner is not None:
            results.replace(_probe_name(sha256, kind), _PROBE.dump_json(found))

    def _record(self, address: str) -> str:
        return results.key("fetched", owner=self.asking.owner, url=address)


def _probe_name(sha256: str, kind: MediaKind) -> str:
    most_px = settings.VIDEOCRAFT.image_max_pixels
    return results.key("probes", source=sha256, serves_as=kind, most_px=most_px, engine=prober())
