"""Many clients at once; `python -m benchmarks.load` is the long form."""

import asyncio

from benchmarks.load import load


def test_ten_clients_at_once_are_all_answered(service):
    tally, memory = asyncio.run(load(service, 10, 3.0))
    assert tally.failures == {}
    assert min(len(tally.times_s[kind]) for kind in ("create", "poll", "download")) > 0
    assert len(memory) == 3
