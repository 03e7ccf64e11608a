"""Cleaning: what has had its time goes, with its files; what has not stays; and it can stop anywhere."""

import os
import threading
import time
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, connections, transaction
from django.utils import timezone

from jobs import cleaning
from jobs.cleaning import clean
from jobs.housekeeping import stored_prefix, work_dir
from jobs.idempotency import PostKey, find_earlier, keep_key
from jobs.models import (
    Asset,
    Cluster,
    IdempotencyKey,
    Job,
    JobAttempt,
    LoginFailures,
    RateBucket,
    Rendered,
    Video,
)
from media_services import storage
from tests.jobs.factories import make_asset, make_captioned_video, make_cluster, make_job, make_video

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def finished(user, ago, status="completed", **fields):
    return make_job(user, status=status, finished_at=timezone.now() - ago, **fields)


@pytest.fixture
def cleaning_aside():
    """Give a function that starts to clean beside this, and returns its thread when that waits for a lock."""

    def clean_and_close():
        clean_all()
        connections.close_all()

    def start():
        thread = threading.Thread(target=clean_and_close)
        thread.start()
        deadline = time.monotonic() + 30
        while not _waits_for_a_lock():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return thread

    return start


def _waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def clean_all():
    return sum(clean())


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_job_goes_when_its_time_is_over_with_all_that_belongs_to_it(user, status):
    job = finished(user, DAY * 1.01, status)
    video = make_captioned_video(job)
    IdempotencyKey.objects.create(owner=user, key="k", body_sha256="0" * 64, job=job)
    clean_all()
    assert [model.objects.count() for model in (Job, JobAttempt, Video, IdempotencyKey)] == [0] * 4
    assert len(video.files) == 6
    assert not any(default_storage.exists(stored.name) for stored in video.files)


def test_a_job_stays_until_its_time_is_over(user):
    kept = [finished(user, DAY * 0.99), make_job(user), make_job(user, status="processing")]
    old = timezone.now() - 30 * DAY
    Job.objects.update(created_at=old, updated_at=old)
    clean_all()
    assert Job.objects.count() == len(kept)


def test_a_film_that_was_promised_for_longer_is_kept(user):
    video = make_video(finished(user, 2 * DAY), expires_at=timezone.now() + DAY)
    clean_all()
    assert default_storage.exists(video.file.name)


def test_a_job_whose_films_cannot_be_removed_stays_and_does_not_hold_up_others(user, monkeypatch):
    stuck, free = finished(user, 3 * DAY), finished(user, 2 * DAY)
    bad = make_video(stuck).file.name
    real = cleaning.storage.remove

    def remove(names):
        names = list(names)
        if bad in names:
            raise OSError("the storage is away")
        real(names)

    monkeypatch.setattr(cleaning.storage, "remove", remove)
    clean_all()
    assert list(Job.objects.values_list("pk", flat=True)) == [stuck.pk]
    assert free.pk != stuck.pk


def test_it_goes_in_small_batches_and_whatever_kills_it_is_made_up_for(user, monkeypatch):
    monkeypatch.setattr(cleaning, "_BATCH", 2)
    for _ in range(5):
        make_video(finished(user, 2 * DAY))
    assert list(islice(cleaning.expired_jobs(), 1)) == [2]
    assert Job.objects.count() == 3
    clean_all()
    assert Job.objects.count() == Video.objects.count() == 0


def test_a_retry_that_comes_between_is_respected(user, monkeypatch):
    job = finished(user, 2 * DAY, "failed")
    monkeypatch.setattr(cleaning, "_remove_films", lambda pk: Job.objects.retry(pk))
    clean_all()
    job.refresh_from_db()
    assert job.status == "pending"


def test_keys_and_clusters_go_when_they_are_old(user):
    job = make_job(user)
    for name, ago in (("old", DAY * 1.01), ("new", DAY * 0.99)):
        key = IdempotencyKey.objects.create(owner=user, key=name, body_sha256="0" * 64, job=job)
        IdempotencyKey.objects.filter(pk=key.pk).update(created_at=timezone.now() - ago)
    make_cluster(pid=1, heartbeat_at=timezone.now() - timedelta(minutes=11))
    make_cluster(pid=2)
    clean_all()
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]
    assert list(Cluster.objects.values_list("pid", flat=True)) == [2]


def folder_of(job, attempt):
    folder = work_dir() / f"{job.pk}-{attempt}-abc"
    folder.mkdir(parents=True)
    (folder / "film.mp4").write_bytes(b"half a film")
    return folder


def test_what_was_counted_goes_when_it_counts_no_more(user):
    now = timezone.now()
    old, lately = now - timedelta(hours=25), now - timedelta(hours=23)
    for at in (old, lately):
        Rendered.objects.create(owner=user, at=at, duration_ms=1)
        LoginFailures.objects.create(name=str(at), failures=1, failed_at=at)
    for full_at in (now - timedelta(seconds=1), now + timedelta(minutes=1)):
        RateBucket.objects.create(name=str(full_at), full_at=full_at)
    list(clean())
    assert Rendered.objects.get().at == LoginFailures.objects.get().failed_at == lately
    assert RateBucket.objects.get().full_at > now


def test_directories_of_attempts_that_are_over_go_and_one_that_is_worked_in_stays(user):
    job = make_job(user, status="processing", attempt=2)
    orphan, live = folder_of(job, 1), folder_of(job, 2)
    unknown = folder_of(Job(), 1)
    clean_all()
    assert (orphan.exists(), live.exists(), unknown.exists()) == (False, True, False)


def test_directories_of_help_stay_until_the_job_has_ended(user):
    """Another attempt at a job finds what is made for the one before."""
    waiting, done = make_job(user, attempt=1), make_job(user, status="completed", attempt=1)
    live, orphan = folder_of(waiting, "helped"), folder_of(done, "helped")
    clean_all()
    assert (live.exists(), orphan.exists()) == (True, False)


def test_films_that_nobody_published_go_and_published_ones_stay(user):
    job = make_job(user, status="processing", attempt=2)
    done = make_job(user, status="completed", attempt=2)
    lost, coming, older, published = (
        default_storage.save(f"{prefix}-0.mp4", ContentFile(b"a film"))
        for prefix in (f"videos/{job.pk}/1", stored_prefix(job), f"videos/{done.pk}/1", stored_prefix(done))
    )
    make_video(done, file=published)
    clean_all()
    assert [default_storage.exists(name) for name in (lost, coming, older, published)] == [False, True, False, True]


def test_what_lies_beside_a_film_goes_unless_it_was_published(user):
    job = make_job(user, status="completed", attempt=2)
    for attempt in (1, 2):
        for name in storage.names(f"videos/{job.pk}/{attempt}", 1):
            default_storage.save(name, ContentFile(b"a file"))
    file, *others = storage.names(stored_prefix(job), 1)
    beside = [name for name in others if not name.endswith((".webm", ".gif"))]
    published = [file, *beside]
    make_video(job, file=file, **dict(zip(Video.FILES[1:], beside, strict=True)))
    clean_all()
    assert sorted(default_storage.listdir(f"videos/{job.pk}")[1]) == sorted(Path(name).name for name in published)


def age(path: Path):
    hours_ago = time.time() - 7200
    os.utime(path, (hours_ago, hours_ago))


def test_uploads_that_broke_off_go_when_they_are_old():
    uploads = django_settings.VIDEOCRAFT.data_dir / "uploads"
    for name in ("old", "new"):
        (uploads / name).mkdir(parents=True)
        (uploads / name / "upload").write_bytes(b"half")
    age(uploads / "old" / "upload")
    age(uploads / "old")
    clean_all()
    assert ((uploads / "old").exists(), (uploads / "new").exists()) == (False, True)
    (uploads / "new" / "upload").unlink()
    (uploads / "new").rmdir()


def test_stored_uploads_without_a_row_go_when_they_are_old(user):
    kept, fresh = make_asset(user).file.name, default_storage.save("assets/fresh.wav", ContentFile(b"a"))
    stray = default_storage.save("assets/stray.wav", ContentFile(b"a"))
    age(Path(default_storage.path(stray)))
    age(Path(default_storage.path(kept)))
    clean_all()
    assert [default_storage.exists(name) for name in (kept, fresh, stray)] == [True, True, False]
    assert Asset.objects.count() == 1
    default_storage.delete(fresh)


def test_without_temp_cleanup_only_rows_that_are_over_go(user, settings):
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_temp_cleanup": False})
    orphan = folder_of(make_job(user), 1)
    finished(user, 2 * DAY)
    clean_all()
    assert (orphan.exists(), Job.objects.count()) == (True, 1)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_given_to_another_post_as_it_is_cleaned_stays(user, cleaning_aside):
    old, new, key = make_job(user), make_job(user), PostKey.of("k", {"a": 1})
    keep_key(user, key, old)
    IdempotencyKey.objects.update(created_at=timezone.now() - DAY * 1.01)
    with transaction.atomic():
        keep_key(user, key, new)
        thread = cleaning_aside()
    thread.join()
    assert find_earlier(user, key) == new
