"""Owns how many requests a web process works on at once; the others wait without a thread or a database connection."""

import asyncio
import re
from typing import Any

from django.core.handlers.asgi import ASGIHandler

from jobs.api import stream

AT_ONCE = 24  # fewer than there are database connections; 200 clients are served as fast as without, and more evenly

_WAITS = re.compile(r"/api/v1/jobs/[^/]+/?")  # of these, a request may wait


class BoundedHandler(ASGIHandler):
    """Django's handler, bounded from when a request has come in whole until its answer begins.

    So neither a client that sends slowly nor one that reads slowly holds a place. One that waits for a job to change
    needs none: that is bounded by itself. Event streams are sent when Django is done with them, from one hub.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        super().__init__()
        self._places = asyncio.Semaphore(at_once)
        self._hub = stream.new_hub()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope = stream.with_hub(scope, self._hub)
        await super().__call__(scope, receive, send)
        await stream.tell(scope, receive, send)

    async def get_response_async(self, request: Any) -> Any:
        if request.method == "GET" and _WAITS.fullmatch(request.path_info) and "wait" in request.GET:
            return await super().get_response_async(request)
        async with self._places:
            return await super().get_response_async(request)

    async def run_get_response(self, request: Any) -> Any:
        response = await super().run_get_response(request)
        if isinstance(response, stream.EventStream):
            stream.keep(request, response)
        return response

    async def send_response(self, response: Any, send: Any) -> None:
        if not isinstance(response, stream.EventStream):
            await super().send_response(response, send)
