"""Lists API tokens, each by its beginning."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from jobs.models import ApiToken
from jobs.models.access import SHOWN_KEY_LENGTH

_LINE = "{:<10} {:<20} {:<6} {:<17} {:<17} {}"


class Command(BaseCommand):
    """Writes a line for each token, the latest last."""

    help = "List API tokens by their beginning, which revoke_token takes; what follows it is nowhere stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", help="whose; without, everybody's")

    def handle(self, *args: Any, username: str | None, **options: Any) -> None:
        tokens = ApiToken.objects.select_related("user").order_by("created")
        if username is not None:
            tokens = tokens.filter(user__username=username)
        self.stdout.write(_LINE.format("prefix", "user", "scope", "created", "expires", "last used"))
        for token in tokens.iterator():
            what = (token.token_key[:SHOWN_KEY_LENGTH], token.user.get_username(), token.scope)
            times = (_moment(token.created), _expiry(token), _moment(token.last_used_at))
            self.stdout.write(_LINE.format(*what, *times))


def _moment(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z" if at else "never"


def _expiry(token: ApiToken) -> str:
    return "expired" if token.expiry and token.expiry < timezone.now() else _moment(token.expiry)
