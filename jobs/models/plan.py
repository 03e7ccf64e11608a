"""Owns what the films of a job are made of, as it was told before they were made, and why they had to be."""

from django.conf import settings
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Now


class JobPlan(models.Model):
    """What one project of a job is made of. A later attempt's takes the place of an earlier one's."""

    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="plans")
    project = models.PositiveSmallIntegerField(help_text="the project's place in the document, from 0")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    project_key = models.CharField(max_length=255, blank=True, help_text="what the document calls the project")
    created_at = models.DateTimeField(db_default=Now())
    plan = models.JSONField(help_text="a FilmPlan")
    contents = models.JSONField(db_default=Value([], models.JSONField()), help_text="digests of what is in it")
    compared_with = models.UUIDField(null=True, help_text="the job whose plan was the latest of this project before")
    explained = models.JSONField(help_text="for each segment the reasons why it is not what that job made")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "project"], name="one_plan_per_project")]
        indexes = [models.Index("owner", "project_key", F("created_at").desc(), name="plan_by_project")]

    def __str__(self) -> str:
        return f"{self.job_id} project {self.project}"
