"""Claims: what one makes nobody else makes, until it is released, or he is gone; and without a database all may."""

import pytest
from django.db import connection

from jobs.claims import Claims, _number

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def parties():
    """Return a function that returns another party, each with a connection of its own."""
    made = []

    def party():
        made.append(Claims("work", lambda message: made[0].sent.append(message)))
        made[-1].sent = []
        return made[-1]

    yield party
    for each in made:
        each.close()


def test_what_one_makes_nobody_else_makes(parties):
    one, other = parties(), parties()
    assert one.claim("segments/a")
    assert not other.claim("segments/a")
    assert other.claim("segments/b")


def test_what_was_released_may_be_claimed(parties):
    one, other = parties(), parties()
    assert one.claim("a")
    one.release("a")
    assert other.claim("a")


def test_a_claim_is_made_once_in_one_process_too(parties):
    one = parties()
    assert one.claim("a")
    assert not one.claim("a")
    one.release("a")
    assert one.claim("a")


def test_releasing_what_is_not_held_takes_nothing_from_its_holder(parties):
    one, other, third = parties(), parties(), parties()
    assert one.claim("a")
    other.release("a")
    assert not third.claim("a")


def test_claims_are_gone_with_the_connection(parties):
    one, other = parties(), parties()
    assert one.claim("a")
    one.close()
    assert other.claim("a")


def test_without_a_database_everybody_makes_everything(parties, monkeypatch):
    one, other = parties(), parties()
    assert one.claim("a")
    for party in (one, other):
        party._database.close()
        party._database.settings_dict = {**party._database.settings_dict, "HOST": "/nowhere"}
    assert other.claim("a")
    assert one.claim("b")
    one.release("b")
    assert one.claim("b")


def test_it_says_how_much_is_open_when_that_changes(parties):
    one = parties()
    for pieces in (3, 3, 2, 0):
        one.invite(pieces)
    assert one.sent == [{"open_pieces": 3}, {"open_pieces": 2}, {"open_pieces": 0}]


def test_names_are_numbers_that_postgresql_takes():
    assert _number("segments/a") == 1598420219309095241  # as on every other host
    assert all(-(2**63) <= _number(str(name)) < 2**63 for name in range(1000))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [-(2**63)])
