"""The figures of the service, as a client gets them."""

import pytest

from tests.jobs.api.answers import refusal
from tests.jobs.factories import make_cluster, make_job

SEED = {
    "queue_size": 0,
    "queue_paused": False,
    "active_workers": 0,
    "processing_jobs": 0,
    "jobs_completed": 0,
    "jobs_failed": 0,
    "average_job_time": 0,
    "memory_usage_bytes": 0,
    "cpu_usage_percent": 0,
    "error_rate_percent": 0,
    "retry_rate_percent": 0,
}
STAGES = ("fetching", "analyzing", "transcribing", "rendering", "storing")


@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/v1/metrics/"])
def test_a_service_that_has_done_nothing_counts_nothing(api, path):
    nothing = {stage: {"p50_s": None, "p95_s": None} for stage in STAGES}
    assert api.get(path).json() == {**SEED, "oldest_pending_age_s": None, "stages": nothing}


def test_everyone_gets_the_figures_of_the_whole_service(api, other_api, staff_api, user, other_user):
    make_cluster(workers=3)
    make_job(user)
    make_job(other_user)
    figures = [client.get("/api/v1/metrics").json() for client in (api, other_api, staff_api)]
    assert [(it["queue_size"], it["active_workers"]) for it in figures] == [(2, 3)] * 3


def test_the_figures_cost_a_fixed_number_of_queries(api, user, django_assert_num_queries):
    for status in ("pending", "processing", "completed", "completed", "failed"):
        make_job(user, status=status)
    # token; waiting; pause; clusters; processing, completed, failed; rates; stages
    with django_assert_num_queries(9):
        api.get("/api/v1/metrics")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_another_method_is_not_allowed(api, method):
    assert refusal(getattr(api, method)("/api/v1/metrics")) == (405, "METHOD_NOT_ALLOWED")
