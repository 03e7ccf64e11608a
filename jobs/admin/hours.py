"""Owns the picture of the last day: how many jobs ended in each hour, and how, as stacked bars and as a table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncHour
from django.utils import timezone
from django.utils.formats import date_format

from jobs.models import TERMINAL, Job, JobStatus

HOURS = 24
STATES = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)  # from the bottom of a bar to its top
WIDTH, HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 884, 14, 228  # counts stand to the right, beside the latest hour
_GAP = 7
_LEAST = 3  # what there is, is seen
_TICKS = 4
_HOURS_BETWEEN_NAMES = 3


@dataclass(frozen=True)
class Block:
    """A part of a bar: the jobs of one state, where it is drawn, and what is said of it when it is pointed at."""

    state: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Mark:
    """A text on an axis, and where it stands."""

    at: float
    text: str


@dataclass(frozen=True)
class Hour:
    """A row of the table: from when on, and how many ended in each state."""

    begins_at: datetime
    name: str
    counts: list[int]


@dataclass(frozen=True)
class Chart:
    """All that is drawn and written of the last day."""

    hours: list[Hour]
    totals: list[tuple[str, int]]
    blocks: list[Block]
    counts_named: list[Mark]
    hours_named: list[Mark]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    bottom: int = _BOTTOM

    @property
    def is_empty(self) -> bool:
        return not self.blocks


def chart(now: datetime) -> Chart:
    """Count the jobs that ended in this hour and the 23 before it, in one query along the index on their ends."""
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    ended = Job.objects.filter(status__in=TERMINAL, finished_at__gte=first)
    grouped = ended.annotate(hour=TruncHour("finished_at", tzinfo=UTC)).values("hour", "status")
    return draw(first, {(row["hour"], row["status"]): row["count"] for row in grouped.annotate(count=Count("*"))})


def draw(first: datetime, counts: Mapping[tuple[datetime, str], int]) -> Chart:
    """Lay out the hours from the first on; `counts` is by hour and state."""
    begins = [first + timedelta(hours=number) for number in range(HOURS)]
    hours = [Hour(at, _name(at), [counts.get((at, state), 0) for state in STATES]) for at in begins]
    most = _round_up(max(sum(hour.counts) for hour in hours))
    totals: Counter[str] = Counter()
    for hour in hours:
        totals.update(dict(zip(STATES, hour.counts, strict=True)))
    return Chart(
        hours=hours,
        totals=[(state.value, totals[state]) for state in STATES],
        blocks=[block for number, hour in enumerate(hours) for block in _bar(number, hour, most)],
        counts_named=[Mark(_y(most * tick / _TICKS, most), f"{most * tick // _TICKS:,}") for tick in range(_TICKS + 1)],
        hours_named=[
            Mark(_x(number) + _step() / 2 - _GAP / 2, hours[number].name)
            for number in range(HOURS - 1, -1, -_HOURS_BETWEEN_NAMES)
        ],
    )


def _bar(number: int, hour: Hour, most: int) -> list[Block]:
    blocks, y = [], float(_BOTTOM)
    for state, count in zip(STATES, hour.counts, strict=True):
        if count:
            height = max((_BOTTOM - _TOP) * count / most, _LEAST)
            y -= height
            title = f"{hour.name}: {count:,} {state.value}"
            blocks.append(Block(state.value, _x(number), round(y, 2), _step() - _GAP, round(height, 2), title))
    return blocks


def _round_up(count: int) -> int:
    """Return the next number with a round mark at each quarter: 4, 8, 12, 16, 20, 32, 40, 80, 120 and so on."""
    scale = 1
    while True:
        for first in (4, 8, 12, 16, 20, 32):
            if count <= first * scale:
                return first * scale
        scale *= 10


def _step() -> float:
    return (_RIGHT - _LEFT) / HOURS


def _x(number: int) -> float:
    return round(_LEFT + _GAP / 2 + number * _step(), 2)


def _y(count: float, most: int) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * count / most, 2)


def _name(at: datetime) -> str:
    return date_format(timezone.localtime(at), "H:i")
