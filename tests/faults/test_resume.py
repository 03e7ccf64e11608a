"""A film goes on where it was when its worker, or all of its cluster, was killed in the midst of it."""

import hashlib
import os
import signal
from collections import Counter
from pathlib import Path
from uuid import uuid4

import av
import pytest

from tests.faults import encoders
from tests.faults.conftest import family, gone

WORKERS = 2
SEGMENTS = [f"segment-{number * 360}.mp4" for number in range(5)]


def film(**keys):
    """Return a document of five scenes, each a segment, that no other test has made."""
    text = {"type": "text", "text": uuid4().hex}
    scenes = [{"duration": 12, "background-color": f"#{n}04060", "elements": [text]} for n in range(5)]
    return {"resolution": "640x360", "fps": 30, "scenes": scenes, **keys}


def frames(fleet, job):
    name = fleet.service.one("SELECT file FROM jobs_video WHERE job_id = %s", job["job_id"])
    with av.open(str(Path(fleet.service.data_dir) / "media" / name)) as container:
        return [hashlib.sha256(frame.to_ndarray().tobytes()).digest() for frame in container.decode(video=0)]


@pytest.mark.parametrize("victim", ["worker", "cluster"])
def test_a_render_killed_in_its_third_segment(fleet, tmp_path, victim):
    encoder = encoders.waiting(tmp_path, SEGMENTS[2])
    environment = {"VIDEOCRAFT_JOB_WORKERS": WORKERS, **encoder.env}
    cluster = fleet.start(**environment)
    document = film()
    job = fleet.post(document)
    fleet.service.wait_for(lambda: SEGMENTS[2] in encoder.written)
    everything = family(cluster)
    if victim == "worker":
        os.kill(fleet.row(job, "worker_pid"), signal.SIGKILL)
    else:
        os.killpg(cluster.pid, signal.SIGKILL)
        cluster.wait()
        assert gone(everything)
        fleet.start(**environment)
    (tmp_path / "go").touch()
    assert fleet.end(job, 120) == "completed"
    assert fleet.outcomes(job) == ["lost", "completed"]
    counted = Counter(name for name in encoder.written if name.startswith("segment"))
    again = counted - Counter(SEGMENTS)
    assert again[SEGMENTS[2]] == 1
    assert not set(again) & set(SEGMENTS[:2])
    assert again.total() <= (1 if victim == "worker" else WORKERS)  # one for each that was killed
    afresh = fleet.post({**document, "cache": False})
    assert fleet.end(afresh, 120) == "completed"
    assert Counter(encoder.written)[SEGMENTS[0]] == 2
    assert frames(fleet, job) == frames(fleet, afresh)
