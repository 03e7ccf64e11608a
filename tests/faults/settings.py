"""The project's settings for clusters in tests of faults: what they wait for a minute for, they wait for seconds."""

from videocraft.settings import *  # noqa: F403
from videocraft.settings import INSTALLED_APPS, Q_CLUSTER

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.apps.Hurry"]
Q_CLUSTER = {**Q_CLUSTER, "guard_cycle": 0.3}  # with which django-q2's own time limit never fires
