"""PostgreSQL is restarted, killed, or away for long, at the worst moments: what was rendered is not rendered again."""

import signal
import time

import pytest

from tests.faults import encoders
from tests.faults.conftest import film

RESTART, CRASH = signal.SIGINT, signal.SIGQUIT


@pytest.mark.parametrize("how", [RESTART, CRASH], ids=["restarted", "crashed"])
def test_it_goes_in_the_middle_of_a_render(database, database_fleet, tmp_path, how):
    encoder = encoders.late(tmp_path, 2)
    database_fleet.start(**encoder.env)
    job = database_fleet.post(film())
    database_fleet.wait_for_encoder(job)
    database.kill(how)
    time.sleep(0.5)
    database.start()
    assert database_fleet.end(job) == "completed"
    assert (database_fleet.outcomes(job), encoder.segments) == (["completed"], 1)


@pytest.mark.parametrize("how", [RESTART, CRASH], ids=["restarted", "crashed"])
def test_it_is_away_when_the_encoder_ends(database, database_fleet, tmp_path, how):
    encoder = encoders.held(tmp_path)
    database_fleet.start(**encoder.env)
    job = database_fleet.post(film())
    database_fleet.service.wait_for(lambda: (tmp_path / "done").exists())
    database.kill(how)
    (tmp_path / "go").touch()
    time.sleep(1.5)  # the work ends meanwhile, and its worker cannot say so
    database.start()
    assert database_fleet.end(job) == "completed"
    assert (database_fleet.outcomes(job), encoder.segments) == (["completed"], 1)


def test_it_is_away_for_longer_than_a_lease_and_nobody_is_given_up(database, database_fleet, tmp_path):
    encoder = encoders.held(tmp_path)
    for _ in range(2):
        database_fleet.start(**encoder.env, VIDEOCRAFT_JOB_WORKERS=1, VIDEOCRAFT_JOB_LEASE="3s")
    jobs = [database_fleet.post(film()) for _ in range(2)]
    for job in jobs:
        database_fleet.wait_for_encoder(job)
    database.kill(CRASH)
    time.sleep(5)
    database.start()
    time.sleep(1)
    (tmp_path / "go").touch()
    assert [database_fleet.end(job) for job in jobs] == ["completed"] * 2
    assert ([database_fleet.outcomes(job) for job in jobs], encoder.segments) == ([["completed"]] * 2, 2)


def test_it_stands_still_for_longer_than_a_lease_and_nobody_is_given_up(database, database_fleet, tmp_path):
    encoder = encoders.held(tmp_path)
    for _ in range(2):
        database_fleet.start(**encoder.env, VIDEOCRAFT_JOB_WORKERS=1, VIDEOCRAFT_JOB_LEASE="3s")
    job = database_fleet.post(film())
    database_fleet.wait_for_encoder(job)
    time.sleep(4)  # so that the housekeepers have been in touch for longer than a lease
    with database.standing_still():
        time.sleep(5)
    time.sleep(1)
    (tmp_path / "go").touch()
    assert database_fleet.end(job) == "completed"
    assert (database_fleet.outcomes(job), encoder.segments) == (["completed"], 1)


def test_a_cluster_can_be_stopped_while_it_is_away(database, database_fleet):
    cluster = database_fleet.start(VIDEOCRAFT_DRAIN_SECONDS=0)
    database.kill(CRASH)
    cluster.send_signal(signal.SIGTERM)
    try:
        assert cluster.wait(20) == 0
    finally:
        database.start()
    database_fleet.clusters.remove(cluster)
