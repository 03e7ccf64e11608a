"""A web process works on so many requests at once; those that wait for a job to change are not among them."""

import asyncio

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test import AsyncRequestFactory

from jobs.api.bounded import BoundedHandler


@pytest.fixture
def most_at_once(monkeypatch):
    """Send requests for some paths all at once to a handler that works on two; return how many it worked on at most."""
    counts = [0]

    async def work(self, request):
        counts.append(counts[-1] + 1)
        await asyncio.sleep(0.01)
        counts.append(counts[-1] - 1)
        return HttpResponse()

    async def send(paths, method):
        handler, factory = BoundedHandler(at_once=2), AsyncRequestFactory()
        requests = (factory.generic(method, path) for path in paths)
        return await asyncio.gather(*(handler.get_response_async(request) for request in requests))

    def ask(*paths, method="GET"):
        assert len(asyncio.run(send(paths, method))) == len(paths)
        return max(counts)

    monkeypatch.setattr(ASGIHandler, "get_response_async", work)
    return ask


def test_no_more_requests_are_worked_on_at_once_and_all_are_answered(most_at_once):
    assert most_at_once(*["/api/v1/jobs"] * 7) == 2


@pytest.mark.parametrize("path", ["/api/v1/jobs?wait", "/health?wait=60", "/api/v1/jobs/x/events?wait=60"])
def test_nothing_else_waits_whatever_it_says(most_at_once, path):
    assert most_at_once(*[path] * 7) == 2


def test_a_post_does_not_wait(most_at_once):
    assert most_at_once(*["/api/v1/jobs/x?wait=60"] * 7, method="POST") == 2


def test_who_waits_for_a_job_takes_no_place(most_at_once):
    assert most_at_once("/api/v1/jobs/x?wait=60", "/api/v1/jobs/y?wait=60", *["/api/v1/jobs"] * 3) == 4
