"""Owns how figures are printed: one aligned table for each question, with ratios to ours."""

import os
import statistics
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def paired(ones: Iterable[float], others: Iterable[float]) -> float:
    """Return the median over the rounds of one figure divided by the other of the same round."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a titled table: names to the left, figures to the right."""
    everything = [("", *columns), *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(columns) + 1)]
    print(f"\n{title}")
    for name, *figures in everything:
        aligned = (figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True))
        print("   ".join([f"  {name:<{widths[0]}}", *aligned]).rstrip(), flush=True)


def latencies(title: str, rows: dict[str, list[float]], *, ours: str) -> None:
    """Print p50, p95 and the longest of times in seconds, as milliseconds, and how much longer than ours they are."""

    def row(name: str, times_s: list[float]) -> list[str]:
        p50_s, p95_s = statistics.median(times_s), percentile(times_s, 0.95)
        ratios = [p50_s / statistics.median(rows[ours]), p95_s / percentile(rows[ours], 0.95)]
        return [name, str(len(times_s)), *map(_milliseconds, (p50_s, p95_s, max(times_s))), *map(times_ours, ratios)]

    columns = ("n", "p50 ms", "p95 ms", "max ms", "p50/ours", "p95/ours")
    table(title, columns, [row(name, times_s) for name, times_s in rows.items()])


def goal(wanted: str, found: str, *, is_met: bool) -> None:
    """Print what was aimed at, and whether it is met."""
    print(f"  goal: {wanted}; it is {found}, {'met' if is_met else 'MISSED'}", flush=True)


def load() -> None:
    """Print how busy the machine is, before what is measured makes it so."""
    print(f"load {os.getloadavg()[0]:.1f}", flush=True)


def times_ours(ratio: float) -> str:
    """Return a ratio to ours as text, with two digits that count."""
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"
