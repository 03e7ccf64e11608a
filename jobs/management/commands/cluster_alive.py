"""`manage.py cluster_alive`: the health check of a worker's container."""

import socket
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now

from jobs.models import Cluster

_SILENCE = timedelta(seconds=30)


class Command(BaseCommand):
    """Exits with 0 when a cluster of this host has beaten lately, and with 1 and the reason when none has."""

    help = "Say whether a worker cluster is alive on this host."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        host = socket.gethostname()
        alive = Cluster.objects.filter(host=host, heartbeat_at__gt=Now() - _SILENCE).count()
        if not alive:
            raise CommandError(f"no cluster on {host} has beaten for {_SILENCE.seconds} s")
        self.stdout.write(f"{alive} alive on {host}")
