"""Prints an API token for a user, once."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from jobs.models import ApiToken


class Command(BaseCommand):
    """Writes nothing but the token to standard output, so that a script can take it."""

    help = "Print a new API token for a user. Only its hash is stored: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--create", action="store_true", help="create the user if there is none of that name")
        parser.add_argument("--staff", action="store_true", help="make the user staff, who see everybody's jobs")

    @transaction.atomic
    def handle(self, *args: Any, username: str, create: bool, staff: bool, **options: Any) -> None:
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            if not create:
                raise CommandError(f"there is no user {username!r}; --create makes one")
            user = self._create(username)
        if staff and not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        _, token = ApiToken.objects.create(user)
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
