"""Owns the addresses of the service's figures: those of the API, and what Prometheus reads."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from prometheus_client.exposition import choose_encoder
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.openapi import documented, failures, public_failures
from jobs.api.serializers import MetricsSerializer
from jobs.api.view import ApiView
from jobs.exporting import REGISTRY
from jobs.metrics import measure

_SCRAPE = OpenApiResponse(OpenApiTypes.STR, description="Every figure by its name; docs/metrics.md says what they are.")


class Metrics(ApiView):
    @documented(operation_id="get_metrics", responses={200: MetricsSerializer, **failures()})
    def get(self, request: Request) -> Response:
        """Return how the whole service does: numbers only, the same for everyone who is logged in."""
        return Response(measure())


class Scrape(ApiView):
    """What Prometheus reads: for everyone, for who has a token, or for nobody, as `VIDEOCRAFT_METRICS` says."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if settings.VIDEOCRAFT.metrics == "closed":
            raise Http404
        super().initial(request, *args, **kwargs)

    def get_authenticators(self) -> Any:
        return super().get_authenticators() if settings.VIDEOCRAFT.metrics == "token" else []

    def get_permissions(self) -> Any:
        return super().get_permissions() if settings.VIDEOCRAFT.metrics == "token" else []

    @documented(
        operation_id="scrape_metrics",
        auth=[],
        responses={
            (200, "text/plain"): _SCRAPE,
            (200, "application/openmetrics-text"): _SCRAPE,
            **public_failures(401, 404),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Return every figure in Prometheus's text format, or in OpenMetrics if that is accepted; none is of any owner.

        It needs no token unless the service is set to ask for one, and may be switched off, which is 404.
        """
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(REGISTRY), content_type=content_type)
