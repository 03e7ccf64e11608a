"""Owns what can be configured: the only reader of the environment, typed, and loud on nonsense."""

import difflib
import math
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobs.address import TrustedProxies
from jobs.labels import WorkerLabels, refuse_odd, tidy
from jobs.rate import Rate
from media_services.addresses import HostList, parse_ports

PREFIX = "VIDEOCRAFT_"
ROOT = Path(__file__).resolve().parent.parent
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> Any:
    """Turn `30m`, `1h30m`, `500ms`, `5s` or plain seconds into a timedelta; raise ValueError on anything else."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return _seconds(float(text))
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h|d))+", text):
        raise ValueError(f"{value!r} is not a duration like 30m, 5s, 24h or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    return _seconds(sum(float(number) * _UNIT_S[unit] for number, unit in parts))


def _seconds(number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except OverflowError:
        raise ValueError("is longer than a duration can be") from None


def more_than_nothing(duration: timedelta) -> timedelta:
    """Raise ValueError for a duration of zero."""
    if not duration:
        raise ValueError("must be longer than zero")
    return duration


def split_commas(value: Any) -> Any:
    """Turn `a, b` into ["a", "b"]."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Delay = Annotated[timedelta, BeforeValidator(parse_duration)]
Duration = Annotated[Delay, AfterValidator(more_than_nothing)]
Names = Annotated[list[str], NoDecode, BeforeValidator(split_commas)]
RateLimit = Annotated[Rate | None, NoDecode, BeforeValidator(Rate.parse)]
Proxies = Annotated[TrustedProxies, NoDecode, BeforeValidator(TrustedProxies.parse)]


class Configuration(BaseSettings):
    """Every setting of the project; the environment variable is `VIDEOCRAFT_` and the upper-case name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    debug: bool = True
    secret_key: str = ""
    secret_key_fallbacks: Names = []
    allowed_hosts: Names = ["localhost", "127.0.0.1", "[::1]"]
    csrf_trusted_origins: Names = []
    cors_origins: Names = []
    https: bool = False
    data_dir: Path = ROOT / "var"
    database_url: str = Field(default="", validation_alias=AliasChoices("DATABASE_URL"))
    log_level: str = "INFO"
    log_format: Literal["plain", "json"] = "plain"
    metrics: Literal["open", "token", "closed"] = "open"

    fetch_allow: Names = []
    fetch_deny: Names = []
    fetch_ports: Names = ["80", "443"]
    fetch_timeout: Duration = timedelta(minutes=10)
    fetch_max_bytes: int = Field(default=1024**3, gt=0)
    fetch_concurrency: int = Field(default=4, ge=1, le=64)
    fetch_freshness: Delay = timedelta(0)
    document_max_bytes: int = Field(default=1024**2, gt=0)
    asset_max_bytes: int = Field(default=512 * 1024**2, gt=0)
    image_max_pixels: int = Field(default=64_000_000, gt=0, le=178_956_970)  # above, Pillow refuses by itself
    film_max_duration: Duration = timedelta(hours=4)

    results_max_bytes: int = Field(default=10 * 1024**3, ge=0)

    s3_bucket: str = ""
    s3_endpoint: str = ""
    s3_region: str = ""
    s3_prefix: str = ""
    s3_public_endpoint: str = ""
    s3_addressing: Literal["auto", "path", "virtual"] = "auto"
    s3_url_life: Duration = timedelta(hours=1)

    whisper_model: str = "base"
    whisper_language: str = Field(default="auto", pattern="^(auto|[a-z]{2,3})$")
    whisper_device: str = Field(default="auto", pattern="^(auto|cpu|cuda)$")
    whisper_threads: int = Field(default=0, ge=0)
    whisper_idle: Delay = timedelta(minutes=5)
    whisper_dir: Path = Field(default_factory=lambda read: read["data_dir"] / "whisper")
    fonts_dir: Path = Field(default_factory=lambda read: read["data_dir"] / "fonts")

    worker_labels: Names = []
    worker_dedicated: bool = False
    job_workers: int = Field(default=2, ge=1, le=256)
    job_queue_size: int = Field(default=100, ge=1)
    job_process_timeout: Duration = timedelta(minutes=30)
    job_lease: Duration = timedelta(seconds=30)
    job_stall_timeout: Duration = timedelta(minutes=2)
    job_retry_attempts: int = Field(default=3, ge=1, le=100)
    job_retry_delay: Delay = timedelta(seconds=5)
    job_max_concurrent: int = Field(default=5, ge=1)
    job_memory_limit: int = Field(default=2147483648, ge=256 * 1024**2)
    job_cpu_limit: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    job_progress_update_interval: Duration = timedelta(seconds=5)
    job_status_retention: Duration = timedelta(hours=24)
    job_temp_cleanup: bool = True
    job_cleanup_interval: Duration = timedelta(hours=1)
    rate_limit: RateLimit = Rate(600, 60)
    rate_limit_jobs: RateLimit = Rate(60, 60)
    rate_limit_failures: RateLimit = Rate(30, 60)
    trusted_proxies: Proxies = TrustedProxies()
    quota_concurrent_jobs: int = Field(default=0, ge=0)
    quota_queued_jobs: int = Field(default=0, ge=0)
    quota_stored_bytes: int = Field(default=0, ge=0)
    quota_minutes_per_day: int = Field(default=0, ge=0)
    drain_seconds: float = Field(default=20, ge=0, allow_inf_nan=False)

    @property
    def cores_per_job(self) -> int:
        """How many whole cores one job may use."""
        return math.ceil(self.job_cpu_limit)

    @property
    def labels_of_workers(self) -> WorkerLabels:
        """What the workers of a cluster have."""
        return WorkerLabels(tuple(self.worker_labels), self.worker_dedicated)

    @field_validator("worker_labels")
    @classmethod
    def _known_labels(cls, labels: list[str]) -> list[str]:
        return tidy(refuse_odd(label) for label in labels)

    @field_validator("worker_dedicated")
    @classmethod
    def _labelled_if_dedicated(cls, is_dedicated: bool, info: ValidationInfo) -> bool:
        if is_dedicated and not info.data.get("worker_labels", ["unknown"]):  # wrong ones are refused by themselves
            raise ValueError(f"workers without {PREFIX}WORKER_LABELS that are dedicated would take no job at all")
        return is_dedicated

    @field_validator("s3_bucket")
    @classmethod
    def _known_bucket(cls, bucket: str) -> str:
        if bucket and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", bucket):
            raise ValueError(f"{bucket!r} is not the name of a bucket, of letters, digits, - and .")
        return bucket

    @field_validator("s3_endpoint", "s3_region", "s3_prefix", "s3_public_endpoint", "s3_addressing", "s3_url_life")
    @classmethod
    def _of_a_bucket(cls, value: Any, info: ValidationInfo) -> Any:
        is_default = value == cls.model_fields[str(info.field_name)].default
        if not is_default and not info.data.get("s3_bucket", "unknown"):  # a wrong one is refused by itself
            raise ValueError(f"says something of a bucket, and {PREFIX}S3_BUCKET names none")
        return value

    @field_validator("s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _whole_endpoint(cls, endpoint: str) -> str:
        if endpoint and not re.fullmatch(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?", endpoint):
            raise ValueError(f"{endpoint!r} is not the address of a server like https://s3.example.com:9000")
        return endpoint.rstrip("/")

    @field_validator("s3_public_endpoint")
    @classmethod
    def _beside_an_endpoint(cls, endpoint: str, info: ValidationInfo) -> str:
        if endpoint and not info.data.get("s3_endpoint", "unknown"):
            raise ValueError(f"is for buckets that {PREFIX}S3_ENDPOINT names another address of")
        return endpoint

    @field_validator("s3_region")
    @classmethod
    def _region_of_aws(cls, region: str, info: ValidationInfo) -> str:
        if info.data.get("s3_bucket") and not info.data.get("s3_endpoint", "unknown") and not region:
            raise ValueError(f"must name the region of the bucket, or {PREFIX}S3_ENDPOINT a server that is not of AWS")
        return region or "us-east-1"

    @field_validator("s3_prefix")
    @classmethod
    def _plain_prefix(cls, prefix: str) -> str:
        if prefix and not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", prefix):
            raise ValueError(f"{prefix!r} is not a folder like videocraft or media/films")
        return prefix

    @field_validator("s3_url_life")
    @classmethod
    def _as_long_as_signatures(cls, life: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= life <= timedelta(days=7):
            raise ValueError("must be a minute to seven days, for which S3 believes a signature")
        return life

    @field_validator("data_dir", "whisper_dir", "fonts_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("fetch_allow", "fetch_deny")
    @classmethod
    def _known_hosts(cls, entries: list[str]) -> list[str]:
        HostList.parse(entries)
        return entries

    @field_validator("fetch_ports")
    @classmethod
    def _known_ports(cls, entries: list[str]) -> list[str]:
        parse_ports(entries)
        return entries

    @field_validator("cors_origins")
    @classmethod
    def _whole_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
                raise ValueError(f"{origin!r} is not an origin like https://app.example.com")
        return origins

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
            raise ValueError(f"{level!r} is not DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return level.upper()


def variable(setting: str) -> str:
    """Return the environment variable of a setting."""
    return "DATABASE_URL" if setting == "database_url" else PREFIX + setting.upper()


def refuse_misspelt(environment: Mapping[str, str]) -> None:
    """Raise ValueError naming every `VIDEOCRAFT_…` variable that no setting reads, with the nearest name."""
    known = [variable(setting) for setting in Configuration.model_fields]
    wrong = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if wrong:
        guesses = [f"{name} (did you mean {difflib.get_close_matches(name, known, 1, 0)[0]}?)" for name in wrong]
        raise ValueError(f"unknown settings in the environment: {', '.join(guesses)}")


def load() -> Configuration:
    """Read the settings from the environment; raise ValueError naming each variable that makes no sense."""
    refuse_misspelt(os.environ)
    try:
        return Configuration()
    except ValidationError as problem:
        lines = [f"{variable(str(error['loc'][0]))}={error['input']!r}: {error['msg']}" for error in problem.errors()]
        raise ValueError("settings that make no sense:\n  " + "\n  ".join(lines)) from None
