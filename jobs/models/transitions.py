"""Owns the state machine of a job: every transition is one fenced UPDATE, and an event of its story with it."""

import random
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from jobs.identity import WorkerIdentity
from jobs.labels import NO_LABELS, WorkerLabels
from jobs.models import scheduling
from jobs.models.attempt import AttemptOutcome, JobAttempt
from jobs.models.event import EventKind, JobEvent
from jobs.models.labels import listed
from jobs.models.media import Video
from jobs.models.owner import Rendered
from jobs.models.state import CANCEL_CHANNEL, DUE_CHANNEL, EVENTS_CHANNEL, RETRYABLE, TERMINAL, JobStatus, notify
from jobs.models.webhook import WebhookDelivery
from media_services.errors import ErrorCode
from media_services.stage import Stage

if TYPE_CHECKING:
    from jobs.models.job import Job

_LONGEST_DELAY = timedelta(hours=1)
_MOST_CLAIMS = 10  # as often as another may be quicker; then it is left to the next token
_WORTH_HELP = 2  # open pieces; whoever made a single one would be waited for
_NO_LEASE: dict[str, Any] = {
    "seat": None,
    "stage": None,
    "open_pieces": 0,
    "lease_expires_at": None,
    "heartbeat_at": None,
    "cluster": None,
    "worker_host": None,
    "worker_realm": None,
    "worker_pid": None,
    "worker_started_ticks": None,
}


def backoff(failures: int) -> timedelta:
    """Return how long to wait after so many earlier failures: doubling, an hour at most, and up to a quarter more.

    The addition keeps jobs that failed together (a server that was down) from coming back together.
    """
    first: timedelta = settings.VIDEOCRAFT.job_retry_delay
    doubled = first * 2 ** min(failures, 12)  # more would overflow before it is cut
    delay: timedelta = min(doubled, max(first, _LONGEST_DELAY)) * random.uniform(1, 1.25)  # noqa: S311 - no secret
    return delay


class JobQuerySet(models.QuerySet["Job"]):
    """The transitions. Each says whether it happened; if not, the job had moved on and nothing was written."""

    def visible_to(self, user: Any) -> Self:
        """Narrow to what a user may see: his own, or everything for staff."""
        return self if user.is_staff else self.filter(owner=user)

    def next_due(self, labels: WorkerLabels = NO_LABELS) -> uuid.UUID | None:
        """Return the id of the job that a worker with these labels would claim now, or None when there is none."""
        return next((job.pk for job in self.raw(*scheduling.next_due(labels))), None)

    def without_worker(self) -> Self:
        """Narrow to what is due and no living cluster takes, whoever is at work."""
        return self.filter(scheduling.has_no_worker())

    def held(self, attempt: int) -> Self:
        """Narrow to jobs still processed by this attempt; the fence of every transition out of processing."""
        return self.filter(status=JobStatus.PROCESSING, attempt=attempt)

    def claim(self, worker: WorkerIdentity) -> "Job | None":
        """pending -> processing: take the next due job that a worker may have, or None when there is none."""
        statement, known = scheduling.claim(worker.labels)
        known |= {"stage": Stage.FETCHING, "lease": settings.VIDEOCRAFT.job_lease, "worker": str(worker)}
        for _ in range(_MOST_CLAIMS):
            try:
                return next(iter(self.raw(statement, known | vars(worker))), None)
            except IntegrityError as error:
                if not scheduling.was_seat_taken(error):
                    raise
        return None

    def in_want_of_help(self, labels: WorkerLabels = NO_LABELS) -> Self:
        """Narrow to those of which free workers may make pieces, the most open ones first.

        Making pieces needs no label; but workers that are dedicated help only with what asks for one of theirs.
        """
        processing = self.filter(status=JobStatus.PROCESSING, cancel_requested_at=None)
        if labels.are_dedicated:
            asking = processing.alias(asked=listed(F("labels")))
            processing = asking.filter(asked__overlap=list(labels.names))
        return processing.filter(open_pieces__gte=_WORTH_HELP).order_by("-open_pieces", "created_at")

    def beat(self, job: "Job", *, stage: str, progress: int, open_pieces: int = 0) -> bool:
        """Prolong the lease and report progress, which never falls within an attempt, and what is open to others."""
        held = self.filter(pk=job.pk).held(job.attempt)
        beaten = held.update(
            stage=stage,
            progress=Greatest("progress", progress),
            open_pieces=open_pieces,
            heartbeat_at=Now(),
            lease_expires_at=Now() + settings.VIDEOCRAFT.job_lease,
            updated_at=Now(),
        )
        if beaten:
            notify(EVENTS_CHANNEL, str(job.pk))
        return bool(beaten)

    @transaction.atomic
    def complete(self, job: "Job", videos: list[Video], warnings: list[Any], **facts: Any) -> bool:
        """processing -> completed, with the videos, in one transaction; not if a cancel was asked for."""
        after = {"status": JobStatus.COMPLETED, "progress": 100, "warnings": warnings, "finished_at": Now()}
        new = warnings[len(job.warnings) :]  # those of reading come first
        completed = self._leave(job, AttemptOutcome.COMPLETED, after, facts, warnings=new)
        if completed:
            Video.objects.bulk_create(videos)
            made_ms = sum(video.duration_ms for video in videos)
            Rendered.objects.create(owner_id=job.owner_id, duration_ms=made_ms)
        return completed

    @transaction.atomic
    def fail(self, job: "Job", error: dict[str, Any], **facts: Any) -> bool:
        """processing -> pending for a retryable error within the budget, else failed; either way the budget shrinks.

        `facts` are columns of the attempt. Not if a cancel was asked for.
        """
        again = bool(error.get("retryable")) and job.failures + 1 < job.max_attempts
        delay = backoff(job.failures)
        told = {"error": error} | ({"again_in_s": round(delay.total_seconds(), 3)} if again else {})
        after: dict[str, Any] = (
            {"status": JobStatus.PENDING, "run_after": Now() + delay}
            if again
            else {"status": JobStatus.FAILED, "finished_at": Now()}
        )
        outcome = AttemptOutcome.RETRIED if again else AttemptOutcome.FAILED
        charge = {"failures": F("failures") + 1, "error": error}
        return self._leave(job, outcome, after | charge, facts | {"error": error}, told=told)

    @transaction.atomic
    def cancelled_by_worker(self, job: "Job", **facts: Any) -> bool:
        """processing -> cancelled, by the worker that has killed the work."""
        after = {"status": JobStatus.CANCELLED, "finished_at": Now()}
        return self._leave(job, AttemptOutcome.CANCELLED, after, facts, wished=True)

    @transaction.atomic
    def release(self, job: "Job", **facts: Any) -> bool:
        """processing -> pending without a charge: the worker stops, the work is for another."""
        released = self._leave(job, AttemptOutcome.RELEASED, {"status": JobStatus.PENDING}, facts)
        if released:
            notify(DUE_CHANNEL)
        return released

    def release_all_of(self, worker: WorkerIdentity) -> int:
        """processing -> pending without a charge, of whatever a worker that works on nothing is said to hold.

        That is what a claim leaves whose answer was lost with the connection.
        """
        held = self.filter(
            status=JobStatus.PROCESSING,
            cluster=worker.cluster,
            worker_realm=worker.realm,
            worker_pid=worker.pid,
            worker_started_ticks=worker.started_ticks,
        )
        return sum(self.release(job) or self.cancelled_by_worker(job) for job in held)

    @transaction.atomic
    def lose(self, job: "Job", *, if_lease_is_over: bool) -> bool:
        """processing -> cancelled, pending or failed: the worker of this attempt is gone, which is charged."""
        rows = self.filter(lease_expires_at__lt=Now()) if if_lease_is_over else self
        message = f"the worker {job.worker_host}:{job.worker_pid} is gone"
        error = {"code": ErrorCode.WORKER_LOST, "message": message, "retryable": True}
        charge = {"failures": F("failures") + 1}
        finished = {"finished_at": Now()} | charge
        told = {"error": error}
        if rows._leave(
            job, AttemptOutcome.LOST, {"status": JobStatus.CANCELLED} | finished, {}, told=told, wished=True
        ):
            return True
        again = job.failures + 1 < job.max_attempts
        after = {"status": JobStatus.PENDING} | charge if again else {"status": JobStatus.FAILED} | finished
        lost = rows._leave(job, AttemptOutcome.LOST, after | {"error": error}, {"error": error}, told=told)
        if lost and again:
            notify(DUE_CHANNEL)
        return lost

    def _leave(
        self,
        job: "Job",
        outcome: AttemptOutcome,
        after: dict[str, Any],
        facts: dict[str, Any],
        *,
        wished: bool = False,
        told: dict[str, Any] | None = None,
        warnings: Iterable[Any] = (),
    ) -> bool:
        """processing -> anywhere: one UPDATE, fenced by the attempt, and the end of the attempt in its history.

        `told` is what its event says besides the new status, and `warnings` are events before that.
        `wished` says whether it is for jobs that are to be cancelled, or for those that are not: a wish is never
        overlooked by a transition that was decided on before it came.
        """
        rows = self.filter(pk=job.pk, cancel_requested_at__isnull=not wished).held(job.attempt)
        changed = rows.update(updated_at=Now(), **after, **_NO_LEASE)
        if changed:
            JobAttempt.objects.close(job, outcome, **facts)
            data = {"status": after["status"]} | (told or {})
            JobEvent.objects.tell_end(job, EventKind(outcome), data, warnings)
            if after["status"] in TERMINAL:
                WebhookDelivery.objects.announce(job.pk)
        return bool(changed)

    @transaction.atomic
    def cancel(self, pk: uuid.UUID) -> bool:
        """pending -> cancelled at once; processing: record the wish and wake the worker to kill the work."""
        if self.filter(pk=pk, status=JobStatus.PENDING).update(
            status=JobStatus.CANCELLED, cancel_requested_at=Now(), finished_at=Now(), updated_at=Now()
        ):
            self._tell(pk, EventKind.CANCELLED)
            WebhookDelivery.objects.announce(pk)
            return True
        processing = self.filter(pk=pk, status=JobStatus.PROCESSING)
        if processing.filter(cancel_requested_at=None).update(cancel_requested_at=Now(), updated_at=Now()):
            self._tell(pk, EventKind.CANCEL_REQUESTED)
        elif not processing.exists():
            return False
        notify(CANCEL_CHANNEL, str(pk))
        return True

    @transaction.atomic
    def retry(self, pk: uuid.UUID) -> bool:
        """failed, cancelled -> pending, asked for by a person, with a fresh budget; the fence goes on counting."""
        changed = self.filter(pk=pk, status__in=RETRYABLE).update(
            status=JobStatus.PENDING,
            progress=0,
            failures=0,
            error=None,
            cancel_requested_at=None,
            started_at=None,
            finished_at=None,
            run_after=Now(),
            updated_at=Now(),
        )
        if changed:
            self._tell(pk, EventKind.RETRY_REQUESTED)
            notify(DUE_CHANNEL)
        return bool(changed)

    @transaction.atomic
    def change_priority(self, pk: uuid.UUID, priority: int) -> bool:
        """pending: another place in the queue. That it was already there is not told as an event.

        `updated_at` stays, for that is since when the job has been waiting.
        """
        pending = self.filter(pk=pk, status=JobStatus.PENDING)
        if pending.exclude(priority=priority).update(priority=priority):
            self._tell(pk, EventKind.PRIORITY_CHANGED, priority=priority)
            return True
        return pending.exists()

    def _tell(self, pk: uuid.UUID, kind: EventKind, **data: Any) -> None:
        """Write that a person moved a job; its row is locked by that transition."""
        JobEvent.objects.tell(pk, self.values_list("attempt", flat=True).get(pk=pk), kind, **data)
