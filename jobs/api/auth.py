"""Owns who is asking, and whether he may: the bearer of a token, or a user of the admin with a session."""

import re
from typing import Any

from django.conf import settings
from django.db.models import Subquery
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from jobs import limits
from jobs.address import address_of
from jobs.models import ApiToken, RateBucket, Scope


class BearerAuthentication(TokenAuthentication):
    """Knox's tokens, found by their hash in one query.

    An address that sends too many wrong ones is refused for a while, with a right one too: else it could go on
    guessing, as fast as it likes.
    """

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        self._guesses = f"guesses:{address_of(request._request)}"
        try:
            found: tuple[Any, ApiToken] | None = super().authenticate(request)
        except exceptions.AuthenticationFailed:
            limits.take(self._guesses, settings.VIDEOCRAFT.rate_limit_failures)
            raise
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        if not re.fullmatch(rb"[0-9A-Za-z]{1,256}", token):
            raise exceptions.AuthenticationFailed("the API key is malformed")
        rate = settings.VIDEOCRAFT.rate_limit_failures
        name = limits.bucket(self._guesses, rate) if rate else ""
        bucket = RateBucket.objects.filter(name=name).values("full_at")
        known = ApiToken.objects.select_related("user").annotate(guesses_full_at=Subquery(bucket))
        found = known.filter(pk=hash_token(token.decode())).first()
        if found is None or not found.user.is_active:
            raise exceptions.AuthenticationFailed("the API key is not valid")
        if found.expiry is not None and found.expiry < timezone.now():
            raise exceptions.AuthenticationFailed("the API key has expired")
        limits.refuse_if_empty(found.guesses_full_at, rate)
        ApiToken.objects.note_use(found)
        # for this request only, and never saved: what staff may see takes a token that is made for it
        found.user.is_staff = found.user.is_staff and found.includes(Scope.ADMIN)
        return found.user, found


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session; the CSRF token is read from the X-CSRFToken header only.

    Looking for it in a form would read the body before the view can bound it.
    """

    def enforce_csrf(self, request: Request) -> None:
        inner: Any = request._request
        inner._post, inner._files = QueryDict(), MultiValueDict()
        try:
            super().enforce_csrf(inner)
        finally:
            del inner._post, inner._files


class ScopeIncludes(permissions.BasePermission):
    """Lets a token change things only where its scope includes that; a session may do what its user may."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if request.method in permissions.SAFE_METHODS or not isinstance(token, ApiToken):
            return True
        if not token.includes(Scope.WRITE):
            message = f"this needs a token with the scope {Scope.WRITE.value!r}; yours has {token.scope!r}"
            raise exceptions.PermissionDenied(message)
        return True


class BearerScheme(KnoxTokenScheme):
    """Describes the token in the OpenAPI schema."""

    target_class = BearerAuthentication
    name = "token"


class SessionScheme(OpenApiAuthenticationExtension):
    """Describes the session in the OpenAPI schema."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
