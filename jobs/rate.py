"""Owns what a rate is: so many of something in a time, all at once or evenly; refilled continuously."""

import math
import re
from dataclasses import dataclass
from typing import Any, Self

_PERIODS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OFF = ("", "off", "none")


@dataclass(frozen=True)
class Rate:
    """`most` in `period_s`: a bucket that holds as many, and gains one every `cost_s`."""

    most: int
    period_s: int

    @classmethod
    def parse(cls, value: Any) -> Self | None:
        """Read `600/m`, or `off`, which is None; raise ValueError on anything else."""
        if value is None or isinstance(value, cls):
            return value
        text = str(value).strip().lower()
        if text in _OFF:
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,8}/[smhd]", text):
            raise ValueError(f"{value!r} is not a rate like 600/m (s, m, h or d), or off")
        most, unit = text.split("/")
        return cls(int(most), _PERIODS_S[unit])

    @property
    def cost_s(self) -> float:
        """How long the bucket takes to gain one."""
        return self.period_s / self.most

    def remaining(self, until_full_s: float) -> int:
        """Return how many a bucket holds that will be full in so many seconds."""
        return max(0, math.floor((self.period_s - until_full_s) / self.cost_s + 1e-6))

    def wait_s(self, until_full_s: float) -> float:
        """Return after how many seconds such a bucket has one, 0 when it has."""
        return max(0.0, until_full_s + self.cost_s - self.period_s)
