"""Owns helping: a worker that has no job of its own makes pieces of a film that another worker renders."""

import logging
import selectors
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from jobs import logs
from jobs.claims import Claims
from jobs.cores import Cores
from jobs.drain import drain
from jobs.housekeeping import cores_dir, help_mark_of, mark_of, work_dir
from jobs.identity import WorkerIdentity
from jobs.models import TERMINAL, Job
from jobs.story import Story, message_of
from jobs.work import asking, local_sources
from media_services import assisting, pipeline
from media_services.confinement import Limits, asked_for, confine
from media_services.errors import MediaError
from media_services.journal import FilmPlan, Step, Task
from media_services.movie.reading import read
from media_services.process import Fork, Send
from media_services.sources import Local
from media_services.stage import PATIENCE, Stage

log = logging.getLogger(__name__)
_TURN_S = 0.25
_LOOK_S = 1.0
_FLUSH_S = 2.0
# How long a job is left alone in which there was nothing to do, and one with which this host cannot help.
_REST_S, _LONG_REST_S = 10.0, 1800.0

_left_alone: dict[tuple[Any, int], float] = {}  # attempts in which there was nothing to do, and until when


def help_somebody(worker: WorkerIdentity) -> bool:
    """Help with the job that has the most pieces open, until a job is due or none is left; say if there was one."""
    job = _most_open(worker)
    if job is None:
        return False
    helping = Help(job, worker)
    with logs.about(job):
        helping.supervise()
    if not helping.made:
        _left_alone[job.pk, job.attempt] = time.monotonic() + (_LONG_REST_S if helping.is_unable else _REST_S)
    return True


def _most_open(worker: WorkerIdentity) -> Job | None:
    now = time.monotonic()
    for attempt in [attempt for attempt, until in _left_alone.items() if until <= now]:
        del _left_alone[attempt]
    open_ones = Job.objects.in_want_of_help(worker.labels)[: len(_left_alone) + 1]
    return next((job for job in open_ones if (job.pk, job.attempt) not in _left_alone), None)


class Help:
    """What one worker does for another's attempt at a job; what it made is kept, so that it may stop at any time."""

    def __init__(self, job: Job, worker: WorkerIdentity) -> None:
        now = time.monotonic()
        self.job, self.worker = job, worker
        self.configuration = settings.VIDEOCRAFT
        self.story = Story(job, str(worker))
        self.stage, self.made, self.is_unable = Stage.ANALYZING, 0, False
        self.began_at = self.moved_at = self.looked_at = self.flushed_at = now
        self.is_waited_for = False

    def supervise(self) -> None:
        """Have pieces made until there is a reason to stop."""
        work_dir().mkdir(parents=True, exist_ok=True)
        workdir = Path(tempfile.mkdtemp(prefix=f"{help_mark_of(self.job)}-", dir=work_dir()))
        cores = Cores(cores_dir(), self.configuration.cores_per_job)
        try:
            child = self._start(workdir, cores)
            try:
                self._watch(child)
            finally:
                child.kill()
                self._hear(child)
                child.close()
        except (MediaError, OSError) as problem:
            log.info("cannot help: %s", problem)
        finally:
            cores.give_back()
            shutil.rmtree(workdir, ignore_errors=True)
            self.story.flush()

    def _start(self, workdir: Path, cores: Cores) -> Fork:
        local = local_sources(self.job)
        limits = Limits(memory_bytes=asked_for(settings.VIDEOCRAFT.job_memory_limit))
        pipeline.get_ready()

        def target(send: Send) -> None:
            cores.pin()
            confine(limits, offline=False)
            assist(self.job, workdir, local, send)

        return Fork(target, help_mark_of(self.job))

    def _watch(self, child: Fork) -> None:
        """Wait for the child's end, or end it for a reason to stop."""
        with selectors.DefaultSelector() as selector:
            selector.register(child.pidfd, selectors.EVENT_READ)
            while not child.has_ended():
                selector.select(_TURN_S)
                self._hear(child)
                if reason := self._reason_to_stop(child):
                    log.info("helps no more: %s", reason)
                    return

    def _hear(self, child: Fork) -> None:
        for message in child.messages():
            self.moved_at = time.monotonic()
            if "stage" in message:
                self.stage = Stage(message["stage"])
            elif "unable" in message:
                self.is_unable = True
                log.info("cannot help: %s", message["unable"])
            elif "step" in message:
                self.made += message["step"]["task"] == Task.SEGMENT
                self.story.hear(message)

    def _reason_to_stop(self, child: Fork) -> str | None:
        now = time.monotonic()
        if drain.has_begun:
            return "this worker stops"
        if now - self.began_at > self.configuration.job_process_timeout.total_seconds():
            return "it takes too long"
        if now - self.moved_at > self.configuration.job_stall_timeout.total_seconds() * PATIENCE[self.stage]:
            return "nothing moves"
        if child.memory_bytes() > self.configuration.job_memory_limit:
            return "it takes too much memory"
        try:
            return self._reason_elsewhere(now)
        except DatabaseError as problem:
            log.warning("the database does not answer: %s", problem)
            connection.close()
            return None

    def _reason_elsewhere(self, now: float) -> str | None:
        """Say why to stop: a due job for this worker that no other takes at once, or that the job goes on no longer."""
        due = Job.objects.next_due(self.worker.labels)
        # what is made here serves this job anyway, should it be due again
        was_waited_for, self.is_waited_for = self.is_waited_for, due not in (None, self.job.pk)
        if was_waited_for and self.is_waited_for:
            return "a job is due"
        if now - self.looked_at >= _LOOK_S:
            self.looked_at = now
            job = Job.objects.filter(pk=self.job.pk, cancel_requested_at=None)
            # also when another attempt has it: that finds what is made here
            if not job.exclude(status__in=TERMINAL).exists():
                return "the job goes on no longer"
        if now - self.flushed_at >= _FLUSH_S:
            self.flushed_at = now
            self.story.flush()
        return None


def assist(job: Job, workdir: Path, local: Mapping[str, Local], send: Send) -> None:
    """Make pieces of a job's films, in the forked child; sends {"stage", "fraction"}, {"step"}, or {"unable"}."""

    told: tuple[Stage, float] | None = None

    def checkpoint(stage: Stage, fraction: float) -> None:
        nonlocal told
        if (stage, fraction) != told:  # else nothing has moved
            told = stage, fraction
            send({"stage": stage, "fraction": fraction})

    def journal(entry: Step | FilmPlan) -> None:
        if isinstance(entry, Step) and entry.task in (Task.SEGMENT, Task.SOUND, Task.PREPARE):
            send(message_of(entry))

    movie = read(job.config, strict=job.strict)
    try:
        assisting.assist(
            movie,
            workdir,
            checkpoint,
            local=local,
            asking=asking(job),
            others=Claims(mark_of(job), send),
            journal=journal,
        )
    except assisting.CannotHelp as reason:
        send({"unable": str(reason)})
    except MediaError as problem:
        log.info("could not help: %s %s", problem, problem.detail)
