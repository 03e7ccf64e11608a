"""Prints an API token for a user, once."""

import re
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from jobs.models import ApiToken, Scope

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def lifetime(text: str) -> timedelta:
    """Read how long a token is good: `30d`, `12h`, `15m`."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text.strip().lower())
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a time like 30d, 12h or 15m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Command(BaseCommand):
    """Writes nothing but the token to standard output, so that a script can take it."""

    help = "Print a new API token for a user. Only its hash is stored: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--create", action="store_true", help="create the user if there is none of that name")
        parser.add_argument("--staff", action="store_true", help="make the user staff; the token's scope is then admin")
        parser.add_argument(
            "--scope",
            choices=Scope.values,
            help="what it may be used for: to look, to change (the default), or also to see everybody's as staff",
        )
        parser.add_argument("--expires", type=lifetime, metavar="30d", help="after how long it is no longer good")

    @transaction.atomic
    def handle(
        self,
        *args: Any,
        username: str,
        create: bool = False,
        staff: bool = False,
        scope: str | None = None,
        expires: timedelta | None = None,
        **options: Any,
    ) -> None:
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            if not create:
                raise CommandError(f"there is no user {username!r}; --create makes one")
            user = self._create(username)
        if staff and not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        scope = scope or (Scope.ADMIN if staff else Scope.WRITE)
        if scope == Scope.ADMIN and not user.is_staff:
            raise CommandError(f"{username!r} is not staff, and the scope admin is for staff; --staff makes him that")
        _, token = ApiToken.objects.create(user, expiry=expires, scope=scope)
        self.stdout.write(token)

    def _create(self, username: str) -> Any:
        user = get_user_model()(username=username)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as problem:
            raise CommandError(f"{username!r} cannot be a user name: {' '.join(problem.messages)}") from problem
        user.save()
        self.stderr.write(f"created the user {username!r}, without a password")
        return user
