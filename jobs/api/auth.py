"""Owns who is asking: the bearer of a token, or a user of the admin with a session."""

import re
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from jobs.models import ApiToken


class BearerAuthentication(TokenAuthentication):
    """Knox's tokens, found by their hash in one query."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        if not re.fullmatch(rb"[0-9A-Za-z]{1,256}", token):
            raise exceptions.AuthenticationFailed("the API key is malformed")
        found = ApiToken.objects.select_related("user").filter(pk=hash_token(token.decode())).first()
        if found is None or not found.user.is_active:
            raise exceptions.AuthenticationFailed("the API key is not valid")
        if found.expiry is not None and found.expiry < timezone.now():
            raise exceptions.AuthenticationFailed("the API key has expired")
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
