"""An application without models that shortens the patience of the cluster it is in."""

from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings

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
        if settings.VIDEOCRAFT.s3_bucket:
            from media_services import bucket

            bucket.CONTENT = bucket.CONTENT_THAT_CAN_BE_MADE_AGAIN = bucket._CONTROL = bucket.Patience(1, 1, 2)
            bucket._PART_BYTES = 5 * 1024**2  # less is no part for S3
            bucket._AWAY_S = bucket._AWAY_FOR_RESULTS_S = 1.0
