"""Fixtures for all tests."""

import pytest

from media_services.recogniser import Recogniser


@pytest.fixture
def user(django_user_model, db):
    return django_user_model.objects.create_user("ann", password="ann's password")


@pytest.fixture
def other_user(django_user_model, db):
    return django_user_model.objects.create_user("bob", password="bob's password")


@pytest.fixture
def staff(django_user_model, db):
    return django_user_model.objects.create_superuser("root", password="root's password")


@pytest.fixture(scope="session")
def recogniser():
    """The speech recogniser, warm from its first use on."""
    with Recogniser() as recogniser:
        yield recogniser
