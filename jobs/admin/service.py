"""Owns the rest of the admin: API tokens, which `manage.py create_token` makes, quotas, and the clusters at work."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import presenting
from jobs.admin.readonly import ModelAdmin, ReadOnlyAdmin
from jobs.models import ALIVE, ApiToken, Cluster, OwnerQuota
from jobs.models.access import SHOWN_KEY_LENGTH
from jobs.quotas import Quotas


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens by their first characters, to be revoked by deleting; a token itself is nowhere stored."""

    list_display = ["key", "owner", "scope", "created_at", "expiry_at", "used_at"]
    list_display_links = None
    ordering = ["-created"]
    fields = ["key", "owner", "scope", "created_at", "expiry_at", "used_at"]
    search_fields = ["user__username", "token_key__startswith"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user")

    @admin.display(description="Begins with")
    def key(self, token: ApiToken) -> str:
        return format_html('<code class="vc-id">{}…</code>', token.token_key[:SHOWN_KEY_LENGTH])

    @admin.display(description="User")
    def owner(self, token: ApiToken) -> str:
        return str(token.user.get_username())

    @admin.display(description="Created", ordering="created")
    def created_at(self, token: ApiToken) -> str:
        return presenting.moment(token.created)

    @admin.display(description="Expires", ordering="expiry")
    def expiry_at(self, token: ApiToken) -> str:
        return presenting.moment(token.expiry) if token.expiry else "never"

    @admin.display(description="Last used", ordering="last_used_at")
    def used_at(self, token: ApiToken) -> str:
        return presenting.moment(token.last_used_at) if token.last_used_at else "never"


@admin.register(OwnerQuota)
class OwnerQuotaAdmin(ModelAdmin):
    """What single users may have; the only rows that are written here."""

    list_display = ["user", "concurrent_jobs", "queued_jobs", "stored_bytes", "minutes_per_day"]
    autocomplete_fields = ["user"]
    search_fields = ["user__username"]
    list_select_related = ["user"]
    ordering = ["user__username"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        for name in Quotas.__dataclass_fields__:
            if name in form.base_fields:
                default = getattr(settings.VIDEOCRAFT, f"quota_{name}")
                field = form.base_fields[name]
                field.help_text = f"{field.help_text}; empty is {default or 'no limit'}, as is set, and 0 no limit"
        return form


@admin.register(Cluster)
class ClusterAdmin(ReadOnlyAdmin):
    """Each running `manage.py qcluster`, and how long ago it was heard of."""

    list_display = ["name", "state", "heartbeat", "workers", "has", "started"]
    list_display_links = None
    ordering = ["-heartbeat_at"]
    fields = ["name", "state", "heartbeat", "workers", "has", "started"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Host and process")
    def name(self, cluster: Cluster) -> str:
        return str(cluster)

    @admin.display(description="State")
    def state(self, cluster: Cluster) -> SafeString:
        return presenting.badge("alive" if timezone.now() - cluster.heartbeat_at < ALIVE else "silent")

    @admin.display(description="Heartbeat", ordering="heartbeat_at")
    def heartbeat(self, cluster: Cluster) -> str:
        return f"{presenting.since(cluster.heartbeat_at)} ago"

    @admin.display(description="Labels")
    def has(self, cluster: Cluster) -> str:
        return presenting.labels_of(cluster)

    @admin.display(description="Started", ordering="started_at")
    def started(self, cluster: Cluster) -> str:
        return presenting.moment(cluster.started_at)
