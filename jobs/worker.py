"""Owns running jobs: claims one, runs it in a child process under a lease, and turns the outcome into a transition."""

import logging
import selectors
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from jobs.housekeeping import discard, stored_prefix, work_dir
from jobs.identity import WorkerIdentity
from jobs.models import CANCEL_CHANNEL, LEASE, Asset, Job, Video
from media_services import pipeline, storage
from media_services.errors import DocumentError, ErrorCode, MediaError
from media_services.movie.reading import Movie, read
from media_services.process import Fork, Send
from media_services.stage import Stage, overall

log = logging.getLogger(__name__)
_LOOK_S = 1.0  # how often the job's row is looked at, should a notification be lost
_BEAT_S = 5.0
_QUICK_S = 0.5
_SEND_S = 0.1
_OUTAGE_S = 0.5
_CLIENT_DETAIL_CHARS = 4_000


class Drain:
    """Whether this process has been told to stop, and until when work may still run."""

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
        return self.deadline is not None and time.monotonic() >= self.deadline


drain = Drain()
cluster_id: UUID | None = None  # set by the cluster before it forks its workers


def run_due_jobs() -> None:
    """Claim and run jobs until none is due; what a django-q2 token calls. Never raises but for the process's end."""
    identity = WorkerIdentity.current(cluster_id)
    while not drain.has_begun:
        try:
            job = Job.objects.claim(identity)
            if job is None:
                return
            run_job(job)
        except DatabaseError as problem:
            log.warning("the database does not answer: %s", problem)
            connection.close()
            return


def run_job(job: Job) -> None:
    """Run a claimed job to the end of this attempt; no file of it stays but what was published."""
    workdir = _workdir(job)
    run = _Run(job, workdir)
    try:
        run.supervise()
    finally:
        run.clean_up()


def _workdir(job: Job) -> Path:
    work_dir().mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{job.pk}-{job.attempt}-", dir=work_dir()))


class Ended(Exception):
    """The attempt is over for another reason than that its work ended."""


class _Run:
    """One attempt at a job: a child that does the work, and this process, which watches, reports and kills."""

    def __init__(self, job: Job, workdir: Path) -> None:
        self.job, self.workdir = job, workdir
        self.prefix = stored_prefix(job)
        self.stage: str = Stage.FETCHING
        self.progress = 0
        self.result: dict[str, Any] | None = None
        self.cancel_noticed = False
        self.listening_to: Any = None
        self.heard_at = self.beaten_at = self.looked_at = time.monotonic()
        self.beaten: tuple[str, int] = (self.stage, self.progress)
        self.deadline = time.monotonic() + settings.VIDEOCRAFT.job_process_timeout.total_seconds()

    def supervise(self) -> None:
        """Start the work, watch it to its end, and write down how it ended."""
        try:
            local = local_sources(self.job)
            child = Fork(lambda send: work(self.job, self.workdir, self.prefix, local, send))
        except (MediaError, OSError) as problem:
            self.fail(_error_of(problem))
            return
        try:
            self.watch(child)
        except Ended as ended:
            log.info("job %s attempt %s: %s", self.job.pk, self.job.attempt, ended)
            return
        finally:
            child.close()
        self.conclude(child)

    def watch(self, child: Fork) -> None:
        """Wait for the child's end; raise Ended after killing it for a cancel, a fence, a deadline or a drain."""
        with selectors.DefaultSelector() as selector:
            selector.register(child.read_fd, selectors.EVENT_READ)
            selector.register(child.pidfd, selectors.EVENT_READ)
            while not child.has_ended():
                listening = self.listen()
                if listening is not None:
                    selector.register(listening, selectors.EVENT_READ)
                selector.select(0.25)
                if listening is not None:
                    selector.unregister(listening)
                self.hear(child)
                self.check(child)
        self.hear(child)

    def hear(self, child: Fork) -> None:
        for message in child.messages():
            self.heard_at = time.monotonic()
            if "stage" in message:
                self.stage, self.progress = message["stage"], max(self.progress, message["percent"])
            else:
                self.result = message

    def check(self, child: Fork) -> None:
        """Do what is due: report and prolong the lease, honour a cancel, the deadline and the drain."""
        now = time.monotonic()
        self.beat_if_due(child, now)
        if self.cancel_noticed or now - self.looked_at >= _LOOK_S:
            self.look(child)
        if now > self.deadline:
            child.kill()
            minutes = settings.VIDEOCRAFT.job_process_timeout
            self.fail({"code": ErrorCode.TIMEOUT, "message": f"the job ran longer than {minutes}", "retryable": False})
            raise Ended("timed out")
        if drain.is_over:
            child.kill()
            insist(lambda: Job.objects.release(self.job))
            raise Ended("released")

    def beat_if_due(self, child: Fork, now: float) -> None:
        """Write progress and prolong the lease: at least every few seconds, soon when there is something to tell."""
        most = min(settings.VIDEOCRAFT.job_progress_update_interval.total_seconds(), _BEAT_S)
        news = (self.stage, self.progress) != self.beaten
        if now - self.beaten_at < (min(_QUICK_S, most) if news else most):
            return
        if now - self.heard_at > 60:
            return  # work that does not tick does not beat: its lease runs out
        self.beaten_at, self.beaten = now, (self.stage, self.progress)
        try:
            held = Job.objects.beat(self.job, stage=self.stage, progress=self.progress)
        except DatabaseError as problem:
            log.warning("job %s: could not beat: %s", self.job.pk, problem)
            connection.close()
            return
        if not held:
            child.kill()
            raise Ended("fenced: another attempt has the job")

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
            child.kill()
            insist(lambda: Job.objects.cancelled_by_worker(self.job))
            raise Ended("cancelled")

    def listen(self) -> Any:
        """Return the database's socket, on which cancels are heard; None while the database is away."""
        try:
            connection.ensure_connection()
            raw = connection.connection
            if raw is not self.listening_to:
                raw.execute(f"LISTEN {CANCEL_CHANNEL}")
                self.listening_to = raw
            if any(notification.payload == str(self.job.pk) for notification in raw.notifies(timeout=0)):
                self.cancel_noticed = True
        except DatabaseError:
            connection.close()
            return None
        return raw

    def conclude(self, child: Fork) -> None:
        """Turn the child's last word into a transition.

        What fails while this process is told to stop may well have been stopped too, by whoever signals all processes
        of a service at once; it is given back rather than charged.
        """
        failed = self.result is None or "error" in self.result
        if failed and drain.has_begun:
            insist(lambda: Job.objects.release(self.job))
        elif self.result is None:
            message = f"the work's process died (exit code {child.exit_code})"
            self.fail({"code": ErrorCode.WORKER_LOST, "message": message, "retryable": True}, exit_code=child.exit_code)
        elif "error" in self.result:
            self.fail(self.result["error"], exit_code=child.exit_code, stderr_tail=self.result["detail"])
        else:
            self.publish(self.result)

    def publish(self, result: Mapping[str, Any]) -> None:
        """Complete the job with its videos, or leave it to the attempt that has it now."""
        expires_at = timezone.now() + settings.VIDEOCRAFT.job_status_retention
        videos = [
            Video(job=self.job, owner_id=self.job.owner_id, project=number, expires_at=expires_at, **film)
            for number, film in enumerate(result["films"])
        ]
        warnings = [*self.job.warnings, *result["warnings"]]
        if not insist(lambda: Job.objects.complete(self.job, videos, warnings)):
            insist(lambda: Job.objects.cancelled_by_worker(self.job))

    def fail(self, error: dict[str, Any], **facts: Any) -> None:
        if not insist(lambda: Job.objects.fail(self.job, error, **facts)):
            insist(lambda: Job.objects.cancelled_by_worker(self.job))

    def clean_up(self) -> None:
        """Remove the working directory, and what was stored but not published.

        The database is asked what was: a completion may have been committed by an answer that was lost. While it
        does not answer nothing is removed.
        """
        shutil.rmtree(self.workdir, ignore_errors=True)
        try:
            published = insist(lambda: Video.objects.filter(job=self.job, file__startswith=self.prefix).exists())
        except DatabaseError as problem:
            log.warning("job %s: could not ask whether %s is published: %s", self.job.pk, self.prefix, problem)
            return
        if not published:
            discard(self.job)


def insist(transition: Callable[[], bool]) -> bool:
    """Try a transition for as long as the lease can still be ours while the database is away; return its answer."""
    deadline = time.monotonic() + LEASE.total_seconds()
    while True:
        try:
            return transition()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(_OUTAGE_S)


def local_sources(job: Job) -> dict[str, Path]:
    """Return the local file of each `asset:` source of a job; raise MediaError for one that is gone."""
    movie = read(job.config)
    wanted = {src: path for src, path in movie.sources() if src.startswith("asset:")}
    assets = Asset.objects.visible_to(job.owner).in_bulk({src.removeprefix("asset:") for src in wanted})
    local = {}
    for src, path in wanted.items():
        asset = assets.get(UUID(src.removeprefix("asset:")))
        if asset is None:
            raise MediaError(ErrorCode.DOWNLOAD_FAILED, f"{src} was deleted after the job was posted", path=path)
        local[src] = Path(default_storage.path(asset.file.name))
    return local


def work(job: Job, workdir: Path, prefix: str, local: Mapping[str, Path], send: Send) -> None:
    """Do a job's work, in the forked child: produce and store the films, sending progress and the outcome."""
    sent_at = 0.0

    def checkpoint(stage: Stage, fraction: float) -> None:
        nonlocal sent_at
        if time.monotonic() - sent_at >= _SEND_S or fraction >= 1:
            sent_at = time.monotonic()
            send({"stage": stage, "percent": min(int(fraction * 100), 99)})

    try:
        movie: Movie = read(job.config, strict=job.strict)
        production = pipeline.produce(movie, workdir, checkpoint, local=local)
        films = storage.store(
            production.films, prefix, lambda fraction: checkpoint(Stage.STORING, overall(Stage.STORING, fraction))
        )
        warnings = [warning.as_json() for warning in production.warnings]
        send({"films": [film.as_json() for film in films], "warnings": warnings})
    except Exception as problem:  # noqa: BLE001 - the one place that turns any exception into a failed attempt
        detail = problem.detail if isinstance(problem, MediaError) else traceback.format_exc()
        log.log(logging.INFO if isinstance(problem, MediaError) else logging.ERROR, "job %s failed: %s", job.pk, detail)
        send({"error": _error_of(problem), "detail": detail[-8000:]})


def _error_of(problem: Exception) -> dict[str, Any]:
    """Return what the client is told of an exception."""
    if isinstance(problem, MediaError):
        error = {"code": problem.code, "message": problem.message, "retryable": problem.retryable}
        if problem.path is not None:
            error["path"] = problem.path
        if problem.code == ErrorCode.FFMPEG_FAILED and problem.detail:
            error["detail"] = problem.detail[-_CLIENT_DETAIL_CHARS:]
        return error
    if isinstance(problem, DocumentError):
        return {"code": ErrorCode.INVALID_INPUT, "message": str(problem), "retryable": False}
    if isinstance(problem, OSError) and problem.errno:
        message = f"the work's disk failed it: {problem.strerror}"
        return {"code": ErrorCode.STORAGE_FAILED, "message": message, "retryable": True}
    return {"code": ErrorCode.INTERNAL_ERROR, "message": "something in the service failed", "retryable": True}
