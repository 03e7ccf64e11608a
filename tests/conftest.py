"""Fixtures for all tests."""

import functools

import pytest
from django.contrib.auth.hashers import make_password

from media_services.recogniser import Recogniser
from tests.s3 import S3Server


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


@pytest.fixture(scope="session")
def only_s3_server():
    with S3Server() as server:
        yield server


@pytest.fixture
def s3_server(only_s3_server, monkeypatch):
    """An S3 server with an empty bucket, to be struck, and in the environment the key to it."""
    if not only_s3_server.is_running:  # a test killed all that is below this process
        only_s3_server.start()
    for name, value in only_s3_server.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    yield only_s3_server
    only_s3_server.reset()
