"""An application without models that shortens the patience of the cluster it is in."""

from datetime import timedelta

from django.apps import AppConfig

STUCK_S = 2.0
STARVED_S = 8.0  # later, as for a cluster that is not hurried: what is stuck is replaced before jobs starve of it
KILL_MARGIN_S = 6.0  # more than the 5 s that a sentinel has for the others once the workers are gone


class Hurry(AppConfig):
    name = "tests.faults"
    label = "hurry"

    def ready(self) -> None:
        from jobs import cluster, housekeeper

        housekeeper.STARVED = timedelta(seconds=STARVED_S)
        cluster._STUCK_S = STUCK_S
        cluster._KILL_MARGIN_S = KILL_MARGIN_S
