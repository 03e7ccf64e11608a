"""The soak of `make soak`, for a minute."""

import pytest

from tests.faults.soak import soak


@pytest.mark.timeout(420)
def test_two_hundred_jobs_under_fire_for_a_minute(own_folder):
    found = soak(own_folder / "soak", jobs=200, seconds=60, seed=3)
    assert found["jobs"]["completed"] > 150
    assert sum(found["faults"].values()) > 15
