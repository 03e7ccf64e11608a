"""Fixtures for the tests of jobs."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client


@pytest.fixture
def clerk(django_user_model, db):
    """Return a client of a member of staff who holds only the permissions named."""

    def log_in(*permissions):
        user = django_user_model.objects.create_user("clerk", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client()
        client.force_login(user)
        return client

    return log_in
