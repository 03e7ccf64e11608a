"""Revokes an API token: from then on it is one that never was."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from jobs.models import ApiToken

_SHORTEST = 4


class Command(BaseCommand):
    """Revokes one token, never several."""

    help = "Revoke the API token with this beginning; `manage.py tokens` lists them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="its first characters, so many that no other begins with them")

    @transaction.atomic
    def handle(self, *args: Any, prefix: str, **options: Any) -> None:
        if len(prefix) < _SHORTEST:
            raise CommandError(f"give {_SHORTEST} characters of the token at least")
        found = list(ApiToken.objects.beginning_with(prefix).select_related("user")[:2])
        if len(found) != 1:
            raise CommandError(f"{'several tokens begin' if found else 'no token begins'} with {prefix!r}")
        found[0].delete()
        self.stdout.write(f"revoked a token of {found[0].user.get_username()}")
