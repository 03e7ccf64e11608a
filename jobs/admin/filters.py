"""Owns how the list of jobs is narrowed: by state, owner, age and error code, none of them counting the table."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

from jobs.models import LABELLED, Cluster, Job, JobStatus
from jobs.models.labels import listed
from media_services.errors import ErrorCode

_MAX_OWNERS_SHOWN = 20
_MAX_OWNERS_SEARCHED = 100
_MAX_LABELS_SHOWN = 50
_MAX_JOBS_SEARCHED = 1000
_AGES = {
    "1h": ("Past hour", timedelta(hours=1)),
    "24h": ("Past 24 hours", timedelta(hours=24)),
    "7d": ("Past 7 days", timedelta(days=7)),
}
_OLDER = "older"


if TYPE_CHECKING:
    Jobs = QuerySet[Job]


class DropDown(admin.SimpleListFilter):
    """A filter that takes one line, and opens."""

    template = "admin/jobs/filter.html"


class StatusFilter(DropDown):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("unfinished", "Unfinished"), *JobStatus.choices]

    def queryset(self, request: HttpRequest, queryset: "Jobs") -> "Jobs":
        if self.value() == "unfinished":
            # Two equalities rather than IN: each then has its partial index: 3 ms against 250 among a million jobs.
            return queryset.filter(Q(status=JobStatus.PENDING) | Q(status=JobStatus.PROCESSING))
        return queryset.filter(status=self.value()) if self.value() in JobStatus.values else queryset


class OwnerFilter(DropDown):
    """Offers the first owners by name; any other is reached by searching, or by his name in a row."""

    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        users = get_user_model()._default_manager
        first = users.filter(Exists(Job.objects.filter(owner=OuterRef("pk")))).order_by(get_user_model().USERNAME_FIELD)
        owners = list(first[:_MAX_OWNERS_SHOWN])
        chosen = self._chosen()
        if chosen is not None and all(owner.pk != chosen for owner in owners):
            owners += users.filter(pk=chosen)
        return [(str(owner.pk), owner.get_username()) for owner in owners]

    def queryset(self, request: HttpRequest, queryset: "Jobs") -> "Jobs":
        chosen = self._chosen()
        return queryset if chosen is None else queryset.filter(owner_id=chosen)

    def _chosen(self) -> int | None:
        """Return the id of the owner that is asked for; None when none is, or what cannot be one."""
        chosen = self.value() or ""
        return int(chosen) if re.fullmatch("[0-9]{1,18}", chosen) else None


class LabelFilter(DropDown):
    """Offers what living clusters have and pending jobs ask for."""

    title = "label"
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        pending = Job.objects.filter(LABELLED, status=JobStatus.PENDING).values_list("labels")[:_MAX_JOBS_SEARCHED]
        lists = [*pending, *Cluster.objects.alive().values_list("labels")]
        known = {label for (labels,) in lists for label in labels} | {self.value() or ""}
        return [(label, label) for label in sorted(known - {""})[:_MAX_LABELS_SHOWN]]

    def queryset(self, request: HttpRequest, queryset: "Jobs") -> "Jobs":
        chosen = self.value()
        asking = queryset.alias(asked=listed(F("labels")))
        return asking.filter(Q(LABELLED, asked__contains=[chosen])) if chosen else queryset


class AgeFilter(DropDown):
    title = "age"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [*((name, label) for name, (label, _) in _AGES.items()), (_OLDER, "Older than 7 days")]

    def queryset(self, request: HttpRequest, queryset: "Jobs") -> "Jobs":
        chosen = self.value()
        if chosen == _OLDER:
            return queryset.filter(created_at__lt=Now() - _AGES["7d"][1])
        return queryset.filter(created_at__gte=Now() - _AGES[chosen][1]) if chosen in _AGES else queryset


class ErrorFilter(DropDown):
    title = "error"
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(code.value, code.value) for code in ErrorCode]

    def queryset(self, request: HttpRequest, queryset: "Jobs") -> "Jobs":
        known = self.value() in set(ErrorCode)
        return queryset.filter(error__isnull=False, error__code=self.value()) if known else queryset


def search(queryset: "Jobs", text: str) -> "Jobs":
    """Narrow to the jobs any of whose words is the beginning of an id, or part of the owner's name or e-mail."""
    wanted = Q()
    for word in text.split():
        wanted |= _beginning_with(word) | Q(owner_id__in=_owners_called(word))
    return queryset.filter(wanted) if wanted else queryset


def _beginning_with(word: str) -> Q:
    """Return the range of ids with this beginning, which the primary key's index answers; hyphens do not matter."""
    digits = word.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        return Q()
    return Q(pk__range=(UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))))


def _owners_called(word: str) -> list[int]:
    user = get_user_model()
    called = Q(**{f"{user.USERNAME_FIELD}__icontains": word}) | Q(email__icontains=word)
    return list(user._default_manager.filter(called).values_list("pk", flat=True)[:_MAX_OWNERS_SEARCHED])
