"""The health check of a worker's container."""

import io
import socket
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from jobs.models import Cluster

pytestmark = pytest.mark.django_db


def test_a_cluster_that_beats_on_this_host_is_alive():
    Cluster.objects.create(host=socket.gethostname(), pid=1, workers=2)
    said = io.StringIO()

    call_command("cluster_alive", stdout=said)

    assert said.getvalue() == f"1 alive on {socket.gethostname()}\n"


def test_a_cluster_that_stopped_beating_is_not_alive():
    Cluster.objects.create(host=socket.gethostname(), pid=1, workers=2, heartbeat_at=Now() - timedelta(seconds=31))

    with pytest.raises(CommandError, match=r"no cluster on .* has beaten for 30 s"):
        call_command("cluster_alive")


def test_a_cluster_of_another_host_does_not_count():
    Cluster.objects.create(host="elsewhere", pid=1, workers=2)

    with pytest.raises(CommandError):
        call_command("cluster_alive")
