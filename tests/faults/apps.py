"""An application without models that shortens the patience of the cluster it is in."""

from datetime import timedelta

from django.apps import AppConfig

PATIENCE_S = 3.0


class Hurry(AppConfig):
    name = "tests.faults"
    label = "hurry"

    def ready(self) -> None:
        from jobs import cluster, housekeeper

        housekeeper.STARVED = timedelta(seconds=PATIENCE_S)
        cluster._STUCK_S = PATIENCE_S
