"""Fixtures for all tests."""

import functools

import pytest
from django.contrib.auth.hashers import make_password

from media_services.recogniser import Recogniser


@functools.cache
def hashed(password):
    """Hash a password once for all the users of a session, for that is meant to take long."""
    return make_password(password)


@pytest.fixture
def user(django_user_model, db):
    return django_user_model.objects.create(username="ann", password=hashed("ann's password"))


@pytest.fixture
def other_user(django_user_model, db):
    return django_user_model.objects.create(username="bob", password=hashed("bob's password"))


@pytest.fixture
def staff(django_user_model, db):
    rights = {"is_staff": True, "is_superuser": True}
    return django_user_model.objects.create(username="root", password=hashed("root's password"), **rights)


@pytest.fixture(scope="session")
def recogniser():
    """The speech recogniser, warm from its first use on."""
    with Recogniser() as recogniser:
        yield recogniser
