"""The monitoring pages: what they show, to whom, what they let happen, and that they stay cheap and safe."""

import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.admin import readonly
from jobs.admin.document import pretty
from jobs.admin.presenting import clock
from jobs.models import ApiToken, Asset, Job, JobAttempt, JobStatus, OwnerQuota, Video
from tests.jobs.factories import (
    make_asset,
    make_captioned_video,
    make_cluster,
    make_job,
    make_token,
    make_video,
)

LIST = "/admin/jobs/job/"
SCRIPT = "<script>alert(1)</script>"
STATIC = Path(__file__).parents[2] / "jobs" / "static" / "jobs"


@pytest.fixture
def browser(staff):
    client = Client()
    client.force_login(staff)
    return client


def page_of(job):
    return reverse("admin:jobs_job_change", args=[job.pk])


def text_of(response):
    return response.content.decode()


def shown_ids(response):
    return [job.pk for job in response.context["cl"].result_list]


def post_action(browser, name, jobs, **fields):
    picked = {"action": name, "_selected_action": [str(job.pk) for job in jobs]}
    return browser.post(LIST, picked | fields, follow=True)


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


class TestIndex:
    def test_it_lists_this_projects_tables_and_none_of_django_q(self, browser):
        page = text_of(browser.get("/admin/"))
        assert "VideoCraft" in page
        assert "/admin/jobs/job/" in page
        assert "django_q" not in page

    def test_every_page_of_the_admin_opens(self, browser, user):
        video, asset = make_video(make_job(user, status="completed")), make_asset(user)
        make_token(user)
        make_cluster()
        pages = [f"/admin/jobs/{name}/" for name in ("job", "video", "asset", "apitoken", "cluster")]
        pages += [f"/admin/jobs/video/{video.pk}/change/", f"/admin/jobs/asset/{asset.pk}/change/"]
        assert [browser.get(page).status_code for page in pages] == [200] * len(pages)

    def test_nothing_can_be_added_or_edited(self, browser, user):
        video = make_video(make_job(user, status="completed"))
        adding = [f"/admin/jobs/{name}/add/" for name in ("job", "video", "asset", "apitoken", "cluster")]
        assert [browser.get(page).status_code for page in adding] == [403] * 5
        assert browser.post(f"/admin/jobs/video/{video.pk}/change/", {"sha256": "0"}).status_code == 403
        assert browser.post(page_of(video.job), {"status": "failed"}).status_code == 405
        assert browser.get(f"/admin/jobs/job/{video.job_id}/delete/").status_code == 403

    def test_no_page_needs_inline_script_or_style(self, browser, user):
        job = make_job(user, status="failed")
        pages = [text_of(browser.get(url)) for url in (LIST, page_of(job))]
        for page in pages:
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)


class TestList:
    def test_the_script_runs_once_the_page_is_there(self, browser, user):
        for url in (LIST, page_of(make_job(user))):
            assert re.search(r'<script src="/static/jobs/live.js" defer', text_of(browser.get(url)))

    @pytest.mark.parametrize("query", ["", "?o=6", "?status=completed"])
    def test_a_page_is_read_along_the_index_on_time_without_sorting(self, browser, user, query):
        Job.objects.bulk_create(
            Job(owner=user, config=[], status="completed", finished_at=timezone.now()) for _ in range(2000)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_job")
            jobs = browser.get(LIST + query).context["cl"].queryset[:50]
            cursor.execute("EXPLAIN " + str(jobs.query).replace("= completed", "= 'completed'"))
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "using job_by_time" in plan
        assert "Sort" not in plan

    def test_a_rare_error_is_found_along_its_index(self, browser, user):
        codes = ["DOWNLOAD_FAILED"] * 2000 + ["TIMEOUT"]
        facts = {"owner": user, "config": [], "status": "failed", "finished_at": timezone.now()}
        Job.objects.bulk_create(Job(**facts, error={"code": code}) for code in codes)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_job")
        jobs = browser.get(LIST + "?error=TIMEOUT").context["cl"].queryset[:50]
        assert "using job_by_error" in jobs.explain()
        assert len(jobs) == 1

    def test_a_row_shows_state_progress_owner_film_and_attempt(self, browser, user):
        config = [{"comment": "Harbour at dawn", "scenes": [{}, {}]}, {"scenes": [{}]}]
        job = make_job(user, status="processing", progress=37, stage="rendering", config=config)
        page = text_of(browser.get(LIST))
        for text in (str(job.pk)[:8], "Harbour at dawn", "2 projects, 3 scenes", "37 %", "rendering", "ann", "1 / 3"):
            assert text in page
        assert re.search(r'<progress[^>]*max="100"[^>]*value="37"', page)

    @pytest.mark.parametrize("config", [{}, [], "text", 7, {"scenes": None}, {"scenes": {}}, [{"id": 5}], [None]])
    def test_any_stored_document_is_listed_and_shown(self, browser, user, config):
        job = make_job(user, config=config)
        assert browser.get(LIST).status_code == 200
        assert browser.get(page_of(job)).status_code == 200

    def test_the_number_of_queries_does_not_grow_with_the_rows(
        self, browser, user, other_user, django_assert_num_queries
    ):
        make_job(user)
        browser.get(LIST)
        for owner in (user, other_user) * 20:
            make_job(owner, status="processing")
        with django_assert_num_queries(12) as queries:
            assert len(shown_ids(browser.get(LIST))) == 41
        assert sum("config" in query["sql"] for query in queries) == 1, "only the summaries read documents"

    def test_newest_come_first_and_the_order_can_be_turned(self, browser, user):
        now = timezone.now()
        jobs = [make_job(user, created_at=now - timedelta(minutes=age)) for age in (2, 0, 1)]
        oldest_last = [jobs[1].pk, jobs[2].pk, jobs[0].pk]
        assert shown_ids(browser.get(LIST)) == oldest_last
        assert shown_ids(browser.get(LIST + "?o=6")) == oldest_last[::-1]

    def test_counting_stops_at_the_bound(self, browser, user, monkeypatch):
        monkeypatch.setattr(readonly.BoundedPaginator, "bound", 60)
        Job.objects.bulk_create(Job(owner=user, config=[]) for _ in range(70))
        response = browser.get(LIST + "?p=2")
        assert response.context["cl"].result_count == 60
        assert len(shown_ids(response)) == 10
        assert "The first 60 jobs" in text_of(response)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("status=failed", {"failed"}),
            ("status=unfinished", {"pending", "processing"}),
            ("error=DOWNLOAD_FAILED", {"failed"}),
            ("error=TIMEOUT", set()),
            ("age=1h", {"pending", "processing", "failed"}),
            ("age=older", {"completed"}),
            ("status=nonsense&age=nonsense&owner=nonsense&error=nonsense", set(JobStatus) - {"cancelled"}),
            ("owner=" + "9" * 18, set()),
            ("owner=" + "9" * 5000, set(JobStatus) - {"cancelled"}),
        ],
    )
    def test_filters_narrow_the_list(self, browser, user, query, expected):
        long_ago = timezone.now() - timedelta(days=8)
        for status in ("pending", "processing", "failed"):
            make_job(user, status=status)
        make_job(user, status="completed", created_at=long_ago)
        assert {job.status for job in browser.get(f"{LIST}?{query}").context["cl"].result_list} == expected

    def test_the_label_filter_shows_only_the_jobs_that_ask_for_it_and_offers_what_there_is(self, browser, user):
        make_cluster(labels=["big"])
        both, one = make_job(user, labels=["gpu", "x"]), make_job(user, labels=["gpu"], status="completed")
        make_job(user)
        assert set(shown_ids(browser.get(f"{LIST}?label=gpu"))) == {both.pk, one.pk}
        assert shown_ids(browser.get(f"{LIST}?label=x")) == [both.pk]
        assert shown_ids(browser.get(f"{LIST}?label=big")) == []
        filters = re.search(r"vc-filters.*?</nav>", text_of(browser.get(LIST)), re.DOTALL)[0]
        assert re.findall(r"\?label=([^&\"]+)", filters) == ["big", "gpu", "x"]

    def test_jobs_that_ask_for_a_label_are_read_along_an_index_of_their_own(self, browser, user):
        Job.objects.bulk_create(Job(owner=user, config=[]) for _ in range(2000))
        Job.objects.bulk_create(Job(owner=user, config=[], labels=["gpu"]) for _ in range(20))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE jobs_job")
        plan = browser.get(f"{LIST}?label=gpu").context["cl"].queryset[:50].explain()
        assert "job_labelled" in plan

    def test_a_pending_job_says_for_what_it_waits_and_that_it_is_not_there(self, browser, user):
        job = make_job(user, labels=["big", "gpu"])
        assert "waiting for a worker with big and gpu" in text_of(browser.get(LIST))
        page = text_of(browser.get(page_of(job)))
        assert "<dt>Labels</dt><dd>big, gpu</dd>" in page
        assert "No such worker is there." in page
        make_cluster(labels=["big", "gpu"])
        assert "No such worker is there." not in text_of(browser.get(page_of(job)))
        assert "big, gpu" in text_of(browser.get("/admin/jobs/cluster/"))

    def test_the_owner_filter_shows_only_his_jobs(self, browser, user, other_user):
        mine, _ = make_job(user), make_job(other_user)
        assert shown_ids(browser.get(f"{LIST}?owner={user.pk}")) == [mine.pk]

    def test_an_owner_beyond_the_first_twenty_is_offered_once_chosen(self, browser, django_user_model):
        users = [django_user_model.objects.create_user(f"user{number:02}") for number in range(22)]
        for each in users:
            make_job(each)
        offered = [
            re.search(r"vc-filters.*?</nav>", text_of(browser.get(LIST + query)), re.DOTALL)[0]
            for query in ("", f"?owner={users[21].pk}")
        ]
        assert ["user19" in filters for filters in offered] == [True, True]
        assert ["user21" in filters for filters in offered] == [False, True]

    @pytest.mark.parametrize("cut", [slice(0, 3), slice(0, 8), slice(0, 14), slice(None)])
    def test_the_beginning_of_an_id_finds_the_job(self, browser, user, cut):
        job = make_job(user, id=UUID("5f0c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"))
        make_job(user, id=UUID("6f0c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"))
        assert shown_ids(browser.get(LIST, {"q": str(job.pk)[cut]})) == [job.pk]

    def test_search_finds_by_owner_and_by_several_words(self, browser, user, other_user):
        mine, his = make_job(user), make_job(other_user)
        assert shown_ids(browser.get(LIST, {"q": "AN"})) == [mine.pk]
        assert set(shown_ids(browser.get(LIST, {"q": f"ann {str(his.pk)[:8]}"}))) == {mine.pk, his.pk}
        assert shown_ids(browser.get(LIST, {"q": "nobody%_"})) == []

    def test_it_says_when_jobs_wait_and_no_cluster_lives(self, browser, user):
        make_job(user)
        make_cluster(heartbeat_at=timezone.now() - timedelta(minutes=5))
        assert "manage.py qcluster" in text_of(browser.get(LIST))
        make_cluster()
        assert "manage.py qcluster" not in text_of(browser.get(LIST))


class TestLive:
    URL = "/admin/jobs/job/live/"

    def test_it_answers_what_changed_of_the_jobs_asked_for(self, browser, user):
        job, _ = make_job(user, status="processing", progress=10), make_job(user)
        Job.objects.beat(job, stage="rendering", progress=55)
        (facts,) = browser.get(self.URL, {"ids": str(job.pk)}).json()["jobs"]
        assert (facts["id"], facts["state"], facts["is_final"]) == (str(job.pk), "processing", False)
        assert (facts["progress"], facts["percent"], facts["activity"]) == (55, "55 %", "rendering")
        assert facts["stages"] == {
            "fetching": "done",
            "analyzing": "done",
            "transcribing": "done",
            "rendering": "current",
            "storing": "waiting",
        }

    def test_one_query_answers_for_all_rows_and_reads_no_document(self, browser, user, django_assert_num_queries):
        ids = ",".join(str(make_job(user).pk) for _ in range(30))
        with django_assert_num_queries(3) as queries:  # session, user, jobs
            assert len(browser.get(self.URL, {"ids": ids}).json()["jobs"]) == 30
        assert not any('"config"' in query["sql"] for query in queries)

    def test_nonsense_is_refused(self, browser):
        assert browser.get(self.URL, {"ids": "1,2"}).status_code == 400
        assert browser.get(self.URL).status_code == 400

    def test_it_is_closed_to_who_may_not_view_jobs(self, clerk):
        assert clerk("view_video").get(self.URL).status_code == 403
        assert Client().get(self.URL).status_code == 302

    def test_only_unfinished_rows_are_marked_for_asking(self, browser, user):
        for status in JobStatus:
            make_job(user, status=status)
        assert len(re.findall(r" data-live[ >]", text_of(browser.get(LIST)))) == 2


class TestPage:
    def test_a_failed_job_shows_error_pointer_tail_and_attempt(self, browser, user):
        error = {"code": "FFMPEG_FAILED", "message": "the encoder stopped", "path": "/0/scenes/0/elements/0/src"}
        job = make_job(user, status="failed", error=error)
        JobAttempt.objects.update(outcome="failed", error=error, exit_code=228, stderr_tail="No space left on device")
        page = text_of(browser.get(page_of(job)))
        for text in ("FFMPEG_FAILED", "the encoder stopped", error["path"], "No space left on device", "228", "Retry"):
            assert text in page
        line = re.search(r'href="#line-(\d+)"', page)[1]
        assert "https://example.com/a.png" in re.search(rf'id="line-{line}">(.*)', page)[1]

    @pytest.mark.parametrize(
        ("tail", "named"), [("Traceback (most", "Traceback"), ("Conversion", "FFmpeg’s last lines")]
    )
    def test_last_lines_are_named_by_who_wrote_them(self, browser, user, tail, named):
        job = make_job(user, status="failed")
        job.attempts.update(stderr_tail=tail)
        page = text_of(browser.get(page_of(job)))
        headings = re.findall(r"<(?:h3|summary)>\s*([^<]*?)\s*</(?:h3|summary)>", page)
        assert headings == [named, named]

    def test_a_job_between_attempts_says_why_and_when(self, browser, user):
        error = {"code": "DOWNLOAD_FAILED", "message": "refused", "retryable": True}
        run_after = timezone.now() + timedelta(seconds=45)
        job = make_job(user, attempt=1, failures=1, error=error, run_after=run_after)
        page = text_of(browser.get(page_of(job)))
        assert "The last attempt failed" in page
        assert re.search(r"again in 4\d s after DOWNLOAD_FAILED", page)

    def test_a_completed_job_plays_its_videos_from_the_api(self, browser, user):
        job = make_job(user, status="completed")
        videos = [make_video(job, content=b"first"), make_video(job, content=b"second")]
        page = text_of(browser.get(page_of(job)))
        for video in videos:
            source = re.search(rf'<video[^>]* src="([^"]*{video.pk}[^"]*)" poster="([^"]*)"', page)
            assert b"".join(browser.get(source[1])) in (b"first", b"second")
            assert b"".join(browser.get(source[2])) == b"a picture"
            assert video.sha256 in page

    def test_warnings_are_listed_with_their_pointers(self, browser, user):
        warnings = [{"path": "/0/scenes/0/colour", "code": "unknown-key", "message": "did you mean background-color?"}]
        page = text_of(browser.get(page_of(make_job(user, warnings=warnings))))
        assert "did you mean background-color?" in page
        assert "<code>/0/scenes/0/colour</code>" in page

    def test_a_processing_job_shows_its_worker_and_the_stage_it_is_in(self, browser, user):
        job = make_job(user, status="processing", stage="transcribing")
        page = text_of(browser.get(page_of(job)))
        assert "example:1" in page
        assert re.findall(r'data-stage="(\w+)" aria-current="step"', page) == ["transcribing"]

    @pytest.mark.parametrize(
        ("status", "fields", "offered"),
        [
            ("pending", {}, ["Cancel"]),
            ("processing", {}, ["Cancel"]),
            ("processing", {"cancel_requested_at": timezone.now()}, []),
            ("completed", {}, []),
            ("failed", {}, ["Retry"]),
            ("cancelled", {}, ["Retry"]),
        ],
    )
    def test_only_what_the_state_allows_is_offered(self, browser, user, status, fields, offered):
        page = text_of(browser.get(page_of(make_job(user, status=status, **fields))))
        assert re.findall(r'<button type="submit" class="vc-button[^>]*>(\w+)<', page) == offered

    def test_a_job_costs_a_fixed_number_of_queries(self, browser, user, django_assert_max_num_queries):
        job = make_job(user, status="completed")
        for number in range(2, 30):
            JobAttempt.objects.create(job=job, number=number, worker="example:1")
            make_video(job)
        browser.get(page_of(job))
        with django_assert_max_num_queries(9):
            browser.get(page_of(job))

    def test_the_whole_document_can_be_downloaded(self, browser, user):
        config = [{"comment": "ü" * 5000, "scenes": [{"id": number} for number in range(5000)]}]
        job = make_job(user, config=config)
        response = browser.get(f"/admin/jobs/job/{job.pk}/document.json")
        assert json.loads(response.content) == config
        assert response["Content-Disposition"] == f'attachment; filename="job-{job.pk}.json"'
        assert "The first 2000 lines" in text_of(browser.get(page_of(job)))

    @pytest.mark.parametrize("name", ["change", "document.json", "history"])
    def test_an_unknown_job_is_not_an_error_of_the_server(self, browser, name):
        pk = "00000000-0000-4000-8000-000000000000"
        end = name if name.endswith("json") else f"{name}/"
        assert browser.get(f"/admin/jobs/job/{pk}/{end}").status_code in (302, 404)
        assert browser.post(f"/admin/jobs/job/{pk}/cancel/").status_code == 404

    def test_text_from_outside_cannot_become_markup(self, browser, user):
        trouble = {"code": SCRIPT, "message": SCRIPT, "path": f"/{SCRIPT}"}
        config = [{"id": SCRIPT, "comment": SCRIPT, SCRIPT: [SCRIPT], "scenes": []}]
        job = make_job(user, status="failed", error=trouble, warnings=[trouble], config=config)
        JobAttempt.objects.update(error=trouble, stderr_tail=SCRIPT, worker=SCRIPT)
        asset = make_asset(user, name=SCRIPT, media={"kind": SCRIPT, SCRIPT: SCRIPT})
        pages = [LIST, page_of(job), "/admin/jobs/asset/", f"/admin/jobs/asset/{asset.pk}/change/"]
        for page in [text_of(browser.get(url)) for url in pages]:
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page

    @pytest.mark.parametrize("status", ["failed", "cancelled"])
    def test_a_job_that_came_to_nothing_shows_where_it_stopped(self, browser, user, status):
        job = make_job(user, status=status)
        seconds = {"rendering": 7.0, "fetching": 0.5, "analyzing": 0.1}  # in no order, as the database has them
        JobAttempt.objects.filter(job=job).update(stage_seconds=seconds)
        marks = re.findall(r'vc-stage--(\w+)"', text_of(browser.get(page_of(job))))
        assert marks == ["done", "done", "done", "stopped", "waiting"]


class TestControl:
    def test_cancel_on_the_page_moves_a_pending_job_and_is_logged(self, browser, user):
        job = make_job(user)
        response = browser.post(f"/admin/jobs/job/{job.pk}/cancel/", follow=True)
        job.refresh_from_db()
        assert job.status == "cancelled"
        assert messages_of(response) == ["Cancel accepted for 1 job; work in progress stops within seconds."]
        assert LogEntry.objects.get().object_id == str(job.pk)

    def test_cancel_of_a_processing_job_leaves_it_to_its_worker(self, browser, user):
        job = make_job(user, status="processing")
        page = text_of(browser.post(f"/admin/jobs/job/{job.pk}/cancel/", follow=True))
        job.refresh_from_db()
        assert job.status == "processing"
        assert job.cancel_requested_at is not None
        assert 'vc-badge--cancelling"' in page

    def test_retry_on_the_page_puts_a_failed_job_back(self, browser, user):
        job = make_job(user, status="failed")
        browser.post(f"/admin/jobs/job/{job.pk}/retry/")
        job.refresh_from_db()
        assert (job.status, job.error) == ("pending", None)

    @pytest.mark.parametrize(("name", "status"), [("cancel", "completed"), ("retry", "processing")])
    def test_a_job_that_moved_on_meanwhile_is_left_alone_and_that_is_said(self, browser, user, name, status):
        job = make_job(user, status=status)
        response = browser.post(f"/admin/jobs/job/{job.pk}/{name}/", follow=True)
        job.refresh_from_db()
        assert (job.status, job.cancel_requested_at) == (status, None)
        assert [message.level_tag for message in response.context["messages"]] == ["error"]
        assert not LogEntry.objects.exists()

    def test_it_takes_a_post_with_a_csrf_token(self, staff, user):
        job = make_job(user)
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(staff)
        assert strict.get(f"/admin/jobs/job/{job.pk}/cancel/").status_code == 405
        assert strict.post(f"/admin/jobs/job/{job.pk}/cancel/").status_code == 403

    def test_the_cancel_action_tells_exact_counts(self, browser, user):
        jobs = [make_job(user, status=status) for status in ("pending", "pending", "processing", "completed", "failed")]
        response = post_action(browser, "cancel_selected", jobs)
        assert messages_of(response) == [
            "Cancel accepted for 3 jobs; work in progress stops within seconds.",
            "2 jobs could not be cancelled: already finished.",
        ]
        assert Job.objects.filter(status="cancelled").count() == 2

    def test_the_retry_action_tells_exact_counts(self, browser, user):
        jobs = [make_job(user, status=status) for status in ("failed", "cancelled", "completed")]
        assert messages_of(post_action(browser, "retry_selected", jobs)) == [
            "Retry accepted for 2 jobs: pending again, with a fresh set of attempts.",
            "1 job could not be retried: only failed and cancelled jobs can.",
        ]
        assert Job.objects.filter(status="pending").count() == 2

    def test_an_action_on_everything_goes_on_where_it_stopped(self, browser, user, monkeypatch):
        monkeypatch.setattr("jobs.admin.control.MAX_AT_ONCE", 3)
        jobs = [make_job(user) for _ in range(5)]
        first = messages_of(post_action(browser, "cancel_selected", jobs[:1], select_across="1"))
        assert first[0] == "Handled the first 3 only; run the action again for the rest."
        post_action(browser, "cancel_selected", jobs[:1], select_across="1")
        assert Job.objects.filter(status="cancelled").count() == 5


class TestPermissions:
    def test_who_may_only_view_sees_no_way_to_change(self, clerk, user):
        client, job = clerk("view_job"), make_job(user)
        assert "Cancel" not in text_of(client.get(page_of(job)))
        assert "cancel_selected" not in text_of(client.get(LIST))
        assert client.post(f"/admin/jobs/job/{job.pk}/cancel/").status_code == 403
        post_action(client, "cancel_selected", [job])
        job.refresh_from_db()
        assert job.status == "pending"

    def test_who_may_change_jobs_cancels_and_retries_without_being_superuser(self, clerk, user):
        client, job = clerk("view_job", "change_job"), make_job(user)
        assert ">Cancel<" in text_of(client.get(page_of(job)))
        assert client.post(f"/admin/jobs/job/{job.pk}/cancel/").status_code == 302
        post_action(client, "retry_selected", [job])
        job.refresh_from_db()
        assert job.status == "pending"
        assert LogEntry.objects.count() == 2

    def test_staff_without_the_permission_and_users_see_nothing(self, clerk, user):
        job, asset = make_job(user), make_asset(user)
        client = clerk("view_video")
        for url in (
            LIST,
            page_of(job),
            f"/admin/jobs/job/{job.pk}/document.json",
            f"/admin/jobs/asset/{asset.pk}/content",
        ):
            assert client.get(url).status_code == 403
        assert client.post(f"/admin/jobs/job/{job.pk}/cancel/").status_code == 403
        plain = Client()
        plain.force_login(user)
        assert plain.get(LIST).status_code == 302


class TestStored:
    def test_deleting_a_video_deletes_its_files(self, browser, user):
        video = make_captioned_video(make_job(user, status="completed"))
        names = [stored.name for stored in video.files]
        assert len(names) == 6
        browser.post(f"/admin/jobs/video/{video.pk}/delete/", {"post": "yes"})
        assert not Video.objects.exists()
        assert not any(default_storage.exists(name) for name in names)
        assert "Deleted since." in text_of(browser.get(page_of(video.job)))

    def test_a_videos_page_leads_to_its_subtitles(self, browser, user):
        video, silent = make_captioned_video(make_job(user)), make_video(make_job(user))
        names = ["subtitles.srt", "subtitles.vtt", "subtitles.ass", "words.json"]
        page = browser.get(f"/admin/jobs/video/{video.pk}/change/").content.decode()
        without = browser.get(f"/admin/jobs/video/{silent.pk}/change/").content.decode()
        assert all(f'href="/api/v1/videos/{video.pk}/{name}"' in page for name in names)
        assert not any(name in without for name in names)

    def test_deleting_selected_assets_deletes_their_files(self, browser, user):
        assets = [make_asset(user), make_asset(user)]
        chosen = {"action": "delete_selected", "_selected_action": [str(asset.pk) for asset in assets], "post": "yes"}
        browser.post("/admin/jobs/asset/", chosen)
        assert not Asset.objects.exists()
        assert not any(default_storage.exists(asset.file.name) for asset in assets)

    def test_an_asset_is_sent_in_ranges_and_never_as_a_page(self, browser, user):
        asset = make_asset(user, content=b"<html>sound</html>")
        response = browser.get(f"/admin/jobs/asset/{asset.pk}/content", headers={"Range": "bytes=6-10"})
        assert (response.status_code, b"".join(response)) == (206, b"sound")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"].startswith("attachment")

    @pytest.mark.parametrize(
        ("name", "kind", "expected"),
        [
            ("a.wav", "audio", "audio/x-wav"),
            ("a.png", "image", "image/png"),
            ("a.html", "image", "application/octet-stream"),
            ("a.svg", "image", "application/octet-stream"),
            ("a.png", "audio", "application/octet-stream"),
        ],
    )
    def test_an_asset_gets_a_media_type_only_where_name_and_probe_agree(self, browser, user, name, kind, expected):
        asset = make_asset(user, media={"kind": kind})
        default_storage.save(stored := f"assets/{asset.pk}-{name}", asset.file.file)
        Asset.objects.update(file=stored)
        assert browser.get(f"/admin/jobs/asset/{asset.pk}/content")["Content-Type"] == expected

    def test_a_lost_file_is_a_404_and_a_range_outside_it_a_416(self, browser, user):
        asset = make_asset(user)
        url = f"/admin/jobs/asset/{asset.pk}/content"
        assert browser.get(url, headers={"Range": "bytes=999-"}).status_code == 416
        default_storage.delete(asset.file.name)
        assert browser.get(url).status_code == 404

    def test_a_token_is_shown_by_its_beginning_and_can_be_revoked(self, browser, user):
        token = make_token(user)
        page = text_of(browser.get("/admin/jobs/apitoken/"))
        assert token[:8] in page
        assert token[:9] not in page
        chosen = {"action": "delete_selected", "_selected_action": [ApiToken.objects.get().pk], "post": "yes"}
        browser.post("/admin/jobs/apitoken/", chosen)
        assert not ApiToken.objects.exists()

    def test_a_token_is_shown_with_its_scope_and_its_last_use(self, browser, user):
        make_token(user, scope="read", last_used_at=None)
        page = text_of(browser.get("/admin/jobs/apitoken/"))
        assert "read" in page.lower()
        assert page.count("never") == 2

    def test_a_users_quota_is_written_here_and_empty_is_what_is_set(self, browser, user):
        page = browser.get("/admin/jobs/ownerquota/add/")
        assert "empty is no limit" in text_of(page)
        browser.post("/admin/jobs/ownerquota/add/", {"user": user.pk, "queued_jobs": 3, "stored_bytes": 0})
        quota = OwnerQuota.objects.get()
        assert (quota.user, quota.queued_jobs, quota.stored_bytes, quota.minutes_per_day) == (user, 3, 0, None)
        browser.post(f"/admin/jobs/ownerquota/{quota.pk}/change/", {"user": user.pk, "queued_jobs": 4})
        quota.refresh_from_db()
        assert (quota.queued_jobs, quota.stored_bytes) == (4, None)

    def test_quotas_are_not_written_by_who_may_not(self, clerk, user):
        assert clerk("view_ownerquota").get("/admin/jobs/ownerquota/add/").status_code == 403

    def test_a_cluster_not_heard_of_for_a_lease_is_called_silent(self, browser):
        make_cluster(heartbeat_at=timezone.now() - timedelta(seconds=31))
        assert "silent" in text_of(browser.get("/admin/jobs/cluster/"))


class TestDocument:
    def test_it_is_pretty_printed_line_by_line(self):
        lines = pretty([{"a": 1, "b": [True, None], "c": {}}]).lines
        plain = [line.indent + re.sub("<[^>]+>", "", line.html).replace("&quot;", '"') for line in lines]
        assert plain == [
            "[", "  {", '    "a": 1,', '    "b": [', "      true,", "      null", "    ],", '    "c": {}', "  }", "]"
        ]  # fmt: skip

    def test_a_pointer_leads_to_its_line_or_the_nearest_around_it(self):
        document = pretty([{"a/b": {"~": 1}}])
        assert document.line_of("/0/a~1b/~0") == 4
        assert document.line_of("/0/a~1b/missing/deep") == 3
        assert document.line_of("/7") is None
        assert document.line_of("") is None

    def test_depth_length_and_long_text_are_bounded(self):
        deep = []
        for _ in range(900):
            deep = [deep]
        assert len(pretty(deep).lines) == 81
        document = pretty(["x" * 1500, *range(5000)])
        assert (len(document.lines), document.is_cut) == (2000, True)
        assert "500 more characters" in document.lines[1].html


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (4.24, "4.2 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7620, "2 h 07 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_a_length_of_time_is_written_with_its_two_largest_units(seconds, text):
    assert clock(seconds) == text


def _luminance(colour):
    digits = colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_states_and_code_are_readable_in_both_themes():
    themes = re.findall(r"\{((?:\s*--vc-[\w-]+: #\w+;){2,})\s*\}", (STATIC / "admin.css").read_text())
    assert len(themes) == 3
    assert themes[1].split() == themes[2].split(), "dark by choice and by preference are the same"
    for theme in themes[:2]:
        colours = dict(re.findall(r"--vc-([\w-]+): (#\w+);", theme))
        states = [name.removesuffix("-bg") for name in colours if name.endswith("-bg") and name != "card-bg"]
        pairs = [(colours[f"{state}-fg"], colours[f"{state}-bg"]) for state in states]
        pairs += [(colours[kind], colours["code-bg"]) for kind in ("key", "string", "number", "literal", "note")]
        assert min(_contrast(*pair) for pair in pairs) >= 4.5
