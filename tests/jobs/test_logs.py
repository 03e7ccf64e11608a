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
