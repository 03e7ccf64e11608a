"""`manage.py create_token`, and that the tokens it makes are ours and not knox's."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from jobs.models import ApiToken


def create_token(*arguments):
    """Run the command and return what it wrote to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_nothing_but_a_working_token_is_printed(user):
    out, _ = create_token("ann")
    assert out.endswith("\n")
    assert Client(headers={"Authorization": f"Bearer {out.strip()}"}).get("/api/v1/jobs").status_code == 200
    assert ApiToken.objects.get().user == user


@pytest.mark.django_db
def test_an_unknown_user_is_an_error_that_names_the_flag():
    with pytest.raises(CommandError, match=r"'ben'.*--create"):
        create_token("ben")
    assert not get_user_model().objects.exists()


@pytest.mark.django_db
def test_a_user_can_be_created_who_cannot_log_in(capsys):
    out, err = create_token("ben", "--create")
    ben = get_user_model().objects.get(username="ben")
    assert (ben.is_staff, ben.has_usable_password()) == (False, False)
    assert len(out.split()) == 1
    assert "ben" in err


def test_create_leaves_a_user_who_is_there_as_he_is(user):
    create_token("ann", "--create")
    assert get_user_model().objects.get() == user
    assert get_user_model().objects.get().check_password("ann's password")


def test_staff_sees_everything(user):
    create_token("ann", "--staff")
    user.refresh_from_db()
    assert user.is_staff


@pytest.mark.django_db
def test_a_name_that_no_user_can_have_is_refused():
    with pytest.raises(CommandError, match="cannot be a user name"):
        create_token("no spaces!", "--create")
    assert not get_user_model().objects.exists()


@pytest.mark.django_db
def test_knox_migrates_without_a_table_of_its_own():
    tables = connection.introspection.table_names()
    assert "jobs_apitoken" in tables
    assert "knox_authtoken" not in tables
