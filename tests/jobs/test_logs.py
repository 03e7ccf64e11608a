"""Every line about a job or a request names it, whoever logs it, in either form; and none tells a secret."""

import io
import json
import logging
import time

import pytest
from django.test import Client

from jobs import logs
from jobs.identity import WorkerIdentity
from jobs.models import Job
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def listen():
    """Log to a stream in a form; give a function that returns a logger and the stream."""
    added = []

    def start(form="plain", name="media_services.anything"):
        handler = logging.StreamHandler(io.StringIO())
        handler.addFilter(logs.AboutFilter())
        handler.setFormatter(logs.FORMATTERS[form]())
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        added.append((logger, handler))
        return logger, handler.stream

    yield start
    for logger, handler in added:
        logger.removeHandler(handler)


@pytest.fixture
def job(user):
    make_job(user)
    return Job.objects.claim(WorkerIdentity("here", 7, 1))


def test_lines_about_a_job_name_it_and_others_do_not(user, job, listen):
    logger, stream = listen()
    with logs.about(job):
        logger.warning("inside")
    logger.warning("outside")
    inside, outside = stream.getvalue().splitlines()
    about = f"job={job.pk} attempt=1 worker=here:7 owner={user.pk} inside"
    assert inside.endswith(f" WARNING media_services.anything {about}")
    assert outside.endswith(" WARNING media_services.anything outside")


def test_a_line_in_json_has_a_key_for_each_fact(user, job, listen):
    logger, stream = listen("json")
    with logs.answering("r-1"), logs.about(job):
        logger.warning("took %d ms", 5)
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "media_services.anything",
        "request_id": "r-1",
        "job_id": str(job.pk),
        "attempt": 1,
        "worker": "here:7",
        "owner": user.pk,
        "message": "took 5 ms",
    }


@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_event_is_a_line_whatever_its_message(form, listen):
    logger, stream = listen(form)
    logger.warning("failed:\nline 2 of FFmpeg's\n")
    assert stream.getvalue().count("\n") == 1


def test_what_a_request_is_refused_for_names_the_request(listen):
    _, stream = listen(name="django.request")
    Client().get("/nowhere", headers={"X-Request-ID": "r-7"})
    assert stream.getvalue().endswith(" django.request request=r-7 Not Found: /nowhere\n")


def test_what_is_logged_while_a_request_is_answered_names_it(listen, monkeypatch):
    logger, stream = listen("json")
    monkeypatch.setattr("jobs.api.service.CHECKS", {"database": lambda: logger.warning("looking") or "answers"})
    Client().get("/ready", headers={"X-Request-ID": "r-8"})
    logger.warning("outside")
    inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert inside["request_id"] == "r-8"
    assert "request_id" not in outside


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("GET http://ann:hunter2@example.com/a.png failed", "GET http://***@example.com/a.png failed"),
        ("postgresql://films:Secret0@postgres:5432/films", "postgresql://***@postgres:5432/films"),
        ("'https://example.com/a.mp4?X-Amz-Signature=5f4d'", "'https://example.com/a.mp4?***'"),
        ("Authorization: Bearer 0123abcd", "Authorization: Bearer ***"),
        ("Not Found: /shared/W1siMGE.b-_x", "Not Found: /shared/***"),
        ("mail ann@example.com about /api/v1/jobs?limit=5", "mail ann@example.com about /api/v1/jobs?limit=5"),
    ],
)
def test_secrets_are_hidden_and_nothing_else(line, shown):
    assert logs.hidden(line) == shown


@pytest.mark.parametrize("form", ["plain", "json"])
def test_secrets_are_hidden_in_messages_and_tracebacks(form, listen):
    logger, stream = listen(form)
    try:
        raise ValueError("http://ann:hunter2@example.com/")
    except ValueError:
        logger.exception("broke off at %s", "https://example.com/a.mp4?key=hunter2")
    assert "ValueError: http://***@example.com/" in stream.getvalue()
    assert "broke off at https://example.com/a.mp4?***" in stream.getvalue()
    assert "hunter2" not in stream.getvalue().replace('raise ValueError("http://ann:hunter2@example.com/")', "")


def test_secrets_are_hidden_in_what_a_web_server_logs_of_a_request():
    arguments = ("127.0.0.1:4711", "GET", "/shared/W1siMGE.b-_x", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert logs.SecretsFilter().filter(record)
    assert record.getMessage() == '127.0.0.1:4711 - "GET /shared/*** HTTP/1.1" 200'


def test_what_ends_a_line_or_steers_a_terminal_is_written_out(listen):
    logger, stream = listen()
    logger.warning("path %s", "a\rb\x1b[2K\u2028\x85c\x00\td")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"path a\rb\x1b[2K\u2028\x85c\x00" + "\td")


def test_a_line_is_looked_through_once_however_many_addresses_it_names():
    took_s = []
    for count in (2_000, 16_000):
        began = time.process_time()
        assert logs.hidden("a://" * count) == "a://" * count
        took_s.append(time.process_time() - began)
    assert took_s[1] < 24 * took_s[0] + 0.05, "eight times as much, not sixty-four"
