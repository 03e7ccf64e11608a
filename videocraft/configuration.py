"""Owns what can be configured: the only reader of the environment, typed, and loud on nonsense."""

import difflib
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "VIDEOCRAFT_"
ROOT = Path(__file__).resolve().parent.parent
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> Any:
    """Turn `30m`, `1h30m`, `500ms`, `5s` or plain seconds into a timedelta; raise ValueError on anything else."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h|d))+", text):
        raise ValueError(f"{value!r} is not a duration like 30m, 5s, 24h or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    return timedelta(seconds=sum(float(number) * _UNIT_S[unit] for number, unit in parts))


def split_commas(value: Any) -> Any:
    """Turn `a, b` into ["a", "b"]."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Names = Annotated[list[str], NoDecode, BeforeValidator(split_commas)]


class Configuration(BaseSettings):
    """Every setting of the project; the environment variable is `VIDEOCRAFT_` and the upper-case name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    debug: bool = True
    secret_key: str = ""
    allowed_hosts: Names = ["localhost", "127.0.0.1", "[::1]"]
    csrf_trusted_origins: Names = []
    data_dir: Path = ROOT / "var"
    database_url: str = Field("", validation_alias=AliasChoices("DATABASE_URL"))
    log_level: str = "INFO"

    fetch_allow: Names = []
    fetch_timeout: Duration = timedelta(minutes=10)
    fetch_max_bytes: int = Field(1024**3, gt=0)
    fetch_concurrency: int = Field(4, ge=1, le=64)
    document_max_bytes: int = Field(1024**2, gt=0)
    asset_max_bytes: int = Field(512 * 1024**2, gt=0)
    image_max_pixels: int = Field(64_000_000, gt=0)
    film_max_duration: Duration = timedelta(hours=4)

    whisper_model: str = "tiny-words"
    whisper_dir: Path = ROOT / "media_services" / "models"

    job_workers: int = Field(2, ge=1, le=256)
    job_queue_size: int = Field(100, ge=1)
    job_process_timeout: Duration = timedelta(minutes=30)
    job_retry_attempts: int = Field(3, ge=1, le=100)
    job_retry_delay: Duration = timedelta(seconds=5)
    job_max_concurrent: int = Field(5, ge=1)
    job_memory_limit: int = Field(2147483648, ge=256 * 1024**2)
    job_cpu_limit: float = Field(1.0, gt=0)
    job_progress_update_interval: Duration = timedelta(seconds=5)
    job_status_retention: Duration = timedelta(hours=24)
    job_temp_cleanup: bool = True
    job_cleanup_interval: Duration = timedelta(hours=1)
    drain_seconds: float = Field(20, ge=0)

    @field_validator("data_dir", "whisper_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
            raise ValueError(f"{level!r} is not DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return level.upper()


def refuse_misspelt(environment: dict[str, str] | None = None) -> None:
    """Raise ValueError naming every `VIDEOCRAFT_…` variable that no setting reads, with the nearest name."""
    known = {PREFIX + name.upper() for name in Configuration.model_fields} - {PREFIX + "DATABASE_URL"}
    wrong = [name for name in (environment or os.environ) if name.startswith(PREFIX) and name not in known]
    if wrong:
        guesses = [f"{name} (did you mean {_nearest(name, known)}?)" for name in sorted(wrong)]
        raise ValueError(f"unknown settings in the environment: {', '.join(guesses)}")


def _nearest(name: str, known: set[str]) -> str:
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)))


def load() -> Configuration:
    """Read the settings from the environment; raise ValueError naming each one that makes no sense."""
    refuse_misspelt()
    return Configuration()
