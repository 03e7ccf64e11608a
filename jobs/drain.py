"""Owns whether this process has been told to stop, and until when work may still run."""

import time

from django.conf import settings


class Drain:
    """A stop that lets running work go on for a while."""

    def __init__(self) -> None:
        self.deadline: float | None = None

    def begin(self, *_: object) -> None:
        """Claim nothing more; let running work go on for a while. For a signal handler: it only sets a number."""
        if self.deadline is None:
            self.deadline = time.monotonic() + settings.VIDEOCRAFT.drain_seconds

    @property
    def has_begun(self) -> bool:
        return self.deadline is not None

    @property
    def is_over(self) -> bool:
        return self.is_over_for(0)

    def is_over_for(self, seconds: float) -> bool:
        """Return whether the time for running work has been up for so long."""
        return self.deadline is not None and time.monotonic() >= self.deadline + seconds

    def begins_within(self, seconds: float) -> bool:
        """Return whether this process has been told to stop, waiting a moment for it."""
        until = time.monotonic() + seconds
        while not self.has_begun and time.monotonic() < until:
            time.sleep(0.01)
        return self.has_begun


drain = Drain()
