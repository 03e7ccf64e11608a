"""Webhooks in the admin: what was told, sending it again, and who sees the secret."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from jobs.models import WebhookDelivery, WebhookSecret, WebhookTry
from tests.jobs.factories import make_delivery, make_job

LIST = "/admin/jobs/webhookdelivery/"


@pytest.fixture
def delivery(user):
    delivery = make_delivery(make_job(user, status="failed"))
    delivery.body = '{"event": "job.failed", "job": {"status": "failed"}}'
    delivery.status = "failed"
    delivery.save()
    WebhookTry.objects.create(
        delivery=delivery, number=1, status=500, took_ms=1234, error="answered 500", answer="<b>no</b>"
    )
    return delivery


def replay(client, delivery):
    picked = {"action": "replay_selected", "_selected_action": [str(delivery.pk)]}
    return client.post(LIST, picked, follow=True)


def test_a_delivery_is_shown_with_its_tries_and_without_what_may_be_secret(clerk, delivery):
    client = clerk("view_webhookdelivery")
    assert str(delivery.job_id)[:8] in client.get(LIST).content.decode()
    page = client.get(f"{LIST}{delivery.pk}/change/").content.decode()
    assert "answered 500" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "https://hooks.test/films?…" in page
    assert "key=secret" not in page
    assert "job.failed" in page


def test_the_page_of_a_job_leads_to_what_was_told_of_it(staff, delivery):
    client = Client()
    client.force_login(staff)
    page = client.get(reverse("admin:jobs_job_change", args=[delivery.job_id])).content.decode()
    link = f"{LIST}?job__exact={delivery.job_id}"
    assert f'href="{link}"' in page
    assert [row.pk for row in client.get(link).context["cl"].result_list] == [delivery.pk]


def test_it_is_sent_again_by_who_may_change_it(clerk, delivery):
    answer = replay(clerk("view_webhookdelivery", "change_webhookdelivery"), delivery)
    assert [str(message) for message in answer.context["messages"]] == ["1 will be sent again, at once."]
    assert WebhookDelivery.objects.get().status == "pending"
    assert LogEntry.objects.get().change_message == "Sent again."


def test_who_may_only_look_cannot_have_it_sent_again(clerk, delivery):
    replay(clerk("view_webhookdelivery"), delivery)
    assert WebhookDelivery.objects.get().status == "failed"


def test_a_secret_is_shown_to_who_may_see_it(clerk, user):
    secret = WebhookSecret.objects.of(user.pk)
    client = clerk("view_webhooksecret")
    assert secret.secret not in client.get("/admin/jobs/webhooksecret/").content.decode()
    page = client.get(f"/admin/jobs/webhooksecret/{secret.pk}/change/").content.decode()
    assert secret.secret in page


def test_and_to_nobody_else(clerk, user):
    secret = WebhookSecret.objects.of(user.pk)
    client = clerk("view_job", "view_webhookdelivery")
    assert client.get(f"/admin/jobs/webhooksecret/{secret.pk}/change/").status_code == 403
