"""`manage.py qcluster`: runs the worker cluster until it is told to stop."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connection
from django_q.management.commands import qcluster as stock

from jobs.cluster import JobCluster


class Command(stock.Command):
    """Claims and runs jobs; SIGTERM and Ctrl-C let running jobs go on for VIDEOCRAFT_DRAIN_SECONDS."""

    help = "Run the worker cluster."
    requires_migrations_checks = True
    requires_system_checks: Any = []  # they import the whole web side, which no worker needs

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer none of django-q2's: there is one queue, the jobs table, and it is worked on until a signal comes."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except DatabaseError as problem:
            raise CommandError(f"the database does not answer: {problem}") from problem
        sys.exit(JobCluster().run())
