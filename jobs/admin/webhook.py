"""Owns webhooks in the admin: what was told and what came of each try, to look at and send again, and the secrets."""

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin import presenting
from jobs.admin.document import pretty
from jobs.admin.readonly import ReadOnlyAdmin
from jobs.models import WebhookDelivery, WebhookSecret, WebhookStatus, WebhookTry
from media_services.link import shown_url

_MOST_TRIES = 100
_MOST_AT_ONCE = 1000
_HEADINGS = ("No.", "Ended", "Status", "Took", "Error", "Answer")
_ROW = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Ends of jobs and how far they were told; sent again by who may change them."""

    list_display = ["message", "job_link", "owner", "event", "state", "tries", "last_status", "next_try", "created"]
    list_filter = ["status", "event"]
    ordering = ["-created_at"]
    search_fields = ["host", "owner__username"]
    fields = [
        "message", "job_link", "owner", "url", "event", "state", "tries", "next_try", "created", "log", "told",
    ]  # fmt: skip
    actions = ["replay_selected"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("owner", "job")
        return rows.defer("facts", "job__config", "job__client_data", "job__warnings")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may have it sent again."""
        return request.user.has_perm("jobs.change_webhookdelivery")

    @admin.action(description="Send the selected deliveries again", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: Any) -> None:
        chosen = list(queryset[:_MOST_AT_ONCE])
        again = [delivery for delivery in chosen if WebhookDelivery.objects.replay(delivery.pk)]
        LogEntry.objects.log_actions(str(request.user.pk), again, CHANGE, "Sent again.")
        messages.success(request, f"{len(again):,} will be sent again, at once.")

    @admin.display(description="Message")
    def message(self, delivery: WebhookDelivery) -> str:
        return format_html('<code class="vc-id" title="{}">{}</code>', delivery.message_id, delivery.message_id[:12])

    @admin.display(description="Job")
    def job_link(self, delivery: WebhookDelivery) -> str:
        url = reverse("admin:jobs_job_change", args=[delivery.job_id])
        return format_html('<a href="{}"><code class="vc-id">{}</code></a>', url, str(delivery.job_id)[:8])

    @admin.display(description="Address")
    def url(self, delivery: WebhookDelivery) -> str:
        return shown_url(delivery.job.webhook_url)

    @admin.display(description="Status", ordering="status")
    def state(self, delivery: WebhookDelivery) -> SafeString:
        return presenting.badge("sending" if delivery.sending_since else delivery.status)

    @admin.display(description="Next try", ordering="due_at")
    def next_try(self, delivery: WebhookDelivery) -> SafeString:
        return presenting.moment(delivery.due_at if delivery.status == WebhookStatus.PENDING else None)

    @admin.display(description="Created", ordering="created_at")
    def created(self, delivery: WebhookDelivery) -> SafeString:
        return presenting.moment(delivery.created_at)

    @admin.display(description="Tries")
    def log(self, delivery: WebhookDelivery) -> SafeString:
        rows = [_row(each) for each in delivery.log.order_by("-number")[:_MOST_TRIES]]
        head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in _HEADINGS))
        body = format_html_join("", _ROW, rows)
        return format_html('<table class="vc-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body)

    @admin.display(description="What is told")
    def told(self, delivery: WebhookDelivery) -> str:
        if delivery.body is None:
            return presenting.DASH
        return render_to_string("admin/jobs/document.html", {"document": pretty(json.loads(delivery.body))})


def _row(each: WebhookTry) -> tuple[Any, ...]:
    took = presenting.clock(each.took_ms / 1000)
    return each.number, presenting.moment(each.ended_at), each.status or presenting.DASH, took, each.error, each.answer


@admin.register(WebhookSecret)
class WebhookSecretAdmin(ReadOnlyAdmin):
    """What signs the messages to each user's webhooks, for who may view it; `manage.py webhook_secret` makes it."""

    list_display = ["owner", "made"]
    ordering = ["owner__username"]
    search_fields = ["owner__username"]
    fields = ["owner", "secret", "made"]
    list_select_related = ["owner"]

    @admin.display(description="Made", ordering="made_at")
    def made(self, secret: WebhookSecret) -> SafeString:
        return presenting.moment(secret.made_at)
