"""What the pages say of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.fact_table import Cell, Link
from dashboard.shared.formats import NOTHING, format_miou
from dashboard.shared.run_names import label_of, short_name, sweep_name
from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.errors import UserError
from segengine.results.status import RunState
from segengine.run.rundir import RunDir
from segengine.studies.outcomes import Outcome, Setting
from segengine.studies.record import Method, SweepRecord
from segengine.studies.space import Axis, Value, value_text
from segengine.studies.state import SweepState, SweepStatus
from segengine.studies.sweepdir import SweepDir

_METHODS: dict[Method, str] = {
    "grid": "every combination",
    "random": "random combinations",
    "optuna": "combinations that Optuna chooses",
    "best_of": "the best settings again",
}
_LIKE: dict[SweepState, RunState] = {  # the look of a run's state
    "planned": "waiting",
    "running": "running",
    "stopping": "running",
    "finished": "finished",
    "stopped": "stopped",
    "lost": "crashed",
    "unreadable": "unreadable",
}


def sweep_link(sweep_id: str) -> Link:
    """The sweep's name, leading to its page."""
    return Link(sweep_name(sweep_id), f"/sweep?id={sweep_id}")


def field_title(name: str) -> str:
    """What the form calls a field; "Best mIoU" of the score."""
    info = RunConfig.declarations().get(name)
    if info is None:
        return "Best mIoU" if name == "best_miou" else name
    return str(info.title)


def value_words(name: str, value: Value) -> str:
    """A value as the form says it; of a field that this version does not know as it was typed."""
    info = RunConfig.declarations().get(name)
    return in_browser_words(value_label(value, info)) if info else value_text(value)


def setting_words(values: Mapping[str, Value]) -> str:
    """ "Learning rate 0.001, Strategy scratch"; "the base settings" where nothing is varied."""
    pairs = [f"{field_title(name)} {value_words(name, value)}" for name, value in values.items()]
    return ", ".join(pairs) or "the base settings"


def note_words(note: str) -> str:
    """What is worth a word of a sweep, as a sentence of a page."""
    said = in_browser_words(note)
    return said[:1].upper() + said[1:]


def header_html(sweep: SweepDir, status: SweepStatus, record: SweepRecord | None) -> str:
    """Name, state and progress, and below what is varied; all text in it is escaped."""
    shape, color = STATE_LOOKS[_LIKE[status.state]]
    parts = [
        f"<h1>{escape(sweep_name(sweep.id))}</h1>",
        f'<span class="head-shape" style="color:{color}">{shape}</span>',
        f"<span>{escape(status.state)}</span>",
    ]
    if status.ended < status.total:
        percent = round(100 * status.ended / status.total, 1)
        parts.append(
            f'<span class="head-track"><span style="width:{percent}%;background:{color}">'
            "</span></span>"
        )
    facts = [status.text() if status.total else "", *_facts(record), sweep.id]
    line = " · ".join(filter(None, facts))
    return f'<div class="head">{"".join(parts)}</div><div class="head-facts">{escape(line)}</div>'


def _facts(record: SweepRecord | None) -> list[str]:
    if record is None:
        return []
    varied = "; ".join(_axis_words(axis) for axis in record.axes)
    source = f"of {sweep_name(record.chosen_from).lower()}" if record.chosen_from else ""
    return [" ".join(filter(None, [_METHODS[record.method], source])), varied]


def _axis_words(axis: Axis) -> str:
    return f"{field_title(axis.field)} {axis.text().removeprefix(axis.field).strip()}"


def settings_rows(found: Sequence[Setting]) -> list[tuple[str, ...]]:
    """(place, setting, runs, mean, SD) of each setting, best first."""
    return [
        (
            f"{place}.",
            setting_words(setting.values),
            f"{len(setting.mious):,}",
            format_miou(setting.mean),
            format_miou(setting.spread),
        )
        for place, setting in enumerate(found, 1)
    ]


def runs_table(
    record: SweepRecord, found: Sequence[Outcome], sweep: SweepDir
) -> tuple[list[str], list[list[Cell]]]:
    """Titles, and a line for each planned run: its name, its values, and what became of it."""
    problems = [in_browser_words(run.problem.strip().rpartition("\n")[2]) for run in found]
    titles = ["Run", *map(field_title, record.varied), "State", "Best mIoU"]
    rows: list[list[Cell]] = []
    for run, problem in zip(found, problems, strict=True):
        values = [
            value_words(name, run.values[name]) if name in run.values else NOTHING
            for name in record.varied
        ]
        row = [_run_cell(run, sweep), *values, run.state, format_miou(run.best_miou)]
        rows.append([*row, problem] if any(problems) else row)
    return ([*titles, "What happened"] if any(problems) else titles), rows


def _run_cell(run: Outcome, sweep: SweepDir) -> Cell:
    if not run.run_id:
        return NOTHING
    try:
        folder = RunDir.open(sweep.runs_dir, run.run_id)
    except UserError:  # it was deleted
        return short_name(run.run_id)
    return Link(label_of(folder), f"/run?id={run.run_id}")


def best_words(found: Sequence[Setting]) -> str:
    """ "0.512 with Learning rate 0.001", of the leading setting; "" where none is finished."""
    if not found:
        return ""
    first = found[0]
    seeds = f", mean of {len(first.mious)} seeds" if len(first.mious) > 1 else ""
    return f"{format_miou(first.mean)}{seeds}: {setting_words(first.values)}"
