"""Our engine in a process of its own, with a film as a single segment: takes and prints what `ours` does.

    python -m benchmarks.contestants.ours_in_one_piece document.json workdir [lossless]

With `lossless` the film is as it was drawn.
"""

import sys

from benchmarks.contestants import counting, ours

_MORE_THAN_ANY = 10**15


def main() -> None:
    """Render."""
    counting.count()

    from media_services.movie.document import Format
    from media_services.render import output, segments

    segments._LEAST_PIXELS = segments._MOST_STRETCHES = _MORE_THAN_ANY
    if sys.argv[3:] == ["lossless"]:
        output._CODERS[Format.MP4] = output._lossless
        sys.argv.pop()
    ours.main()


if __name__ == "__main__":
    main()
