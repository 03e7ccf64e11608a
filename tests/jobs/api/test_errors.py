"""Every answer has a request id, and every error under the API its one form, whoever raised it."""

import logging

import pytest
from django.db import InterfaceError, OperationalError, connection

from jobs.models import JobQuerySet
from tests.jobs.api.answers import refusal

NOWHERE = "/api/v1/nowhere"


@pytest.fixture(params=[True, False], ids=["debug", "production"])
def debug(request, settings):
    settings.DEBUG = request.param


@pytest.mark.parametrize("sane", ["a", "A.b_c-9", "x" * 128])
def test_a_sane_request_id_of_the_client_is_kept(api, sane):
    assert api.get("/api/v1/jobs", headers={"X-Request-ID": sane})["X-Request-ID"] == sane


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, "a\r\nSet-Cookie: b", "é", "a\n"])
def test_any_other_is_replaced_by_a_new_one(api, odd):
    ids = [api.get("/api/v1/jobs", headers={"X-Request-ID": odd})["X-Request-ID"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert odd not in ids


@pytest.mark.parametrize("path", ["/health", "/admin/login/", NOWHERE, "/nowhere"])
def test_every_answer_has_a_request_id(anonymous, path):
    assert len(anonymous.get(path)["X-Request-ID"]) == 32


def test_an_error_names_the_request_id_of_the_client(anonymous):
    answer = anonymous.get("/api/v1/jobs", headers={"X-Request-ID": "mine"})
    assert answer.json()["request_id"] == "mine"


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("path", [NOWHERE, "/api/", "/api/v2/jobs", "/api/v1/jobs/a/b/c"])
def test_an_address_that_is_not_there_is_an_error_of_the_api(anonymous, path):
    assert refusal(anonymous.get(path)) == (404, "NOT_FOUND")


def test_an_address_outside_the_api_is_none(anonymous):
    assert anonymous.get("/nowhere")["Content-Type"].startswith("text/html")


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("host", ["evil.example.com", "a b"])
def test_a_host_that_is_not_ours_is_refused_in_the_same_form(anonymous, host):
    assert refusal(anonymous.get(NOWHERE, headers={"Host": host})) == (400, "INVALID_INPUT")


@pytest.mark.usefixtures("debug")
def test_an_unexpected_error_tells_the_client_nothing_and_the_log_everything(api, monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(JobQuerySet, "visible_to", fail)
    with caplog.at_level(logging.ERROR):
        answer = api.get("/api/v1/jobs", headers={"X-Request-ID": "r-1"})
    assert refusal(answer) == (500, "INTERNAL_ERROR")
    assert b"secret" not in answer.content
    assert b"Traceback" not in answer.content
    assert "r-1" in caplog.text
    assert "the secret reason" in caplog.text


@pytest.mark.usefixtures("debug")
def test_an_error_outside_the_views_is_one_of_the_api_too(api, monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("the secret reason")

    api.raise_request_exception = False
    monkeypatch.setattr("django.contrib.messages.middleware.MessageMiddleware.process_request", fail)
    with caplog.at_level(logging.ERROR):
        answer = api.get("/api/v1/jobs", headers={"X-Request-ID": "r-2"})
    assert refusal(answer) == (500, "INTERNAL_ERROR")
    assert b"secret" not in answer.content
    assert "r-2" in caplog.text


def test_a_failed_statement_leaves_the_connection_usable(api):
    assert refusal(api.get("/api/v1/jobs/%00")) == (404, "JOB_NOT_FOUND")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("problem", [OperationalError("secret"), InterfaceError("secret")])
def test_a_database_that_is_away_is_no_fault_of_the_client_and_asked_again_later(api, monkeypatch, caplog, problem):
    def fail(*args):
        raise problem

    monkeypatch.setattr(JobQuerySet, "visible_to", fail)
    answer = api.get("/api/v1/jobs")
    assert (*refusal(answer), answer["Retry-After"]) == (503, "UNAVAILABLE", "5")
    assert b"secret" not in answer.content
    assert "secret" in caplog.text
