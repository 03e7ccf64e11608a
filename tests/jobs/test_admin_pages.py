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
# What of the content can be focused and is seen, in its order.
FOCUSABLE = """[...document.querySelectorAll('#content :is(a[href], button, input, select, summary, [tabindex="0"])')]
    .filter((each) => each.checkVisibility({visibilityProperty: true}) && each.type !== 'hidden')
    .map((each) => each.outerHTML.slice(0, 200))"""
IS_FOCUS_SEEN = """(() => {
    const seen = getComputedStyle(document.activeElement);
    return seen.outlineStyle !== 'none' || seen.boxShadow !== 'none' || seen.textDecorationLine === 'underline';
})()"""
# Texts in cells of a table, or beside it, that reach beyond what holds them.
OVERFLOWING = """[...document.querySelectorAll('#content td, #content th, #content dd, .vc-card > *')]
    .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === 'visible'
        && each.clientWidth && !each.closest('.vc-scroll') && getComputedStyle(each).display !== 'inline')
    .map((each) => each.outerHTML.slice(0, 200))"""
# Texts whose contrast with the nearest ground behind them is less than WCAG's 4.5 to 1.
FAINT = """(() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const ground = (each) => {
        const found = parts(getComputedStyle(each).backgroundColor);
        return found[3] !== 0 || !each.parentElement ? found : ground(each.parentElement);
    };
    return [...document.querySelectorAll('#content *:not(option, progress, title, svg *)')]
        .filter((each) => each.checkVisibility())
        .filter((each) => [...each.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim()))
        .filter((each) => {
            const both = [parts(getComputedStyle(each).color), ground(each)].map(light);
            return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) < 4.5;
        }).map((each) => each.outerHTML.slice(0, 200));
})()"""
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


def press(page, key, **more):
    number = {"Tab": 9, "Enter": 13}[key]
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=number, **more)


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


def test_a_chart_that_is_too_wide_is_scrolled_to_the_latest_hour_and_what_it_counts(looks, user):
    make_job(user, status="completed")
    looks.at(OVERVIEW)
    for mark in (".vc-block", ".vc-mark--count"):
        place = f"document.querySelector('.vc-chart {mark}').getBoundingClientRect()"
        assert looks.ask(f"{place}.left >= 0 && {place}.right <= innerWidth")
    assert looks.ask("document.querySelector('.vc-chart .vc-mark').getBoundingClientRect().height") >= 10


def test_where_there_is_nothing_words_say_so_and_nothing_is_focused_for_it(looks):
    looks.at(OVERVIEW)
    assert "Nothing has ended in this time." in looks.ask("document.querySelector('[data-part=none]').innerText")
    assert looks.ask("document.querySelector('[aria-label=Chart]').offsetParent") is None
    for query, words in (
        ("", "No job yet."),
        ("?status=failed", "No job is like that."),
        ("?q=x", "No job is like that."),
    ):
        looks.at(LIST + query)
        assert words in looks.ask("document.querySelector('.vc-empty').innerText")
    check(looks)


def test_an_overview_that_shows_nothing_comes_to_have_its_chart(looks, user):
    looks.at(OVERVIEW)
    make_job(user, status="completed")
    looks.wait_until("document.querySelector('.vc-chart .vc-block')")
    assert looks.ask("document.querySelector('.vc-empty').getClientRects().length") == 0
    assert looks.ask("document.querySelector('.vc-legend').innerText.includes('1 completed')")


def test_what_is_long_makes_no_page_wider_and_covers_nothing(looks, django_user_model):
    user = django_user_model.objects.create(username="a.very.long.name.of.somebody@" + "long-domain." * 9 + "org")
    error = {
        "code": "TRANSCRIPTION_FAILED",
        "message": "https://example.com/" + "x" * 300,
        "path": "/0" + "/scenes/0" * 30,
    }
    job = make_job(
        user, status="failed", error=error, warnings=[error], config=[{"comment": "W" * 200, "scenes": [{}]}]
    )
    job.attempts.update(error=error, stderr_tail="E" * 400, worker="host" * 20 + ":1", outcome="failed")
    running = make_job(user, status="processing", worker_host="host" * 20)
    for path in (LIST, OVERVIEW, f"{LIST}{job.pk}/change/", f"{LIST}{running.pk}/change/"):
        looks.at(path)
        check(looks)
        assert looks.ask(OVERFLOWING) == []


def test_all_text_can_be_read_against_what_is_behind_it(looks, user):
    make_day(user, 40)
    failed = make_job(user, status="failed", warnings=[{"code": "a", "message": "b", "path": "/0/scenes/0"}])
    failed.attempts.update(stderr_tail="Conversion failed!", error=failed.error, outcome="failed")
    running = Job.objects.get(status="processing")
    for path in (OVERVIEW, LIST, f"{LIST}{failed.pk}/change/", f"{LIST}{running.pk}/change/"):
        looks.at(path)
        assert looks.ask(FAINT) == []


def test_all_that_can_be_done_is_reached_with_the_keyboard_and_seen_to_be(looks, user):
    make_plan(job := make_job(user, status="failed"))
    make_step(job)
    for path in (OVERVIEW, LIST, f"{LIST}{job.pk}/change/"):
        looks.at(path)
        wanted = looks.ask(FOCUSABLE)
        looks.ask("document.querySelector('#content').tabIndex = -1; document.querySelector('#content').focus()")
        for each in wanted:
            press(looks, "Tab")
            assert looks.ask("document.activeElement.outerHTML.slice(0, 200)") == each
            assert looks.ask(IS_FOCUS_SEEN), each


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
        press(looks, "Tab")
        if looks.ask("document.activeElement.id") == "pause-or-resume":
            break
    assert re.search(r"solid", looks.ask("getComputedStyle(document.activeElement).outline"))
    press(looks, "Enter", text="\r")
    looks.wait_until("document.querySelector('.messagelist')?.textContent.includes('The queue is paused')")
    assert QueuePause.objects.get().paused_by == "root"
