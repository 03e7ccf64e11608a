"""Owns the rows about an owner of jobs: how much is his, when it was his turn, and what was made for him of late."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class OwnerQuota(models.Model):
    """What one user may have instead of what the settings say: empty is the setting, 0 is no limit."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quota")
    concurrent_jobs = models.PositiveIntegerField(null=True, blank=True, help_text="at work at once; others wait")
    queued_jobs = models.PositiveIntegerField(null=True, blank=True, help_text="pending")
    stored_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="of assets and videos together")
    minutes_per_day = models.PositiveIntegerField(null=True, blank=True, help_text="of film, within any 24 hours")

    def __str__(self) -> str:
        return f"quota of {self.user}"


class OwnerTurn(models.Model):
    """When a job of an owner was last claimed; written by the claim."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    served_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"turn of {self.owner_id}"


class Rendered(models.Model):
    """How much film a completed job made. It outlives job and videos, so that deleting them gives no minutes back."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())
    duration_ms = models.PositiveBigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["owner", "at"], name="rendered_by_owner")]

    def __str__(self) -> str:
        return f"{self.duration_ms} ms"
