"""`manage.py job` tells a job's story in the terminal."""

import io
import uuid

import pytest
from django.core.management import CommandError, call_command

from jobs.identity import WorkerIdentity
from jobs.management.commands import job as command
from jobs.models import EventKind, Job, JobEvent
from tests.jobs.factories import make_job, make_plan, make_step

pytestmark = pytest.mark.django_db
FAILED = {"code": "FFMPEG_FAILED", "message": "FFmpeg failed " * 12, "path": "/0/scenes/0", "retryable": False}


def told(job, *options):
    written = io.StringIO()
    call_command("job", str(getattr(job, "pk", job)), *options, stdout=written)
    return written.getvalue().splitlines()


@pytest.fixture
def job(user):
    posted = make_job(user)
    JobEvent.objects.tell(posted.pk, 0, EventKind.QUEUED)
    return Job.objects.claim(WorkerIdentity("here", 7, 1))


def test_a_job_is_told_from_its_state_to_its_segments(job):
    make_plan(job)
    make_step(job, number=0, outcome="kept", worker="here:7")
    make_step(job, number=1, seconds=2, worker="here:7")
    Job.objects.complete(
        job, [], [], stage_seconds={"rendering": 75, "fetching": 0.5, "storing": 1}, memory_peak_bytes=2**28
    )
    lines = told(job)
    assert lines[0] == f"Job {job.pk}: completed"
    assert lines[1].startswith("  of ann, priority 0, posted 20")
    assert [line[19:].strip() for line in lines if line.startswith("  ") and line[4:5] == ":"] == [
        "queued",
        "claimed",
        "step segment 1 of 3, film 1: kept in 0.50 s",
        "step segment 1 of 3, film 1: made in 2.00 s",
        "completed",
    ]
    assert "      fetching 0.5 s, rendering 1 min 15 s, storing 1.0 s" in lines
    assert any(line.startswith("   1  completed, after a wait of ") and "256 MiB" in line for line in lines)
    assert lines[lines.index("Film 1: 3.00 s, 30 frames") :] == [
        "Film 1: 3.00 s, 30 frames",
        "  segment 1, 0.00-1.00 s: kept",
        "  segment 2, 1.00-2.00 s: made in 2.0 s",
        "      nothing was made before",
        "  segment 3, 2.00-3.00 s: open",
    ]


def test_the_labels_that_it_asks_for_are_told(user):
    assert told(make_job(user, labels=["big", "gpu"]))[1].startswith(
        "  of ann, priority 0, for a worker with big and gpu, "
    )


def test_a_failure_is_told_with_what_ffmpeg_said_last_in_lines_of_80_columns(job):
    Job.objects.fail(job, FAILED, stderr_tail="Error opening input\n" + "x" * 200 + "\x1b[31m red")
    lines = told(job)
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("FFMPEG_FAILED: FFmpeg failed") for line in lines)
    assert "  | Error opening input" in lines
    assert not any("\x1b" in line for line in lines)


def test_a_job_at_work_says_what_it_is_busy_with(job):
    Job.objects.beat(job, stage="rendering", progress=40)
    assert told(job)[0].endswith(": processing, rendering, 40 %")
    assert any("under way" in line for line in told(job))


def test_following_waits_until_the_job_has_ended(job, monkeypatch):
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 2:
            Job.objects.complete(job, [], [])

    monkeypatch.setattr(command.time, "sleep", sleep)
    lines = told(job, "--follow")
    assert len(waited) == 2
    assert sum("  completed" in line and line[4:5] == ":" for line in lines) == 1
    assert any(line.startswith("   1  completed") for line in lines)


@pytest.mark.parametrize("name", ["no-uuid", str(uuid.UUID(int=7))])
def test_a_job_that_is_none_is_said_to_be_none(name):
    with pytest.raises(CommandError, match="there is no job"):
        told(name)
