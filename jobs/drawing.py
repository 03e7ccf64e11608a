"""Owns drawing bars along a time as SVG: axes, lanes, labels, and what is too small to be drawn by itself."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH = 1000.0
LEFT, RIGHT = 176.0, 975.0  # of what is drawn along the time; left of it are the names of rows
MARGIN = 20.0
ROW = 34.0  # from one lane to the next: a line of text, too, when the picture is shown narrow
_BAR = 28.0
_CHAR = 15.5  # the width of a character at most, when the picture is shown narrow
_SMALL = 5.0  # bars narrower than this are drawn together, up to
_TOGETHER = 14.0
_MOST_TITLE_LINES = 12
_STEPS = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    28800,
    86400,
)
_MOST_TICKS = 5
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Bar:
    """Something that lasts, in seconds: how it looks, its name, and what is said of it when it is pointed at."""

    start_s: float
    end_s: float
    look: str
    label: str
    title: str


@dataclass(frozen=True)
class Scale:
    """Where a time lies between the left and the right."""

    length_s: float

    def x(self, at_s: float) -> float:
        share = at_s / self.length_s if self.length_s > 0 else 0.0
        return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return the times to be named: few, and round."""
        step = next((each for each in _STEPS if self.length_s / each <= _MOST_TICKS), self.length_s)
        return [number * step for number in range(int(self.length_s / step + 1e-6) + 1)] if step else [0.0]


class Sheet:
    """A drawing that grows downwards; `y` is where it goes on."""

    def __init__(self, style: str) -> None:
        self.root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        self.title = SubElement(self.root, "title")
        self.description = SubElement(self.root, "desc")
        SubElement(self.root, "style").text = style
        self.ground = self.add("rect", look="ground", width=WIDTH, rx=10)
        self.y = MARGIN

    def add(self, tag: str, *, look: str = "", text: str = "", title: str = "", **places: float) -> Element:
        """Draw an element; its places are numbers."""
        found = SubElement(self.root, tag, {name: f"{value:.6g}" for name, value in places.items()})
        if look:
            found.set("class", look)
        if title:
            SubElement(found, "title").text = printable(title)
        if text:
            found.text = printable(text)
        return found

    def pattern(self, name: str, ground: str, mark: Element) -> None:
        """Define a fill by what is repeated on a ground."""
        side = {"width": "9", "height": "9"}
        kept = {"id": name, "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
        found = SubElement(self.root, "pattern", side | kept)
        SubElement(found, "rect", side | {"fill": ground})
        found.append(mark)

    def line(self, text: str, *, look: str = "", x: float = MARGIN) -> None:
        """Write a line of text, as much of it as there is room for."""
        self.add("text", look=look, text=cut(text, WIDTH - MARGIN - x), x=x, y=self.y + ROW * 0.7)
        self.y += ROW

    def axis(self, scale: Scale, height: float) -> None:
        """Draw the times, and a thin line down from each."""
        ticks = scale.ticks()
        for tick in ticks:
            x = scale.x(tick)
            look = "tick last" if x > RIGHT - 3 * _CHAR else "tick"
            self.add("text", look=look, text=clock(tick, scale.length_s), x=x, y=self.y + ROW * 0.7)
            self.add("rect", look="grid", x=x - 0.5, y=self.y + ROW, width=1, height=height)
        self.y += ROW

    def lane(self, bars: Iterable[Bar], scale: Scale, name: str = "", about: str = "") -> None:
        """Draw one row of bars that do not overlap, and its name."""
        if name:
            text = cut(name, LEFT - MARGIN)
            self.add("text", look="name", text=text, title=about, x=MARGIN, y=self.y + ROW * 0.7)
        self.add("rect", look="lane", x=LEFT, y=self.y + (ROW - _BAR) / 2, width=RIGHT - LEFT, height=_BAR, rx=3)
        for bar in together(bars, scale):
            self.bar(bar, scale)
        self.y += ROW

    def bar(self, bar: Bar, scale: Scale) -> None:
        x, end = scale.x(bar.start_s), scale.x(bar.end_s)
        width = min(max(end - x - 1, 2.0), RIGHT - x) if x < RIGHT - 2 else 2.0
        x = min(x, RIGHT - width)
        top = self.y + (ROW - _BAR) / 2
        look = bar.look if width > _SMALL else f"{bar.look} thin"
        self.add("rect", look=look, title=bar.title, x=x, y=top, width=width, height=_BAR, rx=min(3, width / 3))
        if label := cut(bar.label, width - 8, shortest=4):
            self.add("text", look="label", text=label, x=x + width / 2, y=self.y + ROW * 0.7)

    def text(self) -> str:
        """Return the drawing as a document of its own."""
        height = self.y + MARGIN
        self.ground.set("height", f"{height:.6g}")
        self.root.set("viewBox", f"0 0 {WIDTH:g} {height:.6g}")
        self.root.set("width", f"{WIDTH:g}")
        self.root.set("height", f"{height:.6g}")
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(self.root, encoding="unicode")


def lanes(bars: Iterable[Bar], most: int) -> tuple[list[list[Bar]], int]:
    """Lay bars into as few lanes as do not overlap, each into the first that is free; return how many find no room."""
    found: list[list[Bar]] = []
    left_out = 0
    for bar in sorted(bars, key=lambda bar: (bar.start_s, bar.end_s)):
        free = next((lane for lane in found if lane[-1].end_s <= bar.start_s + 1e-6), None)
        if free is not None:
            free.append(bar)
        elif len(found) < most:
            found.append([bar])
        else:
            left_out += 1
    return found, left_out


def together(bars: Iterable[Bar], scale: Scale) -> Iterator[Bar]:
    """Yield the bars of a lane from left to right, with neighbours that look alike and are too small made one."""
    group: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: bar.start_s):
        if group and not _belongs(bar, group, scale):
            yield _joined(group)
            group = []
        group.append(bar)
    if group:
        yield _joined(group)


def _belongs(bar: Bar, group: Sequence[Bar], scale: Scale) -> bool:
    first, last = group[0], group[-1]
    are_small = all(scale.x(each.end_s) - scale.x(each.start_s) < _SMALL for each in (last, bar))
    touch = scale.x(bar.start_s) - scale.x(last.end_s) < 1
    is_short = scale.x(bar.end_s) - scale.x(first.start_s) <= _TOGETHER
    return bar.look == first.look and are_small and touch and is_short


def _joined(group: Sequence[Bar]) -> Bar:
    if len(group) == 1:
        return group[0]
    lines = [line for bar in group for line in bar.title.split("\n")]
    shown = lines if len(lines) <= _MOST_TITLE_LINES else [*lines[:_MOST_TITLE_LINES], "…"]
    end_s = max(bar.end_s for bar in group)
    return Bar(group[0].start_s, end_s, group[0].look, "", f"{len(group)} together:\n" + "\n".join(shown))


def cut(text: str, width: float, *, shortest: int = 1) -> str:
    """Return as much of a text as fits, with an ellipsis for the rest; nothing, where that is too short to be read."""
    room = int(width / _CHAR)
    if len(text) <= room:
        return text
    return text[: room - 1] + "…" if room >= shortest else ""


def clock(at_s: float, length_s: float) -> str:
    """Write a time as fits the length it is a part of: `0.5 s`, `12 s`, `1:05`, `1:02:05`."""
    if length_s < 60:
        return f"{at_s:.4g} s"
    minutes, seconds = divmod(round(at_s), 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02}:{seconds:02}" if length_s >= 3600 else f"{minutes}:{seconds:02}"


def printable(text: str) -> str:
    """Return a text without the characters that XML has no way to write."""
    return _UNPRINTABLE.sub("\ufffd", text)
