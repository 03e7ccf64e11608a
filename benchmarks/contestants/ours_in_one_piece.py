"""Our engine in a process of its own, with a film as a single segment: takes and prints what `ours` does."""

from benchmarks.contestants import counting, ours

_MORE_THAN_ANY = 10**15


def main() -> None:
    """Render."""
    counting.count()

    from media_services.render import segments

    segments._LEAST_PIXELS = segments._MOST_STRETCHES = _MORE_THAN_ANY
    ours.main()


if __name__ == "__main__":
    main()
