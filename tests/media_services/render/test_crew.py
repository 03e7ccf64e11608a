"""Making a film's pieces side by side and beside others: each once, whoever makes it, and none is forgotten."""

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from media_services.journal import Outcome, Task
from media_services.others import Nobody
from media_services.render.crew import Conditions, Crew, Piece


class Store:
    """What is kept, how often each was made, and what is claimed by whom."""

    def __init__(self):
        self.kept, self.made, self.claims = set(), Counter(), {}
        self.most = self.busy = 0
        self.lock = threading.Lock()

    def pieces(self, names, *, cache=True, seconds=0.02):
        return [
            Piece(Task.SEGMENT, name, name, 1, cache, lambda name=name: name in self.kept, self.maker(name, seconds))
            for name in names
        ]

    def maker(self, name, seconds):
        def make(report):
            with self.lock:
                self.busy += 1
                self.most = max(self.most, self.busy)
            for step in range(4):
                time.sleep(seconds / 4)
                report(step / 4)
            with self.lock:
                self.busy -= 1
                self.made[name] += 1
                self.kept.add(name)

        return make


class Party:
    """One of those who work beside one another."""

    def __init__(self, store):
        self.store, self.open = store, []

    def claim(self, name):
        with self.store.lock:
            return self.store.claims.setdefault(name, self) is self and self.mine(name)

    def mine(self, name):
        if name in getattr(self, "held", set()):
            return False
        self.held = getattr(self, "held", set()) | {name}
        return True

    def release(self, name):
        with self.store.lock:
            del self.store.claims[name]
            self.held -= {name}

    def invite(self, pieces):
        self.open.append(pieces)


@pytest.fixture
def store():
    return Store()


def work(store, names, *, lanes=1, party=None, heard=None, journal=None, waits=True, **facts):
    told = [] if heard is None else heard
    conditions = Conditions(
        lanes, 60, party or Party(store), (lambda entry: None) if journal is None else journal.append
    )
    Crew(store.pieces(names, **facts), conditions, told.append, waits=waits).work()


def test_each_piece_is_made_once_in_as_many_lanes_as_there_may_be(store):
    heard = []
    work(store, "abcdefgh", lanes=3, heard=heard)
    assert store.made == Counter("abcdefgh")
    assert store.most == 3
    assert heard == sorted(heard)
    assert heard[-1] == 1


def test_one_lane_makes_them_in_their_order(store):
    journal = []
    work(store, "cab", journal=journal)
    assert [(entry.what, entry.outcome) for entry in journal] == [(name, Outcome.MADE) for name in "cab"]


def test_pieces_of_one_name_are_made_once(store):
    journal = []
    work(store, "aabab", lanes=3, journal=journal)
    assert store.made == Counter("ab")
    assert Counter(entry.outcome for entry in journal) == {Outcome.MADE: 2, Outcome.SHARED: 3}


def test_two_crews_make_each_piece_once_and_both_have_all(store):
    names = "abcdefghijkl"
    crews = [threading.Thread(target=work, args=(store, order), kwargs={"lanes": 2}) for order in (names, names[::-1])]
    for each in crews:
        each.start()
    for each in crews:
        each.join(20)
    assert store.made == Counter(names)
    assert store.claims == {}


def test_one_who_helps_leaves_when_nothing_is_open(store):
    store.claims["b"] = Party(store)
    store.kept.add("c")
    work(store, "abc", waits=False)
    assert store.made == Counter("a")


def test_one_whose_work_it_is_waits_for_what_another_makes(store):
    store.claims["b"] = Party(store)

    def other():
        time.sleep(0.4)
        store.kept.add("b")
        del store.claims["b"]

    threading.Thread(target=other).start()
    journal = []
    work(store, "ab", journal=journal)
    assert [(entry.what, entry.outcome) for entry in journal] == [("a", Outcome.MADE), ("b", Outcome.SHARED)]


def test_another_that_never_comes_to_an_end_is_not_waited_for(store, settings):
    patience = timedelta(seconds=0.5)
    settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"job_stall_timeout": patience})
    store.claims["b"] = Party(store)
    work(store, "ab")
    assert store.made == Counter("ab")


def test_what_may_not_be_kept_is_nobody_elses(store):
    party = Party(store)
    party.claim = lambda name: pytest.fail("claimed")
    store.kept.add("a")
    work(store, "ab", party=party, cache=False)
    assert store.made == Counter("ab")


def test_others_hear_how_much_is_open_to_them(store):
    party = Party(store)
    work(store, "abc", party=party)
    assert party.open == [2, 1, 0, 0]


@pytest.mark.parametrize("lanes", [1, 3])
def test_what_fails_in_one_lane_stops_all(store, lanes):
    pieces = store.pieces("abcdef", seconds=2)
    pieces.insert(1, Piece(Task.SEGMENT, "bad", "bad", 1, True, lambda: False, lambda report: 1 / 0))
    party, began = Party(store), time.monotonic()
    with pytest.raises(ZeroDivisionError):
        Crew(pieces if lanes > 1 else pieces[1:], Conditions(lanes, 60, party), lambda done: None).work()
    assert time.monotonic() - began < 1.5
    assert store.claims == {}


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_report_that_raises_stops_all(store, lanes):
    class Enough(Exception):
        pass

    def report(done):
        if done > 0.2:
            raise Enough

    with pytest.raises(Enough):
        Crew(store.pieces("abcdef"), Conditions(lanes, 60, Party(store)), report).work()
    assert store.made.total() < 6


def test_one_who_works_alone_makes_what_has_one_name_once(store):
    work(store, "aaaa", lanes=3, party=Nobody(), seconds=0.2)
    assert store.made == Counter("a")
