"""One message to a webhook: how it is signed, what counts as told, and whom it never reaches."""

import base64
import hashlib
import hmac
import threading
import time
from datetime import timedelta

import pytest

from jobs import webhook
from jobs.webhook import Message, Stopped, backoff, send, signature
from media_services.addresses import HostList, Reach
from tests.web import LocalServer

LOCAL = Reach(HostList.parse(["127.0.0.0/8"]))
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def server():
    with LocalServer() as server:
        yield server


def sent(url, reach=LOCAL, stopping=None, body=b'{"event": "job.completed"}'):
    return send(Message("msg_1", url, body, (SECRET,)), reach, stopping or threading.Event())


def test_the_signature_is_that_of_the_specification():
    # the vector by which its reference libraries test themselves
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_in_use_signs():
    both = signature([SECRET, "whsec_bmV3"], "msg_1", 7, b"{}")
    assert both == " ".join(signature([each], "msg_1", 7, b"{}") for each in (SECRET, "whsec_bmV3"))


def test_it_is_posted_as_json_with_its_headers(server):
    outcome = sent(server.status("/hook", 204))
    (request,) = server.requests
    headers = request.headers
    assert (outcome.status, outcome.error, request.method) == (204, "", "POST")
    assert (headers["content-type"], headers["webhook-id"]) == ("application/json", "msg_1")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 5
    signed = b"msg_1." + headers["webhook-timestamp"].encode() + b"." + request.body
    digest = hmac.new(b"k" * 32, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


@pytest.mark.parametrize("status", [200, 201, 299])
def test_any_2xx_is_told_and_its_answer_is_not_kept(server, status):
    outcome = sent(server.status("/hook", status, b"thank you"))
    assert (outcome.status, outcome.error, outcome.answer) == (status, "", "")


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_anything_else_is_not_and_the_beginning_of_its_answer_is_kept(server, status):
    outcome = sent(server.status("/hook", status, b"no\x00" + b"x" * 5000))
    assert outcome.status == status
    assert outcome.error.startswith(f"answered {status}")
    assert outcome.answer == "no" + "x" * 198


def test_a_redirect_is_a_failure_and_not_followed(server):
    outcome = sent(server.redirect("/hook", server.url("/inside")))
    assert (outcome.status, outcome.error) == (302, "answered 302 Found")
    assert [request.path for request in server.requests] == ["/hook"]


def test_an_address_that_may_not_be_fetched_from_is_not_told_either(server):
    outcome = sent(server.status("/hook", 200), Reach())
    assert outcome.status is None
    assert "a loopback address" in outcome.error
    assert not server.requests


def test_a_port_that_is_not_opened_is_not_told():
    assert "port 9 " in sent("http://93.184.215.14:9/hook", Reach()).error


def test_an_address_that_is_denied_is_not_told():
    outcome = sent("http://192.0.2.1:9/hook", Reach(deny=HostList.parse(["192.0.2.0/24"])))
    assert outcome.error == "VIDEOCRAFT_FETCH_DENY forbids 192.0.2.1"


def test_a_server_that_is_not_there_is_a_failure():
    with LocalServer() as gone:
        url = gone.url("/hook")
    assert sent(url).error == "Connection refused"


def test_who_hangs_has_his_time_and_no_more(server, monkeypatch):
    monkeypatch.setattr(webhook, "TRY_S", 0.5)
    outcome = sent(server.handle("/hook", lambda handler: handler.pause(10)))
    assert (outcome.status, outcome.error) == (None, "no answer within 0.5 s")
    assert 400 <= outcome.took_ms < 2000


def test_who_answers_and_then_hangs_has_answered(server, monkeypatch):
    monkeypatch.setattr(webhook, "TRY_S", 0.5)
    outcome = sent(server.slow("/hook", b"x" * 1000, pause_s=0.2))
    assert (outcome.status, outcome.error) == (200, "")
    assert outcome.took_ms < 2000


def test_an_endless_answer_is_read_up_to_its_bound(server):
    outcome = sent(server.endless("/hook"))
    assert (outcome.status, outcome.error) == (200, "")
    assert outcome.took_ms < 5000


def test_a_connection_that_is_reset_is_a_failure(server):
    outcome = sent(server.reset("/hook"))
    assert outcome.status is None
    assert outcome.error


def test_a_process_that_is_to_leave_gives_it_up(server):
    stopping = threading.Event()
    server.handle("/hook", lambda handler: stopping.set() or handler.pause(10))
    began = time.monotonic()
    with pytest.raises(Stopped):
        sent(server.url("/hook"), stopping=stopping)
    assert time.monotonic() - began < 2


def test_the_wait_doubles_from_five_seconds_to_an_hour():
    for failures, seconds in [(1, 5), (2, 10), (5, 80), (11, 3600), (5000, 3600)]:
        assert timedelta(seconds=seconds) <= backoff(failures) <= timedelta(seconds=seconds * 1.25)
