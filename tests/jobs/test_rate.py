"""Rates as they are written, and what a bucket holds."""

import pytest

from jobs.rate import Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [("600/m", Rate(600, 60)), (" 5/S ", Rate(5, 1)), ("1/d", Rate(1, 86400)), ("off", None), ("", None)],
)
def test_a_rate_is_so_many_in_a_time_or_off(text, rate):
    assert Rate.parse(text) == rate


@pytest.mark.parametrize("text", ["600", "0/m", "-1/m", "600/w", "600/m/s", "many/m", "1.5/s"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="600/m"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("until_full_s", "remaining", "wait_s"),
    [(-5, 6, 0), (0, 6, 0), (10, 5, 0), (45, 1, 0), (50, 1, 0), (51, 0, 1), (60, 0, 10)],
)
def test_a_bucket_holds_what_it_lacks_no_time_for(until_full_s, remaining, wait_s):
    rate = Rate(6, 60)
    assert (rate.remaining(max(until_full_s, 0)), rate.wait_s(until_full_s)) == (remaining, wait_s)
