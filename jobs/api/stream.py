"""Owns server-sent events: how what happens to a job is told to a client as it happens, and when that ends."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer

from jobs.api.told import event_json
from jobs.models import JobEvent
from jobs.watching import Hub, State, Watcher

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)
MEDIA_TYPE = "text/event-stream"
HEARTBEAT_S = 15.0  # less than any proxy's patience
PROGRESS_S = 1.0  # progress is told no more often
STALL_S = 30.0  # a client that takes nothing for so long is let go of
LONGEST_S = 3600.0  # then the client comes again, and shows its token again
_HUB, _STREAM = "jobs.hub", "jobs.stream"  # in a request's scope
_BEGIN = b"retry: 2000\n\n"
_HEARTBEAT = b": alive\n\n"


class EventStream(StreamingHttpResponse):
    """The answer that is a stream. Django knows its head only: `tell` sends the rest when Django is done with it.

    So a stream holds neither a thread nor, but for the hub's, a database connection, nor one of the places of those
    who are worked on.
    """

    def __init__(self, job_id: UUID, user_id: Any, after: int) -> None:
        # no-cache and the header for nginx: else a proxy would keep events until it has a bufferful
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__((), content_type=MEDIA_TYPE, headers=headers)
        self.job_id = job_id
        self.user_id = user_id
        self.after = after


def is_wanted(accept: str) -> bool:
    """Say whether an `Accept` names event streams; one that takes anything gets a list."""
    return any(part.split(";")[0].strip().lower() == MEDIA_TYPE for part in accept.split(","))


def new_hub() -> Hub:
    """Return a hub that gives its watchers events as they are sent."""
    return Hub(encode)


def hub_of(request: Any) -> Hub | None:
    """Return the hub of the process that answers a request, None where there is none: only ASGI can stream."""
    hub: Hub | None = getattr(request, "scope", {}).get(_HUB)
    return hub


def with_hub(scope: Message, hub: Hub) -> Message:
    """Return the scope of a request that is to find a hub."""
    return {**scope, _HUB: hub}


def keep(request: Any, stream: EventStream) -> None:
    """Leave a stream in its request's scope, for when Django is done."""
    request.scope[_STREAM] = stream


async def tell(scope: Message, receive: Receive, send: Send) -> None:
    """Send the stream that a request led to, if any, until it ends or its client leaves."""
    stream: EventStream | None = scope.get(_STREAM)
    if stream is None:
        return
    tasks = [asyncio.create_task(_send_all(stream, scope[_HUB], send)), asyncio.create_task(_leaving(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, OSError):  # TimeoutError, of the stalled, is one
            log.error("the events of job %s broke off", stream.job_id, exc_info=end)


async def _leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_all(stream: EventStream, hub: Hub, send: Send) -> None:
    headers = [(name.lower().encode("ascii"), value.encode("latin1")) for name, value in stream.items()]
    await send({"type": "http.response.start", "status": stream.status_code, "headers": headers})
    with hub.watching(stream.job_id, stream.user_id, stream.after) as watcher:
        async with aclosing(follow(watcher)) as parts:
            async for part in parts:
                async with asyncio.timeout(STALL_S):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
    await asyncio.sleep(0)  # closing costs as much as telling: let all others who watch the job be told first
    await send({"type": "http.response.body", "body": b""})


async def follow(watcher: Watcher) -> AsyncGenerator[bytes, None]:
    """Yield what a watcher finds, as it is sent: events, progress between them, heartbeats, and at last the end."""
    yield _BEGIN
    told: State | None = None
    told_at = 0.0
    until = time.monotonic() + LONGEST_S
    while (now := time.monotonic()) < until:
        untold = _untold(watcher.state, told)
        if untold and now >= told_at + PROGRESS_S:
            told, told_at, untold = untold, now, None
            yield _progress(told)
        if not await watcher.wait(told_at + PROGRESS_S - now if untold else HEARTBEAT_S):
            if not untold:
                yield _HEARTBEAT
            continue
        parts = watcher.take()
        if watcher.has_seen_the_end and watcher.state:
            yield b"".join([*parts, _end(watcher.state)])
            return
        if parts:
            yield b"".join(parts)
        if watcher.is_over:
            return


def _untold(state: State | None, told: State | None) -> State | None:
    """Return the progress that a client has not been told of; how a job ended is told by its last event."""
    return None if state is None or state == told or state.is_terminal else state


def encode(event: JobEvent) -> bytes:
    """Return an event as it is sent, its data as in the list."""
    data = JSONRenderer().render(event_json(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.pk, event.kind.encode(), data)


def _progress(state: State) -> bytes:
    told = {"status": state.status, "stage": state.stage, "progress": state.progress}
    return b"event: progress\ndata: %s\n\n" % json.dumps(told).encode()


def _end(state: State) -> bytes:
    return b"event: end\ndata: %s\n\n" % json.dumps({"status": state.status}).encode()
