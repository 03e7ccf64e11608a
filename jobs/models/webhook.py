"""Owns what is told to webhooks: a row for each end of a job, what came of each try, and the secrets that sign them."""

import base64
import secrets
import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.db.models.functions.json import JSONObject
from django.utils import timezone

from jobs.models.media import OwnedQuerySet
from jobs.models.state import WEBHOOK_CHANNEL, notify
from jobs.models.total import Total

LEASE = timedelta(seconds=20)  # a try has ten
PATIENCE = timedelta(hours=24)
_OLD_SECRET_LIFE = timedelta(hours=24)
_SECRET_BYTES = 32
_LONGEST_HOST = 300
# What a retry of the job would change before its end is told.
KEPT = ("status", "stage", "progress", "attempt", "error", "started_at", "finished_at", "updated_at")

# The row is found once, as for jobs (`scheduling.claim`). Until the lease is over it is due for nobody else.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM jobs_webhookdelivery
    WHERE status = 'pending' AND due_at <= statement_timestamp()
        AND NOT host = ANY(%(hosts)s) AND NOT owner_id = ANY(%(owners)s)
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE jobs_webhookdelivery SET
    tries = tries + 1, sending_since = statement_timestamp(), due_at = statement_timestamp() + %(lease)s
FROM due WHERE jobs_webhookdelivery.id = due.id RETURNING jobs_webhookdelivery.*
"""


class WebhookSecretQuerySet(models.QuerySet["WebhookSecret"]):
    def of(self, owner_id: int) -> "WebhookSecret":
        """Return an owner's secret, made now if he has none."""
        return self.get_or_create(owner_id=owner_id, defaults={"secret": new_secret(), "made_at": timezone.now()})[0]

    def replace(self, owner_id: int) -> "WebhookSecret":
        """Give an owner another secret; what is told is signed with the one before, too, for a day."""
        if not self.filter(owner_id=owner_id).update(secret=new_secret(), previous=F("secret"), made_at=Now()):
            return self.of(owner_id)
        return self.get(owner_id=owner_id)


class WebhookSecret(models.Model):
    """What signs all that is told to the webhooks of a user's jobs. It is stored as it is: a signature needs it."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    secret = models.CharField(max_length=100)
    previous = models.CharField(max_length=100, blank=True, default="", db_default="")
    made_at = models.DateTimeField(db_default=Now())

    objects = WebhookSecretQuerySet.as_manager()

    def __str__(self) -> str:
        return f"webhook secret of {self.owner_id}"

    @property
    def in_use(self) -> tuple[str, ...]:
        """Those that sign now: the newest, and for a day the one that it replaced."""
        is_fresh = timezone.now() - self.made_at < _OLD_SECRET_LIFE
        return (self.secret, self.previous) if self.previous and is_fresh else (self.secret,)


def new_secret() -> str:
    """Return a secret as Standard Webhooks writes one."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


class WebhookStatus(models.TextChoices):
    """How far an end has been told.

    `pending` is due at `due_at`, also while it is being sent, which is then the end of its lease. `delivered` was
    answered with 2xx; `failed` was not within a day, or with 410. A replay moves either back to `pending`.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookDeliveryQuerySet(OwnedQuerySet):
    def announce(self, job: uuid.UUID) -> None:
        """Let the end of a job be told to its webhook, if it has one; call in the transaction of that end."""
        from jobs.models.job import Job

        kept = JSONObject(**{name: F(name) for name in KEPT})
        told = Job.objects.filter(pk=job).exclude(webhook_url="")
        for owner_id, url, facts in told.values_list("owner_id", "webhook_url", kept):
            self.create(
                job_id=job,
                owner_id=owner_id,
                event=f"job.{facts['status']}",
                facts=facts,
                host=urlsplit(url).netloc[:_LONGEST_HOST],
                give_up_at=Now() + PATIENCE,
            )
            notify(WEBHOOK_CHANNEL)

    def claim(self, *, busy_hosts: Collection[str], busy_owners: Collection[int]) -> "WebhookDelivery | None":
        """Take what is due for the longest time, for a lease; None when nothing is, but for hosts or owners to spare.

        Who does not come back with what came of it before the lease is over, has it sent again by another.
        """
        known = {"hosts": list(busy_hosts), "owners": list(busy_owners), "lease": LEASE}
        found: WebhookDelivery | None = next(iter(self.raw(_CLAIM, known)), None)
        return found

    def _held(self, delivery: "WebhookDelivery") -> Self:
        return self.filter(pk=delivery.pk, tries=delivery.tries, sending_since__isnull=False)

    @transaction.atomic
    def record(self, delivery: "WebhookDelivery", after: timedelta, **facts: Any) -> bool:
        """Write what came of a try, and when the next one is, if there is to be one; not if another has it.

        `facts` are columns of the try. 2xx ends the delivery, and so does 410, or a failure when its day is over.
        """
        status = facts.get("status")
        held = self._held(delivery).update(
            status=_status_after(status),
            last_status=status,
            due_at=Now() + after,
            sending_since=None,
        )
        if held:
            WebhookTry.objects.create(delivery=delivery, number=delivery.tries, **facts)
            Total.objects.note("webhook_tries", outcome="delivered" if _is_success(status) else "failed")
        return bool(held)

    def release(self, delivery: "WebhookDelivery") -> bool:
        """Give back what was not sent to its end, for another to send at once."""
        return bool(self._held(delivery).update(due_at=Now(), sending_since=None))

    @transaction.atomic
    def replay(self, pk: uuid.UUID) -> bool:
        """Tell it again, at once and for another day if need be, under the same id; say whether there is such a one."""
        again = {"status": WebhookStatus.PENDING, "due_at": Now(), "give_up_at": Now() + PATIENCE}
        found = self.filter(pk=pk).update(sending_since=None, tries_before=F("tries"), **again)
        if found:
            notify(WEBHOOK_CHANNEL)
        return bool(found)


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _status_after(status: int | None) -> Any:
    """Return how far an end has been told when a try was answered so, or not at all."""
    if _is_success(status):
        return WebhookStatus.DELIVERED
    if status == 410:
        return WebhookStatus.FAILED
    pending, failed = (Value(each.value) for each in (WebhookStatus.PENDING, WebhookStatus.FAILED))
    return Case(When(give_up_at__lte=Now(), then=failed), default=pending)


class WebhookDelivery(models.Model):
    """One end of a job, to be told to its webhook until that answers. Its id is that of the message."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    event = models.CharField(max_length=20, help_text="job.completed, job.failed or job.cancelled")
    facts = models.JSONField(help_text="what of the job a retry would change, as it was at that end")
    body = models.TextField(null=True, help_text="as it is sent; written before the first try")
    host = models.CharField(
        max_length=_LONGEST_HOST, help_text="whom it is told to, of which not many are asked at once"
    )
    status = models.CharField(
        max_length=10, choices=WebhookStatus, default=WebhookStatus.PENDING, db_default=WebhookStatus.PENDING
    )
    tries = models.PositiveIntegerField(default=0, db_default=0, help_text="the fence: one more at each claim")
    tries_before = models.PositiveIntegerField(default=0, db_default=0, help_text="tries before it was replayed")
    last_status = models.PositiveSmallIntegerField(null=True, help_text="of HTTP; null where none answered")
    due_at = models.DateTimeField(db_default=Now())
    sending_since = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["due_at"], name="delivery_due", condition=Q(status="pending")),
            models.Index("job", F("created_at").desc(), name="delivery_by_job"),
        ]

    def __str__(self) -> str:
        return self.message_id

    @property
    def message_id(self) -> str:
        """What its receiver knows it by, over all tries and replays."""
        return f"msg_{self.pk.hex}"


class WebhookTry(models.Model):
    """What came of one try. A number that is missing is of one whose process was killed, or told to stop."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log", db_index=False)
    number = models.PositiveIntegerField()
    ended_at = models.DateTimeField(db_default=Now())
    status = models.PositiveSmallIntegerField(null=True, help_text="of HTTP; null where none answered")
    took_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=300, blank=True, help_text="why it failed")
    answer = models.CharField(max_length=200, blank=True, help_text="the beginning of what was answered to a failure")

    class Meta:
        verbose_name_plural = "webhook tries"
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="one_row_per_try")]

    def __str__(self) -> str:
        return f"try {self.number}"
