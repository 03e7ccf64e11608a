"""`manage.py qcluster`: runs the worker cluster until it is told to stop."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from jobs.cluster import JobCluster


class Command(BaseCommand):
    """Claims and runs jobs; SIGTERM and Ctrl-C let running jobs go on for VIDEOCRAFT_DRAIN_SECONDS."""

    help = "Run the worker cluster."

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(JobCluster().run())
