"""Progress: parts make a whole, and nothing ever falls."""

import pytest

from media_services.stage import PATIENCE, Parts, Stage, overall, risen


def test_parts_add_up_to_the_whole_by_their_costs():
    heard = []
    parts = Parts(heard.append, total=8)
    first, second = parts.next(2), parts.next(6)
    for report, fraction in [(first, 0.0), (first, 0.5), (first, 1.0), (second, 0.0), (second, 0.5), (second, 1.0)]:
        report(fraction)
    assert heard == [0.0, 0.125, 0.25, 0.25, 0.625, 1.0]


def test_a_part_goes_beyond_neither_its_own_share_nor_the_whole():
    heard = []
    parts = Parts(heard.append, total=2)
    parts.next(1)(7.0)
    parts.next(3)(1.0)
    assert heard == [0.5, 1.0]


def test_parts_that_cost_nothing_are_all_done():
    heard = []
    Parts(heard.append, total=0).next(0)(0.5)
    assert heard == [1.0]


@pytest.mark.parametrize("expected", [0, 1, 5, 100])
def test_what_goes_beyond_expectation_still_rises_and_is_never_all(expected):
    fractions = [risen(done, expected) for done in range(30)]
    assert fractions == sorted(set(fractions))
    assert fractions[0] == 0.0
    assert fractions[-1] < 1.0


def test_what_was_expected_is_told_exactly():
    assert [risen(done, 4) for done in range(4)] == [0.0, 0.25, 0.5, 0.75]


def test_every_stage_has_its_place_and_its_patience():
    assert set(PATIENCE) == set(Stage)
    assert min(PATIENCE.values()) >= 1
    ends = [overall(stage, 1.0) for stage in Stage]
    assert ends == sorted(ends)
