"""Owns the tables. The state machine of a job is `transitions.JobQuerySet`; nothing else writes a job's state."""

from jobs.models.access import ApiToken, LoginFailures, RateBucket, Scope
from jobs.models.attempt import AttemptOutcome, JobAttempt
from jobs.models.event import EventKind, JobEvent
from jobs.models.job import LABELLED, Job
from jobs.models.media import Asset, Video
from jobs.models.owner import OwnerQuota, OwnerTurn, Rendered
from jobs.models.plan import JobPlan
from jobs.models.service import Cluster, IdempotencyKey, QueuePause
from jobs.models.state import (
    ALIVE,
    CANCEL_CHANNEL,
    DUE_CHANNEL,
    EVENTS_CHANNEL,
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    RETRYABLE,
    TERMINAL,
    WEBHOOK_CHANNEL,
    JobStatus,
    notify,
)
from jobs.models.total import Total
from jobs.models.transitions import JobQuerySet
from jobs.models.webhook import WebhookDelivery, WebhookSecret, WebhookStatus, WebhookTry

__all__ = [
    "ALIVE",
    "CANCEL_CHANNEL",
    "DUE_CHANNEL",
    "EVENTS_CHANNEL",
    "HIGHEST_PRIORITY",
    "LABELLED",
    "LOWEST_PRIORITY",
    "RETRYABLE",
    "TERMINAL",
    "WEBHOOK_CHANNEL",
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
    "QueuePause",
    "RateBucket",
    "Rendered",
    "Scope",
    "Total",
    "Video",
    "WebhookDelivery",
    "WebhookSecret",
    "WebhookStatus",
    "WebhookTry",
    "notify",
]
