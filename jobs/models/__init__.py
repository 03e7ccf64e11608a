"""Owns the tables. The state machine of a job is `transitions.JobQuerySet`; nothing else writes a job's state."""

from jobs.models.access import ApiToken, LoginFailures, RateBucket, Scope
from jobs.models.attempt import AttemptOutcome, JobAttempt
from jobs.models.event import EventKind, JobEvent
from jobs.models.job import Job
from jobs.models.media import Asset, Video
from jobs.models.owner import OwnerQuota, OwnerTurn, Rendered
from jobs.models.plan import JobPlan
from jobs.models.service import Cluster, IdempotencyKey
from jobs.models.state import ALIVE, CANCEL_CHANNEL, DUE_CHANNEL, RETRYABLE, TERMINAL, JobStatus, notify
from jobs.models.transitions import JobQuerySet

__all__ = [
    "ALIVE",
    "CANCEL_CHANNEL",
    "DUE_CHANNEL",
    "RETRYABLE",
    "TERMINAL",
    "ApiToken",
    "Asset",
    "AttemptOutcome",
    "Cluster",
    "EventKind",
    "IdempotencyKey",
    "Job",
    "JobAttempt",
    "JobEvent",
    "JobPlan",
    "JobQuerySet",
    "JobStatus",
    "LoginFailures",
    "OwnerQuota",
    "OwnerTurn",
    "RateBucket",
    "Rendered",
    "Scope",
    "Video",
    "notify",
]
