"""`manage.py create_token`, `tokens` and `revoke_token`: what a token may do, how long, and its end."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from jobs.models import ApiToken, Scope
from tests.jobs.factories import make_token


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_a_new_token_may_write_and_does_not_expire(user):
    run("create_token", "ann")
    token = ApiToken.objects.get()
    assert (token.scope, token.expiry, token.last_used_at) == (Scope.WRITE, None, None)


def test_scope_and_life_are_stated(user):
    run("create_token", "ann", "--scope", "read", "--expires", "30d")
    token = ApiToken.objects.get()
    assert token.scope == Scope.READ
    assert abs(token.expiry - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize("life", ["0d", "30", "d", "-1d", "1y"])
def test_a_life_that_is_none_is_refused(user, life):
    with pytest.raises(CommandError, match="30d"):
        run("create_token", "ann", f"--expires={life}")


def test_the_scope_of_staff_is_for_staff(user):
    with pytest.raises(CommandError, match="not staff"):
        run("create_token", "ann", "--scope", "admin")
    run("create_token", "ann", "--staff")
    assert ApiToken.objects.get().scope == Scope.ADMIN


def test_tokens_are_listed_by_their_beginning_and_nothing_more_of_them(user, other_user):
    tokens = {
        "ann": make_token(user, scope=Scope.READ, last_used_at=None),
        "bob": make_token(other_user, expiry=timedelta(seconds=-1)),
    }
    heading, *lines = run("tokens").splitlines()
    assert heading.split() == ["prefix", "user", "scope", "created", "expires", "last", "used"]
    assert lines[0].split()[:3] == [tokens["ann"][:8], "ann", "read"]
    assert lines[0].endswith("never             never")
    assert "expired" in lines[1]
    assert tokens["bob"][:9] not in "".join(lines)
    assert run("tokens", "ann").splitlines()[1:] == lines[:1]


def test_a_revoked_token_is_refused_and_others_are_not(user):
    gone, kept = (make_token(user) for _ in range(2))
    assert run("revoke_token", gone[:8]) == "revoked a token of ann"
    statuses = [
        Client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/jobs").status_code for token in (gone, kept)
    ]
    assert statuses == [401, 200]


def test_the_whole_token_names_it_too(user):
    run("revoke_token", make_token(user))
    assert not ApiToken.objects.exists()


def test_nothing_is_revoked_that_is_not_named_exactly(user):
    ApiToken.objects.create(user, prefix="same")
    ApiToken.objects.create(user, prefix="same")
    for prefix, complaint in (("same", "several"), ("nope", "no token"), ("a", "4 characters")):
        with pytest.raises(CommandError, match=complaint):
            run("revoke_token", prefix)
    assert ApiToken.objects.count() == 2
