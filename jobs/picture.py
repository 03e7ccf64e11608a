"""Owns the picture of a job: each of its films along its time, and below them the work along the time it took."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element

from jobs.drawing import LEFT, MARGIN, ROW, WIDTH, Bar, Scale, Sheet, clock, cut, lanes
from media_services.journal import Task

_MOST_FILMS = 10
_MOST_REASONS = 3
_NAME = 400.0  # how wide the name of a film is, at most
_MOST_LANES = {"layers": 12, "sounds": 4, "subtitles": 2, "scenes": 2}
_MOST_AT_ONCE = 4  # lanes of one kind of work
_MOST_WORKERS = 8
_OUTCOMES = ("made", "kept", "shared")
_OPEN = "open"  # a segment of which nothing came yet
_RUNNING = ("pending", "processing")
_GRANULAR = {Task.SEGMENT: "segments"}

# The colours are told apart by everyone (Okabe and Ito's), and each has a pattern of its own besides. Text is as large
# as it can be where the picture is shown as wide as a telephone, for which there is room everywhere.
_STYLE = """
svg { --ground: #ffffff; --ink: #1c2430; --quiet: #586472; --lane: #f0f3f6; --grid: #cfd7df;
  --thing: #cfdaea; --thing-line: #62779a; --line: #3a3a3a;
  max-width: 100%; height: auto; font-family: system-ui, "Segoe UI", Roboto, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #15181c; --ink: #e8ecf1; --quiet: #a3aebb; --lane: #20262c; --grid: #39424c;
    --thing: #33435a; --thing-line: #8aa3c8; --line: #e0e0e0; }
}
text { font-size: 17px; fill: var(--ink); }
.heading { font-weight: 600; }
.quiet, .tick { fill: var(--quiet); }
.tick, .label { text-anchor: middle; }
.last { text-anchor: end; }
.label { pointer-events: none; paint-order: stroke; stroke: var(--ground); stroke-width: 5px; stroke-linejoin: round; }
.ground { fill: var(--ground); }
.lane { fill: var(--lane); fill-opacity: 0.6; }
.grid { fill: var(--grid); }
.thing { fill: var(--thing); stroke: var(--thing-line); }
.made { fill: url(#made); stroke: var(--line); }
.kept { fill: #009e73; stroke: var(--line); }
.shared { fill: url(#shared); stroke: var(--line); }
.thin { stroke: none; }
.open { fill: none; stroke: var(--quiet); stroke-dasharray: 4 3; }
@media (max-width: 640px) { text { font-size: 27px; } .label { stroke-width: 7px; } }
"""

Plan = Mapping[str, Any]


def draw(plan: Plan, *, status: str, now: datetime) -> str:
    """Return the picture of what a job's plan tells, as SVG; `now` is where the work of a running job has come to."""
    sheet = Sheet(_STYLE)
    sheet.pattern("made", "#e69f00", Element("rect", {"width": "2.5", "height": "9", "fill": "#8f5f00"}))
    sheet.pattern("shared", "#56b4e9", Element("circle", {"cx": "4.5", "cy": "4.5", "r": "2", "fill": "#0b4f7d"}))
    sheet.title.text = f"Job {str(plan['job_id'])[:8]}: its films and its work"
    sheet.description.text = _description(plan, status)
    _draw_legend(sheet, status)
    projects = plan["projects"]
    for project in projects[:_MOST_FILMS]:
        _draw_film(sheet, project, is_only=len(projects) == 1)
    if len(projects) > _MOST_FILMS:
        sheet.line(f"and {len(projects) - _MOST_FILMS} more films", look="quiet")
    if not projects:
        sheet.line("No film has been planned yet." if status in _RUNNING else "No film was planned.", look="quiet")
    _draw_work(sheet, plan, status, now)
    return sheet.text()


def _description(plan: Plan, status: str) -> str:
    segments = [segment for project in plan["projects"] for segment in project["segments"]]
    counts = Counter(segment["outcome"] or "open" for segment in segments)
    came = ", ".join(f"{count} {_word(look, status)}" for look, count in sorted(counts.items()))
    return (
        f"The job is {status}. Films: {len(plan['projects'])}. Segments: {len(segments)}{': ' + came if came else ''}."
    )


def _word(look: str, status: str) -> str:
    if look == _OPEN:
        return "not yet" if status in _RUNNING else "not made"
    return look


def _draw_legend(sheet: Sheet, status: str) -> None:
    step = (WIDTH - 2 * MARGIN) / 4
    for number, look in enumerate((*_OUTCOMES, _OPEN)):
        x = MARGIN + number * step
        sheet.add("rect", look=look, x=x, y=sheet.y + 6, width=40, height=ROW - 12, rx=3)
        sheet.add("text", look="quiet", text=_word(look, status), x=x + 52, y=sheet.y + ROW * 0.7)
    sheet.y += ROW * 1.2


# A film along its time


def _draw_film(sheet: Sheet, project: Plan, *, is_only: bool) -> None:
    scale = Scale(project["duration_s"])
    sheet.line(_heading(project, is_only=is_only), look="heading")
    rows = [(name, *lanes(bars, _MOST_LANES[name])) for name, bars in _shown(project).items() if bars]
    height = sum(len(found) + (left_out > 0) for _, found, left_out in rows) + 1
    sheet.axis(scale, height * ROW)
    for name, found, left_out in rows:
        for number, lane in enumerate(found):
            sheet.lane(lane, scale, name if number == 0 else "")
        if left_out:
            sheet.line(f"and {left_out} more", look="quiet", x=LEFT)
    sheet.lane([_segment_bar(segment) for segment in project["segments"]], scale, "segments")
    sheet.y += ROW * 0.5


def _heading(project: Plan, *, is_only: bool) -> str:
    number = "Film" if is_only else f"Film {project['project'] + 1}"
    name = f" “{cut(str(project['id']), _NAME)}”" if project["id"] is not None else ""
    return f"{number}{name}, {_length(project['duration_s'])}, {project['frames']:,} frames"


def _shown(project: Plan) -> dict[str, list[Bar]]:
    """Return what is seen and heard of a film, by the rows it is drawn in."""
    rows: dict[str, list[Bar]] = {"scenes": [], "layers": [], "sounds": [], "subtitles": []}
    names = {"sound": "sounds", "subtitles": "subtitles"}
    for scene in project["scenes"]:
        rows["scenes"].append(_thing(scene, scene["path"]))
    for shown in project["layers"]:
        row = names.get(shown["kind"], "layers")
        rows[row].append(_thing(shown, shown["kind"]))
    return rows


def _thing(shown: Plan, label: str) -> Bar:
    title = f"{shown['kind']} {shown['path']}, {_range(shown['start_s'], shown['end_s'])}"
    return Bar(shown["start_s"], shown["end_s"], "thing", label, title)


def _segment_bar(segment: Plan) -> Bar:
    outcome = segment["outcome"] or "nothing yet"
    took = f" in {segment['seconds']:.3g} s" if segment["outcome"] == "made" else ""
    lines = [f"segment {segment['number'] + 1}, {_range(segment['start_s'], segment['end_s'])}: {outcome}{took}"]
    reasons = segment["reasons"]
    lines += [reason["message"] for reason in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        lines.append(f"and {len(reasons) - _MOST_REASONS} more")
    look, label = segment["outcome"] or _OPEN, str(segment["number"] + 1)
    return Bar(segment["start_s"], segment["end_s"], look, label, "\n".join(lines))


def _range(start_s: float, end_s: float) -> str:
    return f"{start_s:.2f}–{end_s:.2f} s"


# The work along the time it took


def _draw_work(sheet: Sheet, plan: Plan, status: str, now: datetime) -> None:
    steps = _steps(plan)
    if not steps:
        return
    began_at = min(step["began_at"] for step in steps)
    ended_at = max(step["ended_at"] for step in steps)
    if status == "processing":
        ended_at = max(ended_at, now)
    length_s = (ended_at - began_at).total_seconds()
    scale = Scale(length_s)
    rows = _rows(steps, began_at)
    sheet.line(_work_heading(status, length_s), look="heading")
    height = sum(len(found) + (left_out > 0) for _, _, found, left_out in rows)
    sheet.axis(scale, height * ROW)
    for name, about, found, left_out in rows:
        for number, lane in enumerate(found):
            sheet.lane(lane, scale, name if number == 0 else "", about)
        if left_out:
            sheet.line(f"and {left_out} more at the same time", look="quiet", x=LEFT)


def _work_heading(status: str, length_s: float) -> str:
    length = _length(length_s)
    words = {"processing": f"Work, {length} so far", "failed": f"Work, failed after {length}"}
    return words.get(status, f"Work, {length} from its first step to its last")


def _length(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 60 else clock(seconds, seconds)


def _steps(plan: Plan) -> list[Plan]:
    """Return all steps, those of segments among them."""
    found = list(plan["steps"])
    for project in plan["projects"]:
        found += project["steps"]
        found += [_as_step(segment, project) for segment in project["segments"] if segment["began_at"]]
    return found


def _as_step(segment: Plan, project: Plan) -> Plan:
    """Return the step that a segment was; what is shared and has a worker was made by him for this job."""
    outcome = "made" if segment["worker"] and segment["outcome"] == "shared" else segment["outcome"]
    what = f"{segment['number'] + 1} of {len(project['segments'])}"
    return {**segment, "task": Task.SEGMENT, "what": what, "project": project["project"], "outcome": outcome}


def _rows(steps: Iterable[Plan], began_at: datetime) -> list[tuple[str, str, list[list[Bar]], int]]:
    """Return (name, what is said of it, lanes, how many steps found no room) of each row, in the order of the work."""
    order = list(Task)
    place = {task: number for number, task in enumerate(order)}

    def key(step: Plan) -> tuple[int, str]:
        return place[Task(step["task"])], str(step["worker"] or "") if step["task"] == Task.SEGMENT else ""

    groups = [(each, list(group)) for each, group in groupby(sorted(steps, key=key), key=key)]
    workers = [worker for (_, worker), group in groups if group[0]["task"] == Task.SEGMENT]
    rows = []
    for (number, worker), group in groups:
        name = _GRANULAR.get(order[number], order[number].value)
        if worker and len(workers) > 1:
            name = f"worker {workers.index(worker) + 1}"
        found, left_out = lanes([_step_bar(step, began_at) for step in group], _MOST_AT_ONCE)
        rows.append((name, worker, found, left_out))
    return rows


def _step_bar(step: Plan, began_at: datetime) -> Bar:
    start_s = (step["began_at"] - began_at).total_seconds()
    end_s = max((step["ended_at"] - began_at).total_seconds(), start_s)
    film = f", film {step['project'] + 1}" if step["project"] is not None and step["task"] != Task.FILM else ""
    worker = f", {step['worker']}" if step["worker"] else ""
    title = f"{step['task']} {step['what']}{film}: {step['outcome']}, {end_s - start_s:.3g} s{worker}"
    return Bar(start_s, end_s, step["outcome"], "", title)
