"""Owns one attempt at a job: a child does the work; this process watches, reports, kills, and writes how it ended."""

import contextlib
import logging
import selectors
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from jobs.cores import Cores
from jobs.drain import drain
from jobs.housekeeping import cores_dir, discard, help_mark_of, mark_of, stored_prefix, work_dir
from jobs.listening import listening, stop_listening
from jobs.models import CANCEL_CHANNEL, Job, Total, Video
from jobs.story import Story
from jobs.work import error_of, local_sources, work
from media_services import pipeline
from media_services.confinement import Limits, asked_for, confine
from media_services.errors import ErrorCode, MediaError
from media_services.process import Fork
from media_services.recogniser import Recogniser
from media_services.stage import PATIENCE, Stage

log = logging.getLogger(__name__)
_TURN_S = 0.25
_LOOK_S = 1.0  # how often the job's row is looked at, should a notification be lost
_BEATS = 6  # in a lease
_QUICK_S = 0.5
_MEASURE_S = 0.5
_OUTAGE_S = 0.5
_LAST_WORD_S = 5.0  # how long after its drain a worker still tries to say how its work ended
_GAP_S = 5.0  # a longer turn than this was not the work's doing: this process stood still, or the database
_SIGNAL_S = 0.3


class Ended(Exception):
    """The attempt is over for another reason than that its work ended."""


class Run:
    """One attempt at a claimed job."""

    def __init__(self, job: Job, recogniser: Recogniser) -> None:
        now = time.monotonic()
        self.job = job
        self.recogniser = recogniser
        self.prefix = stored_prefix(job)
        self.cores: Cores | None = None
        self.stage, self.fraction, self.progress = Stage.FETCHING, 0.0, 0
        self.result: dict[str, Any] | None = None
        self.cancel_noticed = False
        self.began_at = self.moved_at = self.turned_at = self.beaten_at = self.looked_at = self.measured_at = now
        self.open_pieces = 0
        self.beaten = self.news()
        self.stage_began_at = now
        self.stage_seconds: dict[str, float] = {}
        self.memory_peak_bytes = 0
        self.story = Story(job, job.worker_name)
        self.configuration = settings.VIDEOCRAFT

    def supervise(self) -> None:
        """Start the work, watch it to its end, and write down how it ended."""
        try:
            child = self.start()
        except (MediaError, OSError) as problem:
            self.fail(error_of(problem))
            return
        try:
            self.watch(child)
        except Ended as ended:
            log.info("%s", ended)
        else:
            self.conclude(child)
        finally:
            self.hear(child)
            child.close()

    def start(self) -> Fork:
        """Fork the child that does the work, in a directory and on cores of its own."""
        work_dir().mkdir(parents=True, exist_ok=True)
        workdir = Path(tempfile.mkdtemp(prefix=f"{mark_of(self.job)}-", dir=work_dir()))
        cores = Cores(cores_dir(), self.configuration.cores_per_job)
        self.cores = cores
        local = local_sources(self.job)
        limits = Limits(memory_bytes=asked_for(self.configuration.job_memory_limit))
        pipeline.get_ready()

        def target(send: Callable[[dict[str, Any]], None]) -> None:
            cores.pin()
            confine(limits, offline=False)
            work(self.job, workdir, self.prefix, local, send, self.recogniser.lent(send))

        return Fork(target, mark_of(self.job))

    def watch(self, child: Fork) -> None:
        """Wait for the child's end; raise Ended after killing it for a cancel, a fence, a limit or a drain."""
        with selectors.DefaultSelector() as selector:
            selector.register(child.read_fd, selectors.EVENT_READ)
            selector.register(child.pidfd, selectors.EVENT_READ)
            while not child.has_ended():
                listening = self.listen()
                if listening is not None:
                    selector.register(listening, selectors.EVENT_READ)
                selector.select(0 if self.cancel_noticed else _TURN_S)
                if listening is not None:
                    selector.unregister(listening)
                self.hear(child)
                if child.is_silent and child.read_fd in selector.get_map():
                    selector.unregister(child.read_fd)  # else its end would wake us again and again
                self.check(child)
        self.hear(child)

    def hear(self, child: Fork) -> None:
        """Take in what the child has sent."""
        for message in child.messages():
            self.moved_at = time.monotonic()
            if "recogniser" in message:
                self.recogniser.told(message["recogniser"])
            elif "stage" in message:
                self.enter(Stage(message["stage"]))
                self.fraction = message["fraction"]
                self.progress = max(self.progress, min(int(self.fraction * 100), 99))
            elif "open_pieces" in message:
                self.open_pieces = message["open_pieces"]
            elif "step" in message or "plan" in message:
                self.story.hear(message)
            else:
                self.result = message

    def enter(self, stage: Stage) -> None:
        """Note how long each stage took."""
        if stage != self.stage:
            now = time.monotonic()
            self.stage_seconds[self.stage] = round(now - self.stage_began_at, 3)
            self.story.hear({"stage": stage, "seconds": self.stage_seconds[self.stage]})
            self.stage, self.stage_began_at = stage, now

    def check(self, child: Fork) -> None:
        """Do what is due: report and prolong the lease; honour a cancel, the limits and the drain."""
        now = time.monotonic()
        if now - self.turned_at > _GAP_S:
            self.moved_at = now
        self.turned_at = now
        self.recogniser.tend()
        self.beat_if_due(child, now)
        if self.cancel_noticed or now - self.looked_at >= _LOOK_S:
            self.look(child)
        self.check_time(child, now)
        if now - self.measured_at >= _MEASURE_S:
            self.check_memory(child, now)
        if drain.is_over:
            self.kill(child)
            self.release()
            raise Ended("released: this worker stops")

    def check_time(self, child: Fork, now: float) -> None:
        """Fail work that takes too long, or in which nothing has moved for too long."""
        most = self.configuration.job_process_timeout
        if now - self.began_at > most.total_seconds():
            self.stop(child, ErrorCode.TIMEOUT, f"the job ran longer than {most}", retryable=False)
        patience_s = self.configuration.job_stall_timeout.total_seconds() * PATIENCE[self.stage]
        if now - self.moved_at > patience_s:
            message = f"nothing moved for {patience_s:g} s while {self.stage}, at {self.fraction:.1%}"
            self.stop(child, ErrorCode.TIMEOUT, message, retryable=True)

    def check_memory(self, child: Fork, now: float) -> None:
        """Fail work whose processes together hold more memory than a job may."""
        self.measured_at = now
        held = child.memory_bytes() + self.recogniser.call_memory_bytes()
        self.memory_peak_bytes = max(self.memory_peak_bytes, held)
        most = self.configuration.job_memory_limit
        if held > most:
            message = f"the work took {held:,} bytes of memory while {self.stage}; {most:,} are allowed"
            self.stop(child, ErrorCode.MEMORY_LIMIT, message, retryable=False)

    def kill(self, child: Fork) -> None:
        """End the work, and the recogniser if it listens for it."""
        child.kill()
        self.hear(child)
        self.recogniser.end_call()

    def stop(self, child: Fork, code: ErrorCode, message: str, *, retryable: bool) -> NoReturn:
        self.kill(child)
        self.fail({"code": code, "message": message, "retryable": retryable}, exit_code=child.exit_code)
        raise Ended(message)

    def beat_if_due(self, child: Fork, now: float) -> None:
        """Write progress and prolong the lease: at least every few seconds, soon when there is something to tell."""
        lease_s = self.configuration.job_lease.total_seconds()
        most = min(self.configuration.job_progress_update_interval.total_seconds(), lease_s / _BEATS)
        news = self.news()
        if now - self.beaten_at < (min(_QUICK_S, most) if news != self.beaten else most):
            return
        self.beaten_at, self.beaten = now, news
        try:
            held = Job.objects.beat(self.job, stage=self.stage, progress=self.progress, open_pieces=self.open_pieces)
        except DatabaseError as problem:
            log.warning("could not beat: %s", problem)
            connection.close()
            return
        if not held:
            self.kill(child)
            note_fenced()
            raise Ended("fenced: another attempt has the job, or it is gone")
        self.story.flush()

    def news(self) -> tuple[str, int, bool]:
        """Return what is told soon when it changes."""
        return self.stage, self.progress, self.open_pieces > 0

    def look(self, child: Fork) -> None:
        """Look whether a cancel is wished, and if so kill the work and say that it is done."""
        self.looked_at, self.cancel_noticed = time.monotonic(), False
        try:
            row = Job.objects.filter(pk=self.job.pk).held(self.job.attempt)
            wished = row.filter(cancel_requested_at__isnull=False).exists()
        except DatabaseError:
            connection.close()
            return
        if wished:
            self.kill(child)
            insist(lambda: self.told(lambda: Job.objects.cancelled_by_worker(self.job, **self.facts())))
            raise Ended("cancelled")

    def listen(self) -> Any:
        """Return the database's socket, on which cancels are heard; None while the database is away."""
        try:
            with listening(CANCEL_CHANNEL) as raw:
                if any(notification.payload == str(self.job.pk) for notification in raw.notifies(timeout=0)):
                    self.cancel_noticed = True
                return raw
        except (DatabaseError, OSError):
            connection.close()
            return None

    def conclude(self, child: Fork) -> None:
        """Turn the child's last word into a transition.

        What fails as this process is told to stop may well have been stopped too, by whoever signals all processes
        of a service at once; it is given back rather than charged.
        """
        self.recogniser.end_call()
        if self.result is not None and "films" in self.result:
            self.publish(self.result)
        elif drain.begins_within(_SIGNAL_S if self.may_have_been_stopped() else 0):
            self.release()
        elif self.result is None:
            message = f"the work's process died (exit code {child.exit_code})"
            self.fail({"code": ErrorCode.WORKER_LOST, "message": message, "retryable": True}, exit_code=child.exit_code)
        else:
            self.fail(self.result["error"], exit_code=child.exit_code, stderr_tail=self.result["detail"])

    def may_have_been_stopped(self) -> bool:
        return self.result is None or bool(self.result["error"]["retryable"])

    def publish(self, result: Mapping[str, Any]) -> None:
        """Complete the job with its videos, or leave it to the attempt that has it now."""
        expires_at = timezone.now() + self.configuration.job_status_retention
        videos = [
            Video(job=self.job, owner_id=self.job.owner_id, project=number, expires_at=expires_at, **film)
            for number, film in enumerate(result["films"])
        ]
        warnings = [*self.job.warnings, *result["warnings"]]
        self.end("completed", lambda facts: Job.objects.complete(self.job, videos, warnings, **facts))

    def fail(self, error: dict[str, Any], **facts: Any) -> None:
        what = f"failed: {error['code']} {error['message']}"
        self.end(what, lambda more: Job.objects.fail(self.job, error, **facts, **more))

    def release(self) -> None:
        self.end("released", lambda facts: Job.objects.release(self.job, **facts))

    def end(self, what: str, transition: Callable[[dict[str, Any]], bool]) -> None:
        """Write how the attempt ended; a cancel that was asked for meanwhile goes before."""
        facts = self.facts()
        if insist(lambda: self.told(lambda: transition(facts))):
            log.info("%s after %.2f s", what, time.monotonic() - self.began_at)
        elif insist(lambda: Job.objects.cancelled_by_worker(self.job, **facts)):
            log.info("cancelled as it ended (%s)", what)
        else:
            log.warning("fenced: nothing is written of what it came to (%s)", what)
            note_fenced()

    def told(self, transition: Callable[[], bool]) -> bool:
        """Write the rest of the story, and after it the transition that ends it."""
        self.story.flush()
        return transition()

    def facts(self) -> dict[str, Any]:
        """Return what the history keeps of this attempt."""
        last = {str(self.stage): round(time.monotonic() - self.stage_began_at, 3)}
        return {"stage_seconds": self.stage_seconds | last, "memory_peak_bytes": self.memory_peak_bytes or None}

    def clean_up(self) -> None:
        """Remove the working directories, and what was stored but not published.

        The database is asked what was: a completion may have been committed by an answer that was lost. While it
        does not answer nothing is removed; housekeeping will.
        """
        with contextlib.suppress(DatabaseError):
            stop_listening(CANCEL_CHANNEL)
        if self.cores is not None:
            self.cores.give_back()
        is_done = self.result is not None and "films" in self.result
        for mark in [mark_of(self.job), *[help_mark_of(self.job)] * is_done]:  # those of helpers, who are done as well
            for folder in work_dir().glob(f"{mark}-*"):
                shutil.rmtree(folder, ignore_errors=True)
        if self.stage != Stage.STORING:
            return
        try:
            published = insist(lambda: Video.objects.filter(job=self.job, file__startswith=self.prefix).exists())
        except DatabaseError as problem:
            log.warning("could not ask whether %s is published: %s", self.prefix, problem)
            return
        if not published:
            discard(self.job)


def note_fenced() -> None:
    """Count that the fence kept an attempt from writing, if the database can be told."""
    try:
        Total.objects.note("fenced_attempts")
    except DatabaseError as problem:
        log.warning("could not count that: %s", problem)
        connection.close()


def insist(transition: Callable[[], bool]) -> bool:
    """Try a transition until the database answers; return its answer. Gives up only when this process is to end.

    However long that takes, the fence keeps a transition that comes too late from doing anything.
    """
    while True:
        try:
            return transition()
        except (OperationalError, InterfaceError) as problem:
            if drain.is_over_for(_LAST_WORD_S):
                raise
            log.warning("the database does not answer: %s", problem)
            connection.close()
            time.sleep(_OUTAGE_S)
