"""Running a job: the outcome of the work becomes one transition, and nothing else stays."""

import threading
import time

import psutil
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import OperationalError, connection, connections

from jobs import worker
from jobs.drain import Drain
from jobs.identity import WorkerIdentity
from jobs.models import Job, Total, Video
from media_services import pipeline
from tests import media
from tests.jobs.factories import make_job

pytestmark = pytest.mark.django_db(transaction=True)
ME = WorkerIdentity.current()


@pytest.fixture
def server():
    from tests.web import LocalServer

    with LocalServer() as server:
        server.serve("/a.png", media.picture().read_bytes())
        yield server


@pytest.fixture(autouse=True)
def open_loopback(settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"fetch_allow": ["127.0.0.0/8"]})


def document(server, seconds=0.5, **keys):
    image = {"type": "image", "src": server.url("/a.png")}
    scenes = [{"duration": seconds, "elements": [image]}]
    return [{"resolution": "160x90", "fps": 10, "cache": False, "scenes": scenes, **keys}]


def run(user, config, **fields):
    make_job(user, config=config, **fields)
    job = Job.objects.claim(ME)
    worker.run_job(job)
    job.refresh_from_db()
    return job


def files():
    folders = [settings.VIDEOCRAFT.data_dir / "work", settings.MEDIA_ROOT / "videos"]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def nothing_stays():
    before, children = set(files()), set(psutil.Process().children())
    yield
    published = {name for row in Video.objects.values_list(*Video.FILES) for name in row if name}
    assert {path for path in files() if path not in before} == {settings.MEDIA_ROOT / name for name in published}
    assert set(psutil.Process().children()) <= children


def test_a_job_is_completed_with_its_video(user, server):
    job = run(user, document(server))
    assert (job.status, job.progress, job.error) == ("completed", 100, None)
    video = job.videos.get()
    assert (video.width, video.height, video.fps, video.frames, video.duration_ms) == (160, 90, "10", 5, 500)
    assert default_storage.size(video.file.name) == video.size_bytes
    assert job.attempts.get().outcome == "completed"


def test_ffmpegs_last_words_are_kept_and_no_video_is(user, server, monkeypatch):
    monkeypatch.setattr("media_services.render.output._PRESET", "no-such-preset")
    job = run(user, document(server))
    assert (job.status, job.error["code"]) == ("failed", "FFMPEG_FAILED")
    assert "no-such-preset" in job.attempts.get().stderr_tail
    assert "no-such-preset" in job.error["detail"]
    assert not Video.objects.exists()


def test_a_film_that_is_not_what_was_asked_for_fails_the_job(user, server, monkeypatch):
    real = pipeline.render

    def a_frame_short(timeline, *args, **options):
        from media_services.render import encoder

        whole = encoder.picture_options

        def three_frames(*facts):
            made = whole(*facts)
            made[made.index("-frames:v") + 1] = "3"
            return made

        monkeypatch.setattr(encoder, "picture_options", three_frames)
        return real(timeline, *args, **options)

    monkeypatch.setattr(pipeline, "render", a_frame_short)
    job = run(user, document(server))
    assert (job.status, job.error["code"]) == ("failed", "FFMPEG_FAILED")
    assert "3 frames" in job.error["message"]


def test_work_that_dies_is_tried_again(user, server, monkeypatch):
    monkeypatch.setattr(
        pipeline, "produce", lambda *args, **options: __import__("os").kill(__import__("os").getpid(), 9)
    )
    job = run(user, document(server))
    assert (job.status, job.error["code"], job.failures) == ("pending", "WORKER_LOST", 1)
    assert job.attempts.get().exit_code == -9


def test_an_unexpected_exception_is_an_internal_error_without_a_traceback_for_the_client(user, server, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError("a secret place")

    monkeypatch.setattr(pipeline, "produce", broken)
    job = run(user, document(server), max_attempts=1)
    assert (job.status, job.error["code"]) == ("failed", "INTERNAL_ERROR")
    assert "secret" not in str(job.error)
    assert "a secret place" in job.attempts.get().stderr_tail


def test_a_full_disk_is_a_storage_failure(user, server, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("media_services.storage._save", full)
    job = run(user, document(server))
    assert (job.status, job.error["code"]) == ("pending", "STORAGE_FAILED")
    assert "No space left" in job.error["message"]


def test_a_job_that_runs_too_long_is_killed(user, server, settings):
    from datetime import timedelta

    limit = timedelta(seconds=0.5)
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_process_timeout": limit})
    job = run(user, document(server, seconds=3000, width=1920, height=1080, fps=60))
    assert (job.status, job.error["code"]) == ("failed", "TIMEOUT")


def wish(job_pk, transition):
    """Ask for a transition from another connection, as soon as the job renders."""

    def ask():
        while Job.objects.get(pk=job_pk).stage != "rendering":
            time.sleep(0.02)
        transition()
        connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_a_cancel_kills_the_work_at_once(user, server):
    make_job(user, config=document(server, seconds=3000, width=1920, height=1080, fps=60))
    job, asked_at = Job.objects.claim(ME), []
    thread = wish(job.pk, lambda: (Job.objects.cancel(job.pk), asked_at.append(time.monotonic())))
    worker.run_job(job)
    assert time.monotonic() - asked_at[0] < 1
    thread.join()
    job.refresh_from_db()
    assert (job.status, job.attempts.get().outcome) == ("cancelled", "cancelled")


def test_a_worker_that_was_overtaken_kills_its_work_and_writes_nothing(user, server):
    make_job(user, config=document(server, seconds=3000, width=1920, height=1080, fps=60))
    job = Job.objects.claim(ME)

    def take_over():
        Job.objects.release(job)
        while not Job.objects.claim(WorkerIdentity("there", 2, 2)):
            pass  # the row is locked for a moment as its story is written; a worker is woken again

    thread = wish(job.pk, take_over)
    worker.run_job(job)
    thread.join()
    job.refresh_from_db()
    assert (job.status, job.attempt, job.worker_host) == ("processing", 2, "there")
    assert Total.objects.get(name="fenced_attempts").value == 1


def test_a_drain_releases_the_work_when_its_time_is_over(user, server, monkeypatch):
    drain = Drain()
    monkeypatch.setattr("jobs.run.drain", drain)
    make_job(user, config=document(server, seconds=3000, width=1920, height=1080, fps=60))
    job = Job.objects.claim(ME)
    thread = wish(job.pk, lambda: setattr(drain, "deadline", time.monotonic()))
    worker.run_job(job)
    thread.join()
    job.refresh_from_db()
    assert (job.status, job.failures, job.attempts.get().outcome) == ("pending", 0, "released")


def test_all_due_jobs_are_run_one_after_another(user, server):
    for _ in range(3):
        make_job(user, config=document(server))
    worker.run_due_jobs()
    assert set(Job.objects.values_list("status", flat=True)) == {"completed"}
    worker.run_due_jobs()


def test_a_completion_waits_for_a_database_that_is_away(user, server, monkeypatch):
    real, tries = Job.objects.complete, []

    def complete(*args, **facts):
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the server is restarting")
        return real(*args, **facts)

    monkeypatch.setattr("jobs.run._OUTAGE_S", 0.01)
    monkeypatch.setattr(type(Job.objects), "complete", lambda self, *args, **facts: complete(*args, **facts))
    assert run(user, document(server)).status == "completed"
    assert len(tries) == 3


def test_a_completion_whose_answer_was_lost_keeps_its_films(user, server, monkeypatch):
    real, answers = Job.objects.complete, []

    def complete(*args, **facts):
        answers.append(real(*args, **facts))
        if len(answers) == 1:
            raise OperationalError("the answer was lost after the commit")
        return answers[-1]

    monkeypatch.setattr("jobs.run._OUTAGE_S", 0.01)
    monkeypatch.setattr(type(Job.objects), "complete", lambda self, *args, **facts: complete(*args, **facts))
    job = run(user, document(server))
    assert answers == [True, False]
    assert default_storage.exists(job.videos.get().file.name)


def test_work_that_is_stopped_together_with_its_worker_is_given_back_uncharged(user, server, monkeypatch):
    drain = Drain()
    monkeypatch.setattr("jobs.run.drain", drain)
    make_job(user, config=document(server, seconds=3000, width=1920, height=1080, fps=60))
    job = Job.objects.claim(ME)

    def stop_all():
        drain.begin()
        for process in psutil.Process().children(recursive=True):
            process.terminate()

    thread = wish(job.pk, stop_all)
    worker.run_job(job)
    thread.join()
    job.refresh_from_db()
    assert (job.status, job.failures, job.attempts.get().outcome) == ("pending", 0, "released")


def test_a_claim_whose_answer_was_lost_is_given_back_by_its_worker_and_done(user, server, monkeypatch):
    make_job(user, config=document(server))
    real, answers = type(Job.objects).claim, []

    def claim(self, identity):
        answers.append(real(self, identity))
        if len(answers) == 1:
            raise OperationalError("the answer was lost after the commit")
        return answers[-1]

    monkeypatch.setattr(type(Job.objects), "claim", claim)
    worker.run_due_jobs()
    assert Job.objects.get().status == "processing"
    worker.run_due_jobs()
    job = Job.objects.get()
    assert [attempt.outcome for attempt in job.attempts.all()] == ["released", "completed"]
    assert (job.status, job.failures) == ("completed", 0)


def test_a_disk_on_which_nothing_can_be_made_fails_the_attempt(user, server, monkeypatch):
    nowhere = settings.VIDEOCRAFT.data_dir / "file"
    nowhere.write_text("no folder")
    monkeypatch.setattr("jobs.run.work_dir", lambda: nowhere)
    job = run(user, document(server))
    assert (job.status, job.error["code"], job.failures) == ("pending", "STORAGE_FAILED", 1)


def test_a_fault_of_the_supervision_itself_fails_the_attempt(user, server, monkeypatch):
    def broken(self, child):
        raise ZeroDivisionError

    monkeypatch.setattr("jobs.run.Run.check", broken)
    job = run(user, document(server))
    assert (job.status, job.error["code"], job.attempts.get().outcome) == ("pending", "INTERNAL_ERROR", "retried")


def test_the_history_keeps_how_long_each_stage_took_and_how_much_memory(user, server):
    attempt = run(user, document(server, seconds=120)).attempts.get()
    assert set(attempt.stage_seconds) >= {"fetching", "rendering", "storing"}
    took_s = (attempt.ended_at - attempt.started_at).total_seconds()
    assert took_s - 0.5 < sum(attempt.stage_seconds.values()) <= took_s + 0.5
    assert attempt.memory_peak_bytes > 20 * 1024**2


def test_a_worker_that_has_no_job_hears_no_cancels(user, server):
    run(user, document(server))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_listening_channels()")
        assert cursor.fetchone() == (0,)
