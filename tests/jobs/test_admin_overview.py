"""The overview: its figures, its chart, who works on what, at what cost, and for whom; and changing priorities."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from jobs.admin import hours
from jobs.models import Job, JobAttempt
from tests.jobs.factories import make_cluster, make_job

LIST = "/admin/jobs/job/"
OVERVIEW = "/admin/jobs/overview/"
LIVE = "/admin/jobs/overview/live/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def browser(staff):
    client = Client()
    client.force_login(staff)
    return client


def text_of(response):
    return response.content.decode()


def part(page, name):
    return re.search(rf'data-part="{name}"[^>]*>([^<]*)<', page)[1]


def test_it_comes_first_in_the_admins_lists(browser):
    for url in ("/admin/", "/admin/jobs/", LIST):
        links = re.findall(r'<a href="(/admin/jobs/\w+/)"', text_of(browser.get(url)))
        assert links[0] == OVERVIEW


def test_it_shows_what_waits_and_for_how_long(browser, user):
    for seconds in (30, 185):
        before = timezone.now() - timedelta(seconds=seconds)
        make_job(user, run_after=before, updated_at=before)
    make_job(user, status="processing")
    page = text_of(browser.get(OVERVIEW))
    assert (part(page, "pending"), part(page, "processing")) == ("2", "1")
    assert part(page, "wait").startswith("oldest waits 3 min 0")


def test_it_shows_what_ended_within_the_hour(browser, user):
    for minutes, status in ((1, "completed"), (2, "completed"), (30, "completed"), (90, "completed"), (5, "failed")):
        make_job(user, status=status, finished_at=timezone.now() - timedelta(minutes=minutes))
    page = text_of(browser.get(OVERVIEW))
    assert (part(page, "completed"), part(page, "failed")) == ("3", "1")
    assert part(page, "rate") == "0.4 a minute lately"


def test_it_shows_who_works_on_what(browser, user):
    cluster = make_cluster(host="north", pid=77, workers=3, cpu_percent=151.2, memory_bytes=3 * 2**20)
    job = make_job(user, status="processing", cluster=cluster.pk, worker_host="north", worker_pid=4711, progress=37)
    page = text_of(browser.get(OVERVIEW))
    for text in ("north:77", "alive", "1 at work, 2 free", "151 %", "3.0\xa0MB", "worker 4711", "fetching 37 %"):
        assert text in page
    assert f'href="/admin/jobs/job/{job.pk}/change/"' in page


def test_a_job_of_a_cluster_that_is_gone_is_shown_too(browser, user):
    make_job(user, status="processing", cluster=uuid.uuid4(), worker_host="south", worker_pid=4712)
    page = text_of(browser.get(OVERVIEW))
    assert "of no known cluster" in page
    assert "south:4712" in page


def test_it_says_that_nobody_works_on_what_waits(browser, user):
    make_job(user)
    make_cluster(heartbeat_at=timezone.now() - timedelta(minutes=5))
    page = text_of(browser.get(OVERVIEW))
    assert "Nobody works on these" in page
    assert "silent" in page


def test_it_says_for_what_jobs_wait_that_no_worker_has(browser, user):
    for labels in ([], ["gpu"], ["gpu"], ["big", "gpu"]):
        make_job(user, labels=labels)
    cluster = make_cluster(labels=["big"], is_dedicated=True)
    page = text_of(browser.get(OVERVIEW))
    for said in (
        "2 jobs wait for a worker with gpu, and none is there.",
        "1 job waits for a worker with big and gpu, and none is there.",
        "1 job waits for a worker that takes jobs without labels, and none is there.",
        "0 at work, 2 free; big, for such jobs only",
    ):
        assert said in page
    cluster.labels, cluster.is_dedicated = ["big", "gpu"], False
    cluster.save()
    assert "none is there" not in text_of(browser.get(OVERVIEW))


def test_it_shows_how_long_stages_take(browser, user):
    make_job(user, status="completed")
    JobAttempt.objects.update(stage_seconds={"rendering": 75})
    page = text_of(browser.get(OVERVIEW))
    assert '<th scope="row">rendering</th><td>1 min 15 s</td><td>1 min 15 s</td>' in page
    assert '<th scope="row">storing</th><td>–</td><td>–</td>' in page


def test_jobs_are_counted_by_the_hour_in_which_they_ended(user):
    for minutes, status in (
        (0, "completed"),
        (59, "failed"),
        (61, "completed"),
        (60 * 30, "completed"),
        (61, "cancelled"),
    ):
        make_job(user, status=status, finished_at=NOON + timedelta(minutes=50 - minutes))
    chart = hours.chart(NOON + timedelta(minutes=55))
    assert [(hour.name, hour.counts) for hour in chart.hours[-2:]] == [("11:00", [1, 1, 1]), ("12:00", [1, 0, 0])]
    assert (len(chart.hours), chart.hours[0].name) == (24, "13:00")
    assert chart.totals == [("completed", 2), ("failed", 1), ("cancelled", 1)]


def test_bars_stand_on_one_another_and_say_what_they_are():
    chart = hours.draw(NOON, {(NOON, "completed"): 3, (NOON, "failed"): 1})
    lower, upper = chart.blocks
    assert (lower.title, upper.title) == ("12:00: 3 completed", "12:00: 1 failed")
    assert lower.y + lower.height == pytest.approx(chart.bottom)
    assert upper.y + upper.height == pytest.approx(lower.y)
    assert lower.height == pytest.approx(3 * upper.height)
    assert [mark.text for mark in chart.counts_named] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("count", "top"), [(0, 4), (4, 4), (5, 8), (9, 12), (33, 40), (1000, 1200), (1_000_000, 1_200_000)]
)
def test_the_axis_ends_at_a_round_number(count, top):
    chart = hours.draw(NOON, {(NOON, "completed"): count})
    assert chart.counts_named[-1].text == f"{top:,}"


def test_a_day_without_jobs_says_so(browser):
    page = text_of(browser.get(OVERVIEW))
    assert "Nothing has ended in this time." in page
    assert "No job waits and none is at work" in page
    assert "vc-block" not in page


def test_it_costs_a_fixed_number_of_queries(browser, user, django_assert_num_queries):
    make_job(user)
    browser.get(OVERVIEW)
    for number in range(30):
        cluster = make_cluster(pid=number)
        make_job(user, status="processing", cluster=cluster.pk)
        make_job(user, status="completed")
    # session, user; waiting, and in vain; living, rates, stages, processing; clusters, jobs at work; pause; the past
    # hour and day
    for url in (OVERVIEW, LIVE):
        with django_assert_num_queries(13) as queries:
            browser.get(url)
        assert not any('"config"' in query["sql"] for query in queries)


def test_a_long_list_of_jobs_at_work_is_cut(browser, user):
    Job.objects.bulk_create(
        Job(
            owner=user,
            config=[],
            status="processing",
            lease_expires_at=timezone.now(),
            worker_host="here",
            worker_pid=1,
        )
        for _ in range(201)
    )
    page = text_of(browser.get(OVERVIEW))
    assert page.count('<th scope="row">here:1</th>') == 200
    assert "More jobs are at work than are shown" in page


def test_what_the_live_answer_has_is_what_the_page_has(browser, user):
    make_job(user, status="processing")
    page, live = text_of(browser.get(OVERVIEW)), browser.get(LIVE)
    names = re.findall(r'data-part="(\w+)"', page)
    assert re.findall(r'data-part="(\w+)"', text_of(live)) == names
    assert len(set(names)) == len(names) > 10
    assert "no-store" in live["Cache-Control"]


def test_it_needs_no_inline_script_or_style(browser, user):
    make_job(user, status="completed")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text_of(browser.get(OVERVIEW)))


def test_only_headline_numbers_and_the_state_of_the_queue_are_read_out(browser):
    page = text_of(browser.get(OVERVIEW))
    spoken = re.findall(r'data-part="(\w+)" aria-live="polite"', page)
    assert spoken == ["state", "pending", "processing", "completed", "failed"]
    assert page.count("aria-live") == len(spoken)


def test_who_may_not_see_jobs_sees_no_overview(user, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_video"))
    client = Client()
    client.force_login(clerk)
    assert [client.get(url).status_code for url in (OVERVIEW, LIVE)] == [403, 403]
    assert OVERVIEW not in text_of(client.get("/admin/"))
    assert Client().get(OVERVIEW).status_code == 302


def test_who_may_only_see_jobs_has_no_button_to_pause(clerk):
    client = clerk("view_job")
    assert "Pause the queue" not in text_of(client.get(OVERVIEW))
    assert client.post(f"{OVERVIEW}pause/").status_code == 403


class TestPriority:
    def post(self, browser, jobs, **fields):
        picked = {"action": "prioritise_selected", "_selected_action": [str(job.pk) for job in jobs]}
        return browser.post(LIST, picked | fields, follow=True)

    def test_the_action_asks_first_and_changes_nothing_yet(self, browser, user):
        jobs = [make_job(user), make_job(user)]
        page = text_of(self.post(browser, jobs))
        assert "Of 2 jobs those that are pending get this priority." in page
        assert all(f'name="_selected_action" value="{job.pk}"' in page for job in jobs)
        assert not Job.objects.exclude(priority=0).exists()

    def test_it_gives_pending_jobs_the_priority_and_tells_exact_counts(self, browser, user):
        jobs = [make_job(user, status=status) for status in ("pending", "pending", "processing", "completed")]
        response = self.post(browser, jobs, priority="7")
        assert [str(message) for message in response.context["messages"]] == [
            "Priority 7 for 2 jobs.",
            "2 jobs could not be given another priority: only pending jobs can.",
        ]
        assert Job.objects.filter(priority=7, status="pending").count() == 2

    @pytest.mark.parametrize("priority", ["11", "-11", "", "high"])
    def test_a_priority_out_of_bounds_is_asked_for_again(self, browser, user, priority):
        job = make_job(user)
        page = text_of(self.post(browser, [job], priority=priority))
        assert 'class="errorlist"' in page
        assert f'value="{job.pk}"' in page
        job.refresh_from_db()
        assert job.priority == 0

    def test_an_action_on_everything_goes_on_where_it_stopped(self, browser, user, monkeypatch):
        monkeypatch.setattr("jobs.admin.control.MAX_AT_ONCE", 3)
        jobs = [make_job(user) for _ in range(5)]
        assert "all jobs that match" in text_of(self.post(browser, jobs[:1], select_across="1"))
        for _ in range(2):
            self.post(browser, jobs[:1], select_across="1", priority="2")
        assert Job.objects.filter(priority=2).count() == 5

    def test_the_page_of_a_pending_job_has_a_form_for_it(self, browser, user):
        job = make_job(user, priority=2)
        page = text_of(browser.get(f"{LIST}{job.pk}/change/"))
        assert re.search(r'<input type="number" name="priority" value="2" min="-10" max="10"', page)
        response = browser.post(f"{LIST}{job.pk}/priority/", {"priority": "5"}, follow=True)
        assert [str(message) for message in response.context["messages"]] == ["Priority 5 for 1 job."]
        assert "to 5" in text_of(response)

    def test_a_wrong_priority_or_a_wrong_state_is_said(self, browser, user):
        pending, running = make_job(user), make_job(user, status="processing")
        for job, priority in ((pending, "99"), (running, "5")):
            response = browser.post(f"{LIST}{job.pk}/priority/", {"priority": priority}, follow=True)
            assert [message.level_tag for message in response.context["messages"]] == ["error"]
        assert not Job.objects.exclude(priority=0).exists()
        assert "Change priority" not in text_of(browser.get(f"{LIST}{running.pk}/change/"))
        assert browser.get(f"{LIST}{pending.pk}/priority/").status_code == 405

    def test_who_may_only_view_changes_none(self, user, clerk):
        client, job = clerk("view_job"), make_job(user)
        self.post(client, [job], priority="5")
        assert client.post(f"{LIST}{job.pk}/priority/", {"priority": "5"}).status_code == 403
        assert "Change priority" not in text_of(client.get(f"{LIST}{job.pk}/change/"))
        job.refresh_from_db()
        assert job.priority == 0
