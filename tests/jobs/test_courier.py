"""Telling webhooks of the ends of jobs: each once it has ended, until it answers, and none behind another."""

import base64
import hashlib
import hmac
import json
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from jobs import courier as module
from jobs import webhook
from jobs.cleaning import clean
from jobs.courier import Courier
from jobs.identity import WorkerIdentity
from jobs.models import Job, WebhookDelivery, WebhookSecret, WebhookStatus, WebhookTry
from tests.jobs.factories import make_job, make_token, make_video
from tests.web import LocalServer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    """Let local servers be told, and look at once for what came of it."""
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.0/8"]})
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    monkeypatch.setattr(module, "_LEAVE_S", 0.1)


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture
def courier():
    courier = Courier()
    yield courier
    courier.leave()


def make_told(owner, url, *, status="failed", **fields):
    """Make a job that has ended, with its end to be told."""
    public = {"webhook_url": url, "public_url": "http://films.test/"}
    job = make_job(owner, status=status, **public | fields)
    WebhookDelivery.objects.announce(job.pk)
    return job


def run(courier, until, seconds=10):
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        courier.turn()


def settle(courier):
    """Let the courier work until nothing is due and nothing is being sent."""
    due = WebhookDelivery.objects.filter(status=WebhookStatus.PENDING, due_at__lte=Now())
    run(courier, lambda: not due.exists() and not courier._under_way)


def make_due():
    WebhookDelivery.objects.update(due_at=Now())


def verified(secret, request):
    """Return what a message says, having checked its signature as a receiver would."""
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{digest}" in headers["webhook-signature"].split()
    return json.loads(request.body)


class TestEnds:
    """Each end of a job is told in its own transaction."""

    def told(self):
        return list(WebhookDelivery.objects.values_list("event", flat=True))

    def hooked(self, user, **fields):
        return make_job(user, webhook_url="https://hooks.test/a", **fields)

    def test_a_completed_job(self, user):
        job = self.hooked(user, status="processing")
        assert Job.objects.complete(job, [], [])
        assert self.told() == ["job.completed"]

    def test_a_failed_job_but_none_that_is_tried_again(self, user):
        job = self.hooked(user, status="processing", max_attempts=2)
        assert Job.objects.fail(job, {"code": "TIMEOUT", "message": "late", "retryable": True})
        assert self.told() == []
        job = Job.objects.get(pk=job.pk)
        Job.objects.update(run_after=Now())
        assert Job.objects.fail(Job.objects.claim(WorkerIdentity("here", 1, 1)), {"code": "X", "retryable": True})
        assert self.told() == ["job.failed"]

    def test_a_job_that_is_cancelled_while_it_waits_or_is_worked_on(self, user):
        Job.objects.cancel(self.hooked(user).pk)
        assert self.told() == ["job.cancelled"]
        processing = self.hooked(user, status="processing")
        Job.objects.cancel(processing.pk)
        assert self.told() == ["job.cancelled"]
        Job.objects.cancelled_by_worker(processing)
        assert self.told() == ["job.cancelled"] * 2

    def test_a_job_whose_worker_is_lost_for_the_last_time(self, user):
        job = self.hooked(user, status="processing", max_attempts=1)
        assert Job.objects.lose(job, if_lease_is_over=False)
        assert self.told() == ["job.failed"]

    def test_a_transition_that_is_fenced_tells_nothing(self, user):
        job = self.hooked(user, status="processing")
        Job.objects.filter(pk=job.pk).update(attempt=2)
        assert not Job.objects.complete(job, [], [])
        assert self.told() == []

    def test_a_job_without_a_webhook_tells_nobody(self, user):
        Job.objects.cancel(make_job(user).pk)
        assert self.told() == []


def test_what_is_told_is_the_job_as_its_status_says_it(user, server, courier, client):
    server.status("/hook", 200)
    job = make_told(user, server.url("/hook"), status="completed", public_url="http://testserver/")
    make_video(job)
    settle(courier)
    told = verified(WebhookSecret.objects.of(user.pk).secret, server.requests[0])
    headers = {"Authorization": f"Bearer {make_token(user)}"}
    answer = client.get(f"/api/v1/jobs/{job.pk}/status", headers=headers).json()
    assert told["event"] == "job.completed"
    assert told["job"].pop("webhook") == {
        "url": server.url("/hook"),
        "status": "pending",
        "attempts": 1,
        "last_status": None,
    }
    assert answer.pop("webhook") == {
        "url": server.url("/hook"),
        "status": "delivered",
        "attempts": 1,
        "last_status": 200,
    }
    assert told["job"] == answer
    assert answer["videos"][0]["download_url"].startswith("http://testserver/api/v1/videos/")


def test_a_job_that_a_person_has_retried_since_is_told_as_it_had_ended(user, server, courier):
    server.status("/hook", 200)
    job = make_told(user, server.url("/hook"))
    Job.objects.retry(job.pk)
    Job.objects.claim(WorkerIdentity("here", 1, 1))
    settle(courier)
    told = json.loads(server.requests[0].body)["job"]
    assert (told["status"], told["attempt"], told["stage"]) == ("failed", 1, None)
    assert told["error"]["code"] == "DOWNLOAD_FAILED"
    assert told["completed_at"]
    assert told["duration_seconds"] is not None


def test_the_films_of_a_later_success_are_not_told_with_a_failure(user, server, courier):
    server.status("/hook", 200)
    job = make_told(user, server.url("/hook"))
    Job.objects.retry(job.pk)
    make_video(Job.objects.claim(WorkerIdentity("here", 7, 1)))
    settle(courier)
    assert json.loads(server.requests[0].body)["job"]["videos"] == []


def test_who_fails_twice_is_told_the_third_time_with_the_same_words_and_id(user, server, courier):
    answers = iter([500, 500, 200])
    server.handle("/hook", lambda handler: handler.answer(next(answers), b"sorry"))
    make_told(user, server.url("/hook"))
    for _ in range(3):
        make_due()
        settle(courier)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.tries, delivery.last_status) == ("delivered", 3, 200)
    assert [(one.number, one.status, one.answer) for one in delivery.log.all()] == [
        (1, 500, "sorry"),
        (2, 500, "sorry"),
        (3, 200, ""),
    ]
    assert len({(request.headers["webhook-id"], request.body) for request in server.requests}) == 1
    assert server.requests[0].headers["webhook-id"] == delivery.message_id


def test_a_failure_waits_before_the_next_try(user, server, courier):
    server.status("/hook", 500)
    make_told(user, server.url("/hook"))
    settle(courier)
    for _ in range(5):
        courier.turn()
    assert server.hits["/hook"] == 1
    delivery = WebhookDelivery.objects.get()
    assert timedelta(seconds=4) < delivery.due_at - delivery.log.get().ended_at < timedelta(seconds=7)


def test_who_is_gone_for_good_is_told_no_more(user, server, courier):
    server.status("/hook", 410)
    make_told(user, server.url("/hook"))
    settle(courier)
    assert WebhookDelivery.objects.values_list("status", "last_status").get() == ("failed", 410)


def test_after_a_day_it_is_given_up(user, server, courier):
    server.status("/hook", 500)
    make_told(user, server.url("/hook"))
    WebhookDelivery.objects.update(give_up_at=Now() - timedelta(seconds=1))
    settle(courier)
    assert WebhookDelivery.objects.get().status == "failed"


def test_a_redirect_to_an_address_inside_is_not_followed(user, server, courier):
    server.redirect("/hook", server.url("/inside"), 307)
    make_told(user, server.url("/hook"))
    settle(courier)
    assert WebhookDelivery.objects.values_list("status", "last_status").get() == ("pending", 307)
    assert server.hits["/inside"] == 0


def test_an_address_inside_is_not_told(user, server, courier, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": []})
    make_told(user, server.status("/hook", 200))
    settle(courier)
    assert "a loopback address" in WebhookTry.objects.get().error
    assert not server.requests


def test_a_host_that_hangs_keeps_nobody_else_waiting(user, server, courier):
    with LocalServer() as dead:
        dead.handle("/hook", lambda handler: handler.pause(20))
        for _ in range(2 * module.AT_ONCE):
            make_told(user, dead.url("/hook"))
        live = make_told(user, server.status("/hook", 200))
        began = time.monotonic()
        run(courier, lambda: WebhookDelivery.objects.filter(job=live, status="delivered").exists())
        assert time.monotonic() - began < 3
        assert dead.hits["/hook"] <= module.AT_ONCE_TO_A_HOST


def test_an_owner_of_many_hosts_that_hang_keeps_no_other_owner_waiting(user, other_user, server, courier):
    hanging = [LocalServer() for _ in range(10)]
    try:
        for dead in hanging:
            dead.__enter__().handle("/hook", lambda handler: handler.pause(20))
            for _ in range(2):
                make_told(other_user, dead.url("/hook"))
        make_told(user, server.status("/hook", 200))
        run(courier, lambda: server.hits["/hook"] == 1, 3)
        assert sum(dead.hits["/hook"] for dead in hanging) <= module.AT_ONCE_FOR_AN_OWNER
    finally:
        for dead in hanging:
            dead.__exit__(None, None, None)


def test_who_hangs_and_recovers_is_told(user, server, courier, monkeypatch):
    monkeypatch.setattr(webhook, "TRY_S", 0.3)
    server.handle("/hook", lambda handler: handler.pause(5))
    make_told(user, server.url("/hook"))
    settle(courier)
    assert WebhookTry.objects.get().error == "no answer within 0.3 s"
    server.status("/hook", 200)
    make_due()
    settle(courier)
    assert WebhookDelivery.objects.get().status == "delivered"


class TestLease:
    """A claimed delivery is nobody else's until its lease is over, and then another's alone."""

    def claim(self):
        return WebhookDelivery.objects.claim(busy_hosts=[], busy_owners=[])

    def test_it_is_claimed_once_and_again_when_its_courier_did_not_come_back(self, user):
        make_told(user, "https://hooks.test/a")
        first = self.claim()
        assert self.claim() is None
        make_due()
        second = self.claim()
        assert (first.pk, first.tries, second.tries) == (second.pk, 1, 2)

    def test_who_comes_back_too_late_writes_nothing(self, user):
        make_told(user, "https://hooks.test/a")
        late = self.claim()
        make_due()
        self.claim()
        assert not WebhookDelivery.objects.record(late, timedelta(), status=200, took_ms=1, error="", answer="")
        assert not WebhookDelivery.objects.release(late)
        assert WebhookDelivery.objects.get().status == "pending"
        assert not WebhookTry.objects.exists()

    def test_what_is_written_twice_is_written_once(self, user):
        make_told(user, "https://hooks.test/a")
        claimed = self.claim()
        facts = {"status": 500, "took_ms": 1, "error": "answered 500", "answer": ""}
        assert WebhookDelivery.objects.record(claimed, timedelta(), **facts)
        assert not WebhookDelivery.objects.record(claimed, timedelta(), **facts)
        assert WebhookTry.objects.count() == 1

    def test_hosts_and_owners_that_are_busy_are_passed_over(self, user, other_user):
        make_told(user, "https://hooks.test/a")
        other = make_told(other_user, "https://elsewhere.test:8443/a")
        claimed = WebhookDelivery.objects.claim(busy_hosts=["hooks.test"], busy_owners=[])
        assert (claimed.job_id, claimed.host) == (other.pk, "elsewhere.test:8443")
        assert WebhookDelivery.objects.claim(busy_hosts=[], busy_owners=[user.pk]) is None


def test_what_a_stopping_courier_is_sending_is_given_back(user, server):
    arrived = threading.Event()
    server.handle("/hook", lambda handler: arrived.set() or handler.pause(20))
    make_told(user, server.url("/hook"))
    courier = Courier()
    run(courier, arrived.is_set)
    began = time.monotonic()
    courier.leave()
    assert time.monotonic() - began < 2
    due = WebhookDelivery.objects.filter(status="pending", due_at__lte=Now(), sending_since=None)
    assert due.count() == 1


def test_one_that_cannot_be_put_into_words_does_not_stop_the_others(user, server, courier):
    make_told(user, server.status("/hook", 200))
    WebhookDelivery.objects.update(facts={})
    make_told(user, server.url("/hook"))
    settle(courier)
    assert server.hits["/hook"] == 1
    assert set(WebhookTry.objects.values_list("error", flat=True)) == {"", "it could not be put into words"}


class TestSecret:
    def test_it_is_made_at_first_need_and_stays(self, user, capsys):
        call_command("webhook_secret", "ann")
        first = capsys.readouterr().out
        call_command("webhook_secret", "ann")
        assert capsys.readouterr().out == first
        assert len(base64.b64decode(first.strip().removeprefix("whsec_"))) == 32

    def test_another_signs_beside_the_one_before_for_a_day(self, user, server, courier, capsys):
        before = WebhookSecret.objects.of(user.pk).secret
        call_command("webhook_secret", "ann", "--new")
        after = capsys.readouterr().out.strip()
        make_told(user, server.status("/hook", 200))
        settle(courier)
        assert before != after
        assert verified(before, server.requests[0]) == verified(after, server.requests[0])
        WebhookSecret.objects.update(made_at=Now() - timedelta(hours=25))
        assert WebhookSecret.objects.get().in_use == (after,)

    def test_each_owner_has_his_own(self, user, other_user):
        assert WebhookSecret.objects.of(user.pk).secret != WebhookSecret.objects.of(other_user.pk).secret


def test_what_was_told_of_a_job_goes_with_it(user, server, courier):
    job = make_told(user, server.status("/hook", 200))
    settle(courier)
    Job.objects.filter(pk=job.pk).update(finished_at=Now() - timedelta(days=8))
    list(clean())
    assert [model.objects.count() for model in (Job, WebhookDelivery, WebhookTry)] == [0, 0, 0]
