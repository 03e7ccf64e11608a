"""Owns what the OpenAPI schema says beyond the serializers: the movie document, files, errors and examples."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import TypeAdapter

from jobs.api.serializers import ErrorSerializer, OverQuotaSerializer
from jobs.api.submission import Envelope
from media_services.movie.document import Project

View = TypeVar("View", bound=Callable[..., Any])
_MOVIE: list[Any] = [
    {
        "resolution": "hd",
        "scenes": [
            {
                "elements": [
                    {"type": "image", "src": "https://example.com/hill.jpg", "resize": "cover"},
                    {"type": "audio", "src": "https://example.com/story.mp3"},
                ]
            }
        ],
        "elements": [{"type": "video", "src": "https://example.com/clouds.mp4"}],
    }
]
JOB_EXAMPLES = [
    OpenApiExample("A movie", value=_MOVIE, request_only=True),
    OpenApiExample(
        "An envelope",
        value={"config": _MOVIE, "priority": 5, "client-data": 42, "webhook-url": "https://example.com/films"},
        request_only=True,
    ),
]
_ERRORS = {
    400: ("INVALID_INPUT", "The request is not valid; INVALID_JSON when it is not even JSON."),
    401: ("MISSING_API_KEY", "No API key was sent; INVALID_API_KEY when it is not valid."),
    403: ("FORBIDDEN", "The token's scope is `read`, and this changes something; or a session has no CSRF token."),
    404: ("NOT_FOUND", "There is no such thing, or it is another user's."),
    409: ("CONFLICT", "The job's state does not allow this."),
    410: ("LINK_EXPIRED", "The link was good until a time that has passed."),
    413: ("REQUEST_TOO_LARGE", "The body is larger than allowed."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The content is of no type that is accepted here."),
    416: ("INVALID_INPUT", "The range lies outside the file."),
    422: ("IDEMPOTENCY_MISMATCH", "The `Idempotency-Key` was sent with another body within the last 24 hours."),
    429: (
        "RATE_LIMIT_EXCEEDED",
        "There were too many requests; `Retry-After` says when to send the next one.",
    ),
    503: (
        "UNAVAILABLE",
        "The service is overloaded or its database away; QUEUE_FULL when the queue is full. `Retry-After` says when to "
        "try again.",
    ),
}


class JobRequest:
    """Stands for the body of a request for a job: a project, an array of them, or an envelope around either."""


class JobRequestSchema(OpenApiSerializerExtension):
    """Describes the body by the models that read it."""

    target_class = JobRequest

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return "JobRequest"

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        adapter: TypeAdapter[Any] = TypeAdapter(list[Project] | Project | Envelope)
        schema = adapter.json_schema(ref_template="#/components/schemas/Movie{model}")
        definitions = schema.pop("$defs")
        definitions["Envelope"]["properties"]["config"] = {"anyOf": schema["anyOf"][:2], "title": "Movie"}
        for name, definition in definitions.items():
            component = ResolvedComponent(f"Movie{name}", ResolvedComponent.SCHEMA, definition, f"Movie{name}")
            auto_schema.registry.register_on_missing(component)
        return schema


def documented(**facts: Any) -> Callable[[View], View]:
    """Say in the schema what a view takes and answers; the words are those of `extend_schema`."""
    responses = facts.get("responses")
    if isinstance(responses, dict) and 429 in responses:
        facts["parameters"] = [*facts.get("parameters", []), *_rate_headers()]
    decorate: Callable[[View], View] = extend_schema(**facts)
    return decorate


def _rate_headers() -> list[OpenApiParameter]:
    """Describe what an answer says of a limit, where there is one."""
    meanings = {
        "Limit": "how many requests there are, of this kind",
        "Remaining": "how many are left",
        "Reset": "in how many seconds all will be back, one after another",
    }
    return [
        OpenApiParameter(f"X-RateLimit-{name}", int, OpenApiParameter.HEADER, description=meaning, response=True)
        for name, meaning in meanings.items()
    ]


def failures(*statuses: int, not_found: str = "NOT_FOUND") -> dict[Any, Any]:
    """Describe error answers of a view that needs a login; `not_found` is the code of its 404."""
    return {status: _failure(status, not_found) for status in sorted({401, 403, 429, 503, *statuses})}


def over_quota() -> dict[Any, Any]:
    """Describe the 429 of a view that makes something of which an owner may have so much."""
    description = f"{_ERRORS[429][1]} Or an owner would have more than he may: QUOTA_EXCEEDED."
    details = {"quota": "minutes-per-day", "used": 61.5, "limit": 60, "refills_at": "2030-01-31T12:00:00Z"}
    sentence = "61.5 minutes of film were made within 24 hours, and 60 may be"
    value = {"error": sentence, "code": "QUOTA_EXCEEDED", "details": details, "request_id": "0b7d3c1e9a4f4f5c"}
    example = OpenApiExample("QUOTA_EXCEEDED", value=value, response_only=True, status_codes=["429"])
    return {429: OpenApiResponse(OverQuotaSerializer, description=description, examples=[example])}


def public_failures(*statuses: int, not_found: str = "NOT_FOUND") -> dict[Any, Any]:
    """Describe error answers of a view that needs no login."""
    return {status: _failure(status, not_found) for status in sorted({503, *statuses})}


def _failure(status: int, not_found: str) -> OpenApiResponse:
    code, sentence = _ERRORS[status]
    code = not_found if status == 404 else code
    details = [{"path": "/0/scenes", "code": "missing", "message": sentence}] if status == 400 else None
    value = {"error": sentence, "code": code, "details": details, "request_id": "0b7d3c1e9a4f4f5c"}
    example = OpenApiExample(code, value=value, response_only=True, status_codes=[str(status)])
    return OpenApiResponse(ErrorSerializer, description=sentence, examples=[example])


def file(status: int, media_type: str, description: str) -> dict[Any, Any]:
    """Describe an answer that is a file."""
    return {(status, media_type): OpenApiResponse(OpenApiTypes.BINARY, description=description)}


def text(status: int, media_type: str, description: str) -> dict[Any, Any]:
    """Describe an answer that is text, beside others with the same status."""
    return {(status, media_type): OpenApiResponse(OpenApiTypes.STR, description=description)}


def header(name: str, description: str, *, statuses: tuple[int, ...] = ()) -> OpenApiParameter:
    """Describe a header of the request, or of the answers with `statuses`."""
    response = list(statuses) or False
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, response=response)


def identifier(name: str) -> OpenApiParameter:
    """Describe an id in the path."""
    return OpenApiParameter(name, OpenApiTypes.UUID, OpenApiParameter.PATH)
