"""Owns probing in a process of its own, for one that has to go on whatever a file does to who reads it."""

import selectors
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import TypeAdapter

from media_services.confinement import Limits, asked_for, can_go_offline, confine
from media_services.errors import ErrorCode, MediaError
from media_services.media import Probe
from media_services.probe import probe
from media_services.process import Fork
from media_services.streams import unsupported

_PATIENCE_S = 120.0  # the largest animation that is allowed takes a tenth of it
_PROBE = TypeAdapter(Probe)


def probe_apart(file: Path) -> Probe:
    """Return what `probe` does of a file, or raise what it does, in a forked child without a network.

    A file by which the child crashes, or that takes it too long or too much memory, is refused as well.
    """
    is_offline, limits = can_go_offline(), Limits(memory_bytes=asked_for(settings.VIDEOCRAFT.job_memory_limit))

    def target(send: Any) -> None:
        confine(limits, offline=is_offline)
        send(_found(file))

    child = Fork(target)
    try:
        return _understood(_first_message(child))
    finally:
        child.close()


def _found(file: Path) -> dict[str, Any]:
    try:
        return {"probe": _PROBE.dump_python(probe(file), mode="json")}
    except MediaError as problem:
        return {"code": problem.code, "message": problem.message, "detail": problem.detail}
    except MemoryError:
        return {"code": ErrorCode.UNSUPPORTED_MEDIA, "message": "the file takes too much memory to read", "detail": ""}


def _first_message(child: Fork) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_S
    with selectors.DefaultSelector() as selector:
        selector.register(child.read_fd, selectors.EVENT_READ)
        while selector.select(max(deadline - time.monotonic(), 0)):
            messages = child.messages()
            if messages:
                return messages[0]
            if child.is_silent:
                raise unsupported("the file is damaged: it cannot be read without a crash")
    raise unsupported(f"the file takes longer than {_PATIENCE_S:g} s to look through")


def _understood(message: dict[str, Any]) -> Probe:
    if "probe" in message:
        return _PROBE.validate_python(message["probe"])
    raise MediaError(ErrorCode(message["code"]), message["message"], detail=message["detail"])
