"""Logging in to the admin: as often as anybody mistypes, and not as often as anybody guesses."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client

from jobs.models import LoginFailures

LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def staff(staff, settings):
    """Hash passwords quickly, for these tests look at many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    staff.set_password("root's password")
    staff.save()
    return staff


def log_in(username="root", password="wrong", **options):
    return Client().post(LOGIN, {"username": username, "password": password}, **options)


def complaint(answer):
    """Return what the page says is wrong; empty when the person is in."""
    return "" if answer.status_code == 302 else " ".join(answer.context["form"].non_field_errors())


def let_pass(seconds):
    LoginFailures.objects.update(failed_at=F("failed_at") - timedelta(seconds=seconds))


def is_refused(answer):
    return "Too many attempts" in complaint(answer)


def test_five_failures_are_free_and_then_the_right_password_waits_too():
    assert not any(is_refused(log_in()) for _ in range(5))
    assert is_refused(log_in(password="root's password"))
    let_pass(10)
    assert complaint(log_in(password="root's password")) == ""
    assert not any(is_refused(log_in()) for _ in range(5))


def test_each_further_failure_doubles_the_wait():
    for _ in range(5):
        log_in()
    for wait_s in (10, 20, 40):
        let_pass(wait_s - 2)
        assert is_refused(log_in())
        let_pass(2)
        assert not is_refused(log_in())


@pytest.mark.parametrize("username", ["root", "nobody"])
def test_the_answer_is_the_same_whether_there_is_such_a_user(username):
    said = [complaint(log_in(username)) for _ in range(6)]
    assert len(set(said[:5])) == 1
    assert said[5] == "Too many attempts. Try again in 10 seconds."


def test_spelling_a_name_otherwise_is_no_other_name():
    for name in ("root", "ROOT", " root", "Root", "rOOt"):
        log_in(name)
    assert is_refused(log_in())


def test_another_address_may_try_the_same_name_and_the_same_address_another_name(user):
    for _ in range(6):
        log_in()
    assert complaint(log_in(password="root's password", REMOTE_ADDR="198.51.100.7")) == ""
    assert not is_refused(log_in("somebody"))


def test_an_address_that_tries_many_names_waits():
    for number in range(25):
        assert not is_refused(log_in(f"name {number}"))
    assert is_refused(log_in(password="root's password"))
    assert complaint(log_in(password="root's password", REMOTE_ADDR="198.51.100.7")) == ""


def test_a_name_that_many_addresses_try_waits():
    for number in range(100):
        assert not is_refused(log_in(REMOTE_ADDR=f"198.51.100.{number}"))
    assert is_refused(log_in(password="root's password", REMOTE_ADDR="192.0.2.1"))


def test_failures_are_forgotten_after_a_day():
    for _ in range(6):
        log_in()
    let_pass(24 * 3600 + 1)
    assert not is_refused(log_in())
    assert set(LoginFailures.objects.values_list("failures", flat=True)) == {1}


def test_no_name_and_no_password_are_kept():
    log_in("secret name", "secret password")
    assert not any("secret" in name for name in LoginFailures.objects.values_list("name", flat=True))
