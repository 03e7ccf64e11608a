"""Owns how claims are counted."""

import time
from collections.abc import Callable


def claims_within(seconds: float, claim: Callable[[], bool]) -> tuple[int, float]:
    """Claim until the time is up or nothing is left; return how many claims were made, and in how many seconds."""
    claims, elapsed_s, began = 0, 0.0, time.perf_counter()
    while elapsed_s < seconds and claim():
        claims, elapsed_s = claims + 1, time.perf_counter() - began
    return claims, elapsed_s
