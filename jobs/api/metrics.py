"""Owns the address of the service's figures."""

from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.openapi import documented, failures
from jobs.api.serializers import MetricsSerializer
from jobs.api.view import ApiView
from jobs.metrics import measure


class Metrics(ApiView):
    @documented(operation_id="get_metrics", responses={200: MetricsSerializer, **failures()})
    def get(self, request: Request) -> Response:
        """Return how the whole service does: numbers only, the same for everyone who is logged in."""
        return Response(measure())
