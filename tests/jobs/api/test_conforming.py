"""Whatever a client sends, the API answers with what its schema says: made up by schemathesis, from that schema."""

import os
import socket
from collections import Counter

import pytest
import schemathesis
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from jobs.api import jobs as waiting
from jobs.api.sharing import sign
from jobs.models import JobStatus
from tests.jobs.factories import (
    DOCUMENT,
    make_asset,
    make_captioned_video,
    make_cluster,
    make_delivery,
    make_job,
    make_plan,
    make_token,
)

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
EXAMPLES_OF_A_DOCUMENT = EXAMPLES // 3  # a whole document is made up in a second or so, and a wrong one in three
HEADERS = {"Host": "localhost"}


@pytest.fixture
def operations(db, monkeypatch):
    """Every operation of the schema, asked within this process and this test's transaction, and nothing beyond them."""

    def nowhere(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "the tests know no other host")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    monkeypatch.setattr(waiting, "wait_for_change", lambda job, seconds: True)
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", WSGIHandler(), headers=HEADERS)
    yield [result.ok() for result in schema.get_all_operations()]
    for signal in signals:
        signal.connect(close_old_connections)


def make_rows(owner):
    """Make jobs in all states, and what else has an address; return the values of parameters that lead to them."""
    made = {status: make_job(owner, status=status) for status in JobStatus}
    make_plan(made[JobStatus.PENDING])
    make_delivery(made[JobStatus.FAILED])
    often = [made[JobStatus.PENDING], made[JobStatus.FAILED]]  # what can be cancelled, and retried
    sheet = default_storage.save("videos/sheet.jpg", ContentFile(b"frames"))
    video = make_captioned_video(make_job(owner, status="completed"), contact_sheet=sheet)
    make_cluster()
    return {
        "job_id": [str(job.pk) for job in (*often, *made.values())],
        "video_id": [str(video.pk)],
        "asset_id": [str(make_asset(owner).pk)],
        "signed": [sign(video, video.created_at.replace(year=2100, day=1)), sign(video, video.created_at)],
    }


def takes_document(operation):
    return "JobRequest" in str(operation.definition.raw.get("requestBody", ""))


def try_out(operation, mode, known, headers, *, examples):
    """Ask an operation with made-up values, mostly about what is known; count the statuses of the answers."""
    statuses = Counter()
    ids = {name: st.sampled_from(values) for name, values in known.items() if f"{{{name}}}" in operation.path}

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        ids=st.fixed_dictionaries(ids),
        is_known=st.sampled_from([True, True, False]),
    )
    def ask(case, ids, is_known):
        if is_known:
            case.path_parameters.update(ids)
            case.body = DOCUMENT if takes_document(operation) else case.body
        answer = case.call(headers=HEADERS | headers)
        case.validate_response(answer, checks=CHECKS)
        statuses[answer.status_code] += 1

    try:
        ask()
    except Unsatisfiable:  # nothing can be wrong about a request that has no values
        assert mode is GenerationMode.NEGATIVE
    return statuses


def test_every_answer_to_someone_with_a_token_is_as_the_schema_says(operations, user):
    statuses = {}
    for operation in operations:
        examples = EXAMPLES_OF_A_DOCUMENT if takes_document(operation) else EXAMPLES
        is_alias = takes_document(operation) and operation.path != "/api/v1/jobs"
        with transaction.atomic():
            known, headers = make_rows(user), {"Authorization": f"Bearer {make_token(user)}"}
            found = try_out(operation, GenerationMode.POSITIVE, known, headers, examples=examples)
            if not is_alias:
                found += try_out(operation, GenerationMode.NEGATIVE, known, headers, examples=examples)
            transaction.set_rollback(True)
        statuses[operation.label] = found
    never = [label for label, found in statuses.items() if not any(status < 400 for status in found)]
    assert never == ["PUT /api/v1/videos/{video_id}/words.json"]  # its words must be those of a film's document


def test_every_answer_to_someone_without_a_token_is_as_the_schema_says(operations):
    make_cluster()
    for operation in operations:
        statuses = try_out(operation, GenerationMode.POSITIVE, {}, {}, examples=2)
        if operation.definition.raw.get("security") != [{}] and operation.path.startswith("/api/"):
            assert set(statuses) == {401}, operation.label
