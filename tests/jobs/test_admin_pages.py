"""The pages of the admin as a browser shows them: nothing on the console, nothing refused, live, and no wider."""

import re
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from jobs.models import Job, QueuePause
from tests.chromium import EXECUTABLE, Chromium
from tests.jobs.factories import make_cluster, make_job, make_plan, make_step, make_video

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(EXECUTABLE is None, reason="there is no Chromium to look at the pages with"),
]
OVERVIEW = "/admin/jobs/overview/"
LIST = "/admin/jobs/job/"


@pytest.fixture
def session_key(staff):
    client = Client()
    client.force_login(staff)
    return client.cookies["sessionid"].value


@pytest.fixture(params=[(1280, False), (390, True)], ids=["1280 light", "390 dark"])
def looks(request, session_key, live_server):
    """Open Chromium, logged in; `open` takes a path."""
    width, is_dark = request.param
    with Chromium(width=width, is_dark=is_dark) as page:
        page.log_in(live_server.url, session_key)
        page.at = lambda path: page.open(live_server.url + path)
        yield page


def make_day(user, count):
    """Make so many jobs, that ended, wait, or are at work."""
    cluster = make_cluster(memory_bytes=512 * 2**20, cpu_percent=97)
    now = timezone.now()
    statuses = ("completed", "completed", "completed", "failed", "cancelled", "pending")
    Job.objects.bulk_create(
        Job(
            owner=user,
            config=[{"comment": f"Film {number}", "scenes": [{}]}],
            status=(status := statuses[number % len(statuses)]),
            created_at=now - timezone.timedelta(minutes=number),
            started_at=None if status == "pending" else now - timezone.timedelta(minutes=number),
            finished_at=None if status == "pending" else now - timezone.timedelta(minutes=number),
            error={"code": "DOWNLOAD_FAILED", "message": "gone"} if status == "failed" else None,
        )
        for number in range(count)
    )
    if count:
        make_job(user, status="processing", stage="rendering", progress=40, cluster=cluster.pk)


def check(page):
    """Assert that the page that is shown fits its width, and that nothing was complained of."""
    assert page.ask("document.documentElement.scrollWidth") <= page.size["width"]
    assert page.ask("[...document.images].every((image) => !image.complete || image.naturalWidth > 0)")
    assert page.complaints == []


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_overview_and_list_fit_and_are_without_complaint(looks, user, count):
    make_day(user, count)
    for path in (OVERVIEW, LIST):
        looks.at(path)
        check(looks)
    assert looks.ask("document.querySelectorAll('#result_list tbody tr').length") == min(count + bool(count), 50)


def test_a_chart_that_is_too_wide_is_scrolled_to_the_latest_hour(looks, user):
    make_job(user, status="completed")
    looks.at(OVERVIEW)
    bar = "document.querySelector('.vc-chart .vc-block').getBoundingClientRect()"
    assert looks.ask(f"{bar}.left >= 0 && {bar}.right <= innerWidth")


def test_job_pages_fit_and_are_without_complaint(looks, user):
    running = make_job(user, status="processing", stage="rendering", progress=40)
    make_plan(running)
    make_step(running)
    done = make_job(user, status="completed")
    make_video(done)
    failed = make_job(user, status="failed", warnings=[{"code": "a", "message": "b"}])
    for job in (make_job(user), running, failed, done):
        looks.at(f"{LIST}{job.pk}/change/")
        check(looks)


def test_the_overview_keeps_itself_live_without_losing_the_focus_or_what_is_open(looks, user):
    job = make_job(user, status="processing", worker_host="here")
    looks.at(OVERVIEW)
    looks.ask("window.isSame = true; document.querySelector('details').open = true")
    looks.ask(f"document.querySelector('[data-part=clusters] a[href*=\"{job.pk}\"]').focus()")
    make_job(user)
    Job.objects.beat(job, stage="rendering", progress=66)
    looks.wait_until("document.querySelector('[data-part=pending]').textContent === '1'")
    looks.wait_until("document.querySelector('[data-part=clusters]').textContent.includes('66 %')")
    assert looks.ask("window.isSame && document.querySelector('details').open")
    assert looks.ask(f"document.activeElement.href.includes('{job.pk}')")
    check(looks)


def test_the_overview_shows_a_pause_and_its_button_resumes(looks, user):
    looks.at(OVERVIEW)
    QueuePause.objects.pause("ann")
    looks.wait_until("document.querySelector('#pause-or-resume').textContent.startsWith('Resume')")
    looks.ask("document.querySelector('#pause-or-resume').click()")
    looks.wait_until("document.querySelector('.messagelist')?.textContent.includes('The queue goes on')")
    assert not QueuePause.objects.exists()
    check(looks)


def test_a_hidden_overview_asks_for_nothing(looks, user):
    looks.at(OVERVIEW)
    looks.ask("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    looks.ask("document.dispatchEvent(new Event('visibilitychange'))")
    asked = "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/live/')).length"
    looks.ask("new Promise((done) => setTimeout(done, 300))")
    before = looks.ask(asked)
    looks.ask("new Promise((done) => setTimeout(done, 2500))")
    assert looks.ask(asked) == before
    looks.ask("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    looks.wait_until(f"{asked} > {before}")


def test_the_list_and_the_page_of_a_job_keep_themselves_live(looks, user):
    job = make_job(user, status="processing", id=uuid.uuid4())
    for path in (LIST, f"{LIST}{job.pk}/change/"):
        looks.at(path)
        Job.objects.filter(pk=job.pk).update(progress=11)
        looks.wait_until("document.querySelector('[data-show=percent]').textContent === '11 %'")
        Job.objects.filter(pk=job.pk).update(progress=5)
    check(looks)


def test_the_queue_can_be_paused_with_the_keyboard_alone(looks):
    looks.at(OVERVIEW)
    for _ in range(60):
        for kind in ("keyDown", "keyUp"):
            looks.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        if looks.ask("document.activeElement.id") == "pause-or-resume":
            break
    assert re.search(r"solid", looks.ask("getComputedStyle(document.activeElement).outline"))
    for kind in ("keyDown", "keyUp"):
        looks.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13)
    looks.wait_until("document.querySelector('.messagelist')?.textContent.includes('The queue is paused')")
    assert QueuePause.objects.get().paused_by == "root"
