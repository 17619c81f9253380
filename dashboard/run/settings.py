"""What a run was made with: its settings in the words of the form, and what it started from."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from dashboard.launch.fields import SECTION_TITLES
from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.fact_table import Cell, Link
from dashboard.shared.run_names import label_of, short_name
from dashboard.sweep.words import sweep_link
from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.errors import UserError
from segengine.results.runlog import RunLog
from segengine.results.table import changes, facts
from segengine.run.rundir import RunDir


def changed_settings(config: RunConfig) -> list[tuple[str, str, str]]:
    """(title, value, default) of each setting that is not at its default."""
    return [(title, in_browser_words(value), default) for title, value, default in changes(config)]


def all_settings(config: RunConfig) -> list[tuple[str, list[tuple[str, str]]]]:
    """(section's title, its (title, value) pairs), without what has no meaning beside others."""
    values = config.flat()
    without = config.meaningless(values)
    sections: dict[str, list[tuple[str, str]]] = {name: [] for name in RunConfig.sections()}
    for section, name, info in RunConfig.fields():
        if name not in without:
            label = in_browser_words(value_label(values[name], info))
            sections[section].append((str(info.title), label))
    return [(SECTION_TITLES[name], pairs) for name, pairs in sections.items()]


def started_from(run: RunDir, log: RunLog) -> list[Sequence[Cell]]:
    """(what, value) of a run as it started; another run that it comes from is a link."""
    rows: list[Sequence[Cell]] = []
    for title, value in facts(run, log):
        rows.append(
            (title, _source(run, value) if title == "Encoder weights" else in_browser_words(value))
        )
    with contextlib.suppress(UserError):  # the page says what cannot be read
        if place := run.sweep():
            rows.append(("Sweep", sweep_link(place["sweep"])))
            rows.append(("Setting there", in_browser_words(place["setting"])))
    if log.started:
        versions = [f"{name} {version}" for name, version in log.started["versions"].items()]
        rows.append(("Versions", ", ".join(versions)))
    return rows


def _source(run: RunDir, source: str) -> Cell:
    """Where first weights come from: a link where that is a run that is still there."""
    run_id = source.removeprefix("run:")
    if run_id == source:
        return in_browser_words(source)
    try:
        other = RunDir.open(run.path.parent, run_id)
    except UserError:
        return f"run {short_name(run_id)}, which is not in this runs folder"
    return Link(f"run {label_of(other)}", f"/run?id={other.id}")
