"""Tells a job's story in the terminal."""

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import retelling
from jobs.models import Job, JobEvent

_LOOK_S = 1.0


class Command(BaseCommand):
    """Writes what is known of a job; with --follow, also what comes, until the job has ended."""

    help = "Tell a job's story: its state, events, attempts with their stages, segments and why they were made, error."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="the job's")
        parser.add_argument("--follow", action="store_true", help="wait for more until the job has ended")

    def handle(self, *args: Any, id: str, follow: bool = False, **options: Any) -> None:
        job = self._find(id)
        self._write(retelling.head(job))
        self._write(["", "Events"])
        last = self._write_events(job, 0)
        try:
            while follow and not job.is_terminal:
                time.sleep(_LOOK_S)
                job.refresh_from_db()  # before its events are read, so that none of an ended job is missed
                last = self._write_events(job, last)
        except KeyboardInterrupt:
            self.stdout.write("")
        except Job.DoesNotExist:
            raise CommandError("the job has been deleted meanwhile") from None
        for part in (retelling.attempts, retelling.films, retelling.error):
            self._write(part(job))

    def _find(self, text: str) -> Job:
        try:
            found = Job.objects.select_related("owner").filter(pk=UUID(text)).first()
        except ValueError:
            found = None
        if found is None:
            raise CommandError(f"there is no job {text!r}")
        return found

    def _write_events(self, job: Job, last: int) -> int:
        """Write the events after one; return the id of the last."""
        for event in JobEvent.objects.filter(job=job, id__gt=last).order_by("id").iterator():
            self._write(retelling.event_lines(event))
            last = event.pk
        self.stdout.flush()
        return last

    def _write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)
