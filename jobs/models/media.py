"""Owns the rows of stored files: finished films and uploads."""

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Now

from media_services.render.output import content_type_of


class OwnedQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Narrow to what a user may see: his own, or everything for staff."""
        return self if user.is_staff else self.filter(owner=user)


class Video(models.Model):
    """A finished film in the file storage, one for each project of a job."""

    FILES = ("file", "thumbnail", "contact_sheet", "srt", "vtt", "ass", "words")
    SUBTITLES = ("srt", "vtt", "ass", "words")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="videos")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="videos")
    project = models.PositiveSmallIntegerField(help_text="the project's place in the document, from 0")
    file = models.FileField(max_length=255)
    thumbnail = models.FileField(max_length=255)
    contact_sheet = models.FileField(max_length=255, blank=True, help_text="frames from all of it, in one picture")
    srt = models.FileField(max_length=255, blank=True)
    vtt = models.FileField(max_length=255, blank=True)
    ass = models.FileField(max_length=255, blank=True)
    words = models.FileField(max_length=255, blank=True, help_text="the words of its subtitles with their times, JSON")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    fps = models.CharField(max_length=20, help_text="exact: 30 or 30000/1001")
    frames = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "project"], name="one_video_per_project")]
        indexes = [
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="video_by_owner"),
            models.Index(F("created_at").desc(), F("id").desc(), name="video_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def content_type(self) -> str:
        """What its file is, by its name in the storage."""
        return content_type_of(self.file.name or "")

    @property
    def files(self) -> list[FieldFile]:
        """Everything that the storage has of it; a film without subtitles has no files of them."""
        return [stored for name in self.FILES if (stored := getattr(self, name)).name]


class Asset(models.Model):
    """An uploaded file, usable in a document as `asset:<id>`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assets")
    file = models.FileField(max_length=255)
    name = models.CharField(max_length=255, blank=True, help_text="the client's own name for it, only shown")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    media = models.JSONField(help_text="what probing found")
    created_at = models.DateTimeField(db_default=Now())

    objects = OwnedQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index("owner", F("created_at").desc(), F("id").desc(), name="asset_by_owner"),
            models.Index(F("created_at").desc(), F("id").desc(), name="asset_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def files(self) -> list[FieldFile]:
        """Everything that the storage has of it."""
        return [self.file]
