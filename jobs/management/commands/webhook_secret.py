"""Prints the secret that signs what the webhooks of a user's jobs are told."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from jobs.models import WebhookSecret


class Command(BaseCommand):
    """Writes nothing but the secret to standard output, so that a script can take it."""

    help = "Print the secret that signs what a user's webhooks are told; made now if there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--new", action="store_true", help="make another; for a day the one before signs as well")

    @transaction.atomic
    def handle(self, *args: Any, username: str, new: bool = False, **options: Any) -> None:
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username!r}")
        secret = WebhookSecret.objects.replace(user.pk) if new else WebhookSecret.objects.of(user.pk)
        self.stdout.write(secret.secret)
