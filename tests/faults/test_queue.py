"""The queue is bounded exactly, hands out each job once, and knows nothing of what was rolled back."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.faults.conftest import HURRIED, film


def test_three_hundred_posts_at_once_for_a_hundred_places(fleet):
    def post(_):
        return fleet.service.client.post("/api/v1/jobs", json=film())

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(300)))
    assert Counter(answer.status_code for answer in answers) == {202: 100, 503: 200}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(answer.json()["code"] == "QUEUE_FULL" and int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert fleet.service.one("SELECT count(*) FROM jobs_job WHERE status = 'pending'") == 100


def test_a_claim_takes_one_job_although_the_planner_expects_one_row(fleet):
    with psycopg.connect(
        host=fleet.service.socket_dir, user="postgres", dbname=fleet.service.database, autocommit=True
    ) as connection:
        fleet.post(film())
        connection.execute("ANALYZE jobs_job")
        for _ in range(49):
            fleet.post(film())
    fleet.start()
    for job in fleet.jobs:
        assert fleet.end(job) == "completed"
        assert fleet.outcomes(job) == ["completed"]


def test_a_job_that_was_rolled_back_is_never_run(fleet):
    fleet.start()
    code = (
        "from django.contrib.auth.models import User\n"
        "from django.db import transaction\n"
        "from jobs.queue import Submission, submit\n"
        "with transaction.atomic():\n"
        f"    submit(User.objects.get(), Submission({film()!r}))\n"
        "    transaction.set_rollback(True)\n"
    )
    before = fleet.service.one("SELECT count(*) FROM jobs_job")
    fleet.service.manage("shell", "-v0", "-c", code, DJANGO_SETTINGS_MODULE=HURRIED)
    assert fleet.end(fleet.post(film())) == "completed"
    assert fleet.service.one("SELECT count(*) FROM jobs_job") == before + 1


def test_two_clusters_share_the_jobs_and_do_each_once(fleet):
    for _ in range(2):
        fleet.start(VIDEOCRAFT_JOB_WORKERS=1)
    jobs = [fleet.post(film(5)) for _ in range(16)]
    assert [fleet.end(job) for job in jobs] == ["completed"] * 16
    assert [fleet.outcomes(job) for job in jobs] == [["completed"]] * 16
    workers = fleet.service.rows(
        "SELECT worker, count(*) FROM jobs_jobattempt WHERE job_id = ANY(%s::uuid[]) GROUP BY 1",
        [job["job_id"] for job in jobs],
    )
    assert len(workers) == 2
    assert min(count for _, count in workers) >= 4
