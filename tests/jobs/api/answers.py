"""Says what an answer of the API is, in one comparable value."""

import uuid
from typing import Any

from django.http import HttpResponse

NOBODY = str(uuid.UUID(int=7))


def refusal(response: HttpResponse) -> tuple[int, str]:
    """Return the status and code of an error, having checked that it has the form of one."""
    body: dict[str, Any] = response.json()
    assert list(body) == ["error", "code", "details", "request_id"]
    assert body["error"]
    assert body["request_id"] == response["X-Request-ID"]
    return response.status_code, body["code"]


def problems(response: HttpResponse) -> list[tuple[str, str]]:
    """Return the place and code of each problem of an INVALID_INPUT."""
    assert refusal(response) == (400, "INVALID_INPUT"), response.content
    return [(problem["path"], problem["code"]) for problem in response.json()["details"]]
