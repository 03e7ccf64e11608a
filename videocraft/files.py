"""Owns where files are kept: on this machine's disk, or in a bucket, as the settings have it."""

from typing import Any

from videocraft.configuration import Configuration

_ON_DISK = "django.core.files.storage.FileSystemStorage"
_IN_A_BUCKET = "media_services.bucket.Bucket"
RESULTS = "results"


def storages_for(configuration: Configuration) -> dict[str, dict[str, Any]]:
    """Return Django's storages: `default` for films and uploads, `results` for what is kept of earlier work."""
    if not configuration.s3_bucket:
        results = {"BACKEND": _ON_DISK, "OPTIONS": {"location": configuration.data_dir / RESULTS}}
        return {"default": {"BACKEND": _ON_DISK}, "results": results}
    by_path = configuration.s3_addressing == "path" or (
        configuration.s3_addressing == "auto" and bool(configuration.s3_endpoint)
    )
    options = {
        "bucket_name": configuration.s3_bucket,
        "endpoint_url": configuration.s3_endpoint or None,
        "public_endpoint_url": configuration.s3_public_endpoint,
        "region_name": configuration.s3_region,
        "location": configuration.s3_prefix,
        "addressing_style": "path" if by_path else "virtual",
        "querystring_expire": round(configuration.s3_url_life.total_seconds()),
    }
    below = {"location": f"{configuration.s3_prefix}/{RESULTS}".lstrip("/"), "is_dispensable": True}
    return {
        "default": {"BACKEND": _IN_A_BUCKET, "OPTIONS": options},
        "results": {"BACKEND": _IN_A_BUCKET, "OPTIONS": options | below},
    }
