"""Every line about a job names it, its attempt and its worker, whoever logs it."""

import io
import logging

import pytest
from django.conf import settings

from jobs import logs
from jobs.identity import WorkerIdentity
from jobs.models import Job
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def log():
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(logs.JobFilter())
    handler.setFormatter(logging.Formatter(settings.LOGGING["formatters"]["line"]["format"]))
    logger = logging.getLogger("media_services.anything")
    logger.addHandler(handler)
    yield logger, handler.stream
    logger.removeHandler(handler)


def test_lines_about_a_job_name_it_and_others_do_not(user, log):
    make_job(user)
    job = Job.objects.claim(WorkerIdentity("here", 7, 1))
    logger, stream = log
    with logs.about(job):
        logger.warning("inside")
    logger.warning("outside")
    inside, outside = stream.getvalue().splitlines()
    assert inside.endswith(f" job={job.pk} attempt=1 worker=here:7 inside")
    assert outside.endswith("media_services.anything outside")


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


def test_secrets_are_hidden_in_tracebacks(log):
    logger, stream = log
    (handler,) = logger.handlers
    handler.setFormatter(logs.LineFormatter(settings.LOGGING["formatters"]["line"]["format"]))
    try:
        raise ValueError("http://ann:hunter2@example.com/")
    except ValueError:
        logger.exception("broke off")
    assert "ValueError: http://***@example.com/" in stream.getvalue()


def test_secrets_are_hidden_in_what_a_web_server_logs_of_a_request():
    arguments = ("127.0.0.1:4711", "GET", "/shared/W1siMGE.b-_x", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert logs.SecretsFilter().filter(record)
    assert record.getMessage() == '127.0.0.1:4711 - "GET /shared/*** HTTP/1.1" 200'
