"""Renders random documents: each becomes the film it says, or fails with a documented error at its place.

make fuzz                                          ten minutes of reading, rendering and opening damaged media
python -m tests.fuzz.render --seconds 60 --seed 7  only rendering
python -m tests.fuzz.render --only 123             one document, printed
"""

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import av

from tests.fuzz.documents import Documents

# What a document may be refused with; anything else is a fault of ours.
EXPECTED = {"INVALID_INPUT", "UNSUPPORTED_MEDIA"}


def outcome(document: Any) -> str:
    """Render a document; return `film`, `refused` or the code of the error. Raises what nobody should ever see."""
    from media_services import pipeline
    from media_services.errors import DocumentError, MediaError
    from media_services.movie.reading import read

    try:
        movie = read(document, allow_files=True)
    except DocumentError:
        return "refused"
    with tempfile.TemporaryDirectory(prefix="vc-fuzz-") as folder:
        local = {src: Path(src) for src, _ in movie.sources()}
        try:
            production = pipeline.produce(movie, Path(folder), lambda stage, fraction: None, local=local)
        except MediaError as problem:
            if problem.code not in EXPECTED or problem.path is None:
                raise AssertionError(f"{problem.code} at {problem.path}: {problem} {problem.detail}") from problem
            return str(problem.code)
        (film,) = production.films
        with av.open(str(film.file)) as container:
            frames = sum(1 for _ in container.decode(video=0))
        assert frames > 0
        return "film"


def main() -> None:
    """Render documents for so long; say what they came to, and print the first that goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", type=int, default=None)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videocraft.settings")
    import django

    django.setup()
    seed = options.only if options.only is not None else options.seed or int(time.time())
    counts: Counter[str] = Counter()
    began = time.monotonic()
    while True:
        document = Documents(seed).document()
        if options.only is not None:
            print(json.dumps(document, ensure_ascii=False, indent=1))
        try:
            counts[outcome(document)] += 1
        except Exception:
            print(f"seed {seed}: {json.dumps(document)}", flush=True)
            raise
        seed += 1
        if options.only is not None or time.monotonic() - began > options.seconds:
            break
    print(", ".join(f"{what} {count}" for what, count in counts.most_common()))


if __name__ == "__main__":
    main()
