"""Compares the contestants: how soon an idle one starts a job, how many jobs it does, how many it can claim."""

import random
import statistics
import time
from collections.abc import Sequence

from benchmarks.competitors import videocraft
from benchmarks.contestant import Contestant
from benchmarks.report import latencies, table, times_ours

OURS = videocraft.NAME
_QUICKLY_FILLED_ROWS = 10_000


def show_starts(contestants: Sequence[Contestant], tries: int) -> None:
    """Print how long a job waits for an idle system, one contestant's job after the other's."""
    workers = [contestant.start_worker() for contestant in contestants]
    for contestant in contestants:
        contestant.time_to_start()  # waits for the workers to come up
    times_s: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    claim_times_s = times_s.setdefault(f"{OURS}, to its claim", [])
    for _ in range(tries):
        for contestant in contestants:
            time.sleep(random.uniform(0.1, 0.4))  # at no fixed phase of anybody's polling
            start = contestant.time_to_start()
            times_s[contestant.name].append(start.seconds)
            if contestant.name == OURS:
                claim_times_s.append(contestant.query(videocraft.CLAIMED_SQL) - start.enqueued_at)
    for contestant, worker in zip(contestants, workers, strict=True):
        contestant.stop_worker(worker)
    latencies("Enqueue to start: two idle workers each, one job at a time, in turn", times_s, ours=OURS)


def show_throughput(contestants: Sequence[Contestant], rounds: int, noops: int, films: int) -> None:
    """Print how many jobs a second two workers do, of jobs that do nothing and of our smallest film."""
    rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    film_rates = []
    for _ in range(rounds):
        for contestant in contestants:
            rates[contestant.name].append(noops_per_second(contestant, noops))
            if contestant.name == OURS:
                film_rates.append(films_per_second(contestant, films))
    ours = statistics.median(rates[OURS])
    rows = [_rates_row(name, noops, found, ours) for name, found in rates.items()]
    rows.append(_rates_row(f"{OURS}, smallest film", films, film_rates, ours))
    title = (
        "Jobs that do nothing, per second, two workers (ours forks a child for each that can be killed, others do not)"
    )
    table(title, ("n", "median", "least", "most", "/ours"), rows)


def noops_per_second(contestant: Contestant, jobs: int) -> float:
    """Queue jobs, then start the workers; return the rate from the first start to the last durable end."""
    contestant.forget_starts()
    contestant.enqueue(jobs)
    worker = contestant.start_worker()
    seconds = contestant.finish_all() - min(contestant.starts())
    contestant.stop_worker(worker)
    return jobs / seconds


def films_per_second(ours: Contestant, jobs: int) -> float:
    """Do the same with films, by the real cluster."""
    ours.tables.execute(videocraft.EMPTY_SQL.encode())
    for _ in range(jobs):
        ours.call(videocraft.enqueue_film)
    worker = ours.start_worker(*videocraft.FILM_WORKER)
    seconds = ours.finish_all() - ours.query(videocraft.FIRST_CLAIM_SQL)
    ours.stop_worker(worker)
    return jobs / seconds


def _rates_row(name: str, jobs: int, rates: list[float], ours: float) -> list[str]:
    figures = [f"{rate:.1f}" for rate in (statistics.median(rates), min(rates), max(rates))]
    return [name, f"{len(rates)} x {jobs}", *figures, times_ours(statistics.median(rates) / ours)]


def show_claims(contestants: Sequence[Contestant], sizes: Sequence[int], slices: int, slice_s: float) -> None:
    """Print how many claims a second one process makes, by the size of the table and by how much of it is due."""
    how = f"Claims per second, one process, {slices} x {slice_s} s each, in turn"
    for what, due in (
        ("all due", list(sizes)),
        ("one in five due, 10,000 at most, the others finished", [min(rows // 5, 10_000) for rows in sizes]),
    ):
        columns = [claim_rates(contestants, rows, few, slices, slice_s) for rows, few in zip(sizes, due, strict=True)]
        headings = [heading for rows in sizes for heading in (f"{rows:,} rows", "/ours")]
        names = [contestant.name for contestant in contestants]
        table(f"{how}; {what}", headings, [_claims_row(name, columns) for name in names])


def claim_rates(
    contestants: Sequence[Contestant], rows: int, due: int, slices: int, slice_s: float
) -> dict[str, float]:
    """Return each contestant's claims per second at a table's size, measured in slices in turn.

    Small tables, which a slice may empty, are filled anew for each.
    """
    found: dict[str, list[tuple[int, float]]] = {contestant.name: [] for contestant in contestants}
    for number in range(slices):
        if number == 0 or rows <= _QUICKLY_FILLED_ROWS:
            for contestant in contestants:
                contestant.fill(rows, due)
            contestants[0].tables.execute("CHECKPOINT")  # of the server: what filling left to write disturbs nobody
        for contestant in contestants:
            found[contestant.name].append(contestant.call(contestant.competitor.claim, slice_s))
    return {name: sum(made for made, _ in pieces) / sum(s for _, s in pieces) for name, pieces in found.items()}


def _claims_row(name: str, columns: Sequence[dict[str, float]]) -> list[str]:
    cells = [(f"{rates[name]:.0f}", times_ours(rates[name] / rates[OURS])) for rates in columns]
    return [name, *(text for cell in cells for text in cell)]
