"""Owns logging in to the admin: as Django has it, but for how often it may fail."""

import math
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from jobs.address import address_of
from jobs.login import Attempt, TooManyAttempts


class ThrottledLoginForm(AdminAuthenticationForm):
    """Answers as it does for a wrong password, whatever is wrong, and after some failures only after a wait."""

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if not username or self.request is None:
            return super().clean()
        attempt = Attempt(username, address_of(self.request))
        try:
            attempt.begin()
        except TooManyAttempts as refused:
            message = "Too many attempts. Try again in %(seconds)d seconds."
            raise ValidationError(message, "throttled", {"seconds": math.ceil(refused.wait_s)}) from refused
        cleaned: dict[str, Any] = super().clean()
        if self.get_user() is not None:
            attempt.succeed()
        return cleaned
