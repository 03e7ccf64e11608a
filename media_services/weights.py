"""Owns the weights of speech models: where they are looked for, and what tells one model's from another's."""

import hashlib
import lzma
import os
from pathlib import Path

from django.conf import settings

from media_services.errors import ErrorCode, MediaError

BUNDLED = Path(__file__).resolve().parent / "whisper_models"
_END_BYTES = 1024**2


def checkpoint(model: str) -> Path:
    """Return the file of a model's weights; raise MediaError saying how to get them when there is none."""
    name = f"{model}.pt"
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "whisper"
    for folder in (settings.VIDEOCRAFT.whisper_dir, cache):
        if (folder / name).is_file():
            return folder / name
    packed = BUNDLED / f"{name}.xz"
    if "/" not in model and packed.is_file():
        return _unpacked(packed, settings.VIDEOCRAFT.data_dir / "whisper" / name)
    raise MediaError(
        ErrorCode.TRANSCRIPTION_FAILED,
        f"the weights of the speech model {model!r} are not here: {name} is neither in VIDEOCRAFT_WHISPER_DIR "
        f"nor in Whisper's cache; `manage.py whisper_model --download {model}` gets them",
    )


def fingerprint(model: str) -> str:
    """Return what tells a model's weights from others, by their size and both ends of them; raise MediaError."""
    file = checkpoint(model)
    size_bytes = file.stat().st_size
    with file.open("rb") as weights:
        digest = hashlib.sha256(weights.read(_END_BYTES))
        weights.seek(max(size_bytes - _END_BYTES, 0))
        digest.update(weights.read())
    return f"{size_bytes} {digest.hexdigest()}"


def _unpacked(packed: Path, file: Path) -> Path:
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(lzma.decompress(packed.read_bytes()))
        part.rename(file)
    return file
