"""Cores: one's own while there are enough, then shared evenly, and free again when their holder is gone."""

import os

import pytest

from jobs.cores import Cores


@pytest.fixture
def host(monkeypatch):
    def of(*cores):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(cores))

    return of


def test_each_has_cores_of_its_own_while_there_are_enough(host, tmp_path):
    host(0, 1, 2, 3)
    assert [Cores(tmp_path, 2).numbers for _ in range(2)] == [{0, 1}, {2, 3}]


def test_further_ones_are_spread_over_all(host, tmp_path):
    host(4, 7)
    taken = [Cores(tmp_path, 1) for _ in range(6)]
    assert [next(iter(cores.numbers)) for cores in taken] == [4, 7, 4, 7, 4, 7]


def test_what_is_given_back_is_taken_next(host, tmp_path):
    host(0, 1)
    first, _ = Cores(tmp_path, 1), Cores(tmp_path, 1)
    first.give_back()
    assert Cores(tmp_path, 1).numbers == {0}


def test_one_that_may_use_all_is_kept_to_nothing_and_locks_nothing(host, tmp_path):
    host(0, 1)
    assert Cores(tmp_path / "none", 2).numbers == {0, 1}
    assert not (tmp_path / "none").exists()


def test_what_is_pinned_stays_there():
    before = os.sched_getaffinity(0)
    core = min(before)
    pid = os.fork()
    if not pid:
        cores = Cores.__new__(Cores)
        cores.numbers = {core}
        cores.pin()
        os._exit(os.sched_getaffinity(0) != {core})
    assert os.waitpid(pid, 0)[1] == 0
    assert os.sched_getaffinity(0) == before
