"""Owns the rows about who may use the service, and how fast: tokens, buckets of requests, and failed logins."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from knox.models import AbstractAuthToken, AuthTokenManager
from knox.settings import CONSTANTS

SHOWN_KEY_LENGTH = 8  # of the beginning of a token that is stored
_USE_NOTED_EVERY = timedelta(minutes=1)


class Scope(models.TextChoices):
    """What a token may be used for; each includes the ones before it.

    `read` looks, `write` changes, both what is the user's own; `admin` is for members of staff, who see everybody's.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def beginning_with(self, prefix: str) -> "ApiTokenQuerySet":
        """Narrow to those of which this is the beginning, as far as a beginning is stored."""
        return self.filter(token_key__startswith=prefix[: CONSTANTS.TOKEN_KEY_LENGTH])

    def note_use(self, token: "ApiToken") -> None:
        """Write that a token is in use, unless that was written within the last minute."""
        if token.last_used_at is not None and timezone.now() - token.last_used_at < _USE_NOTED_EVERY:
            return
        unnoted = Q(last_used_at=None) | Q(last_used_at__lt=Now() - _USE_NOTED_EVERY)
        self.filter(unnoted, pk=token.pk).update(last_used_at=Now())


class ApiToken(AbstractAuthToken):
    """A bearer token of a user; only its hash is stored. It is revoked by being deleted."""

    scope = models.CharField(max_length=5, choices=Scope, default=Scope.WRITE, db_default=Scope.WRITE)
    last_used_at = models.DateTimeField(null=True)

    objects: Any = AuthTokenManager.from_queryset(ApiTokenQuerySet)()

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.token_key[:SHOWN_KEY_LENGTH]}… of {self.user}"

    def includes(self, scope: Scope) -> bool:
        """Say whether it may be used for what needs a scope."""
        scopes = list(Scope)
        return scopes.index(Scope(self.scope)) >= scopes.index(scope)


class RateBucket(models.Model):
    """How many requests somebody has left, told by when he will have all of them again.

    The table is unlogged: writing it costs no flush, and after a crash of the database all buckets are full.
    """

    name = models.CharField(max_length=100, primary_key=True)
    full_at = models.DateTimeField()  # without an index, so that a change needs none either

    def __str__(self) -> str:
        return self.name


class LoginFailures(models.Model):
    """How often in a row a login failed, for an address, a user's name, or both; never whether there is such a user."""

    name = models.CharField(max_length=100, primary_key=True)
    failures = models.PositiveIntegerField()
    failed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
