"""Our engine in a process of its own: renders a document and says where the processor time went.

    python -m benchmarks.contestants.ours document.json workdir

The document's sources are paths. Prints one JSON object: `start_s` of Python and its imports, `stages` by name with
the seconds of this process, `ffmpeg_s` of those that it started, and the files of the film.
"""

import json
import os
import sys
import time
from pathlib import Path

from benchmarks.contestants import counting

BETWEEN = "captioning"  # what no stage names is done between analysing and rendering


class Stages:
    """A checkpoint that adds up this process's own time between its calls, by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._at_s = "", time.process_time()

    def __call__(self, stage: str, fraction: float) -> None:
        name = str(stage)
        now_s = time.process_time()
        spent_on = BETWEEN if self._stage not in ("", name) and name == "rendering" else name
        self.seconds[spent_on] = self.seconds.get(spent_on, 0.0) + now_s - self._at_s
        self._stage, self._at_s = name, now_s

    def end(self) -> None:
        self(self._stage, 1.0)


def main() -> None:
    """Render, and print what it took."""
    counting.count()
    document, workdir = (Path(argument) for argument in sys.argv[1:])
    os.environ["DJANGO_SETTINGS_MODULE"] = "videocraft.settings"

    from media_services.movie.reading import read
    from media_services.pipeline import produce, wanted

    start_s = time.process_time()
    stages = Stages()
    movie = read(json.loads(document.read_text()), allow_files=True)
    local = {each.src: Path(each.src) for each in wanted(movie)}
    (film,) = produce(movie, workdir, stages, local=local).films
    stages.end()
    times = os.times()
    said = {
        "started": len(counting.started),
        "start_s": start_s,
        "stages": stages.seconds,
        "ffmpeg_s": times.children_user + times.children_system,
        "film": str(film.file),
        "ass": str(film.subtitles["ass"]),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
