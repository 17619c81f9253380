"""In which settings runs differ, in the words of the form: by these they can be grouped."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.formats import NOTHING
from dashboard.shared.run_names import sweep_name
from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.results.table import RunRow, telling_fields

Words = dict[str, str]  # field -> its value, as the form says it

SWEEP = "sweep"  # a field beside those of the config


def differing_fields(rows: Sequence[RunRow]) -> tuple[dict[str, str], list[Words]]:
    """The fields in which runs differ, and each run's words for them.

    The first are field -> title; a run whose config cannot be read has no words.
    """
    declared = RunConfig.declarations()
    names = telling_fields([row.settings for row in rows if row.settings])
    titles = {name: str(declared[name].title) for name in names}
    words: list[Words] = [
        {
            name: in_browser_words(value_label(row.settings[name], declared[name]))
            if name in row.settings
            else NOTHING
            for name in names
        }
        if row.settings
        else {}
        for row in rows
    ]
    sweeps = [sweep_name(row.sweep["sweep"]) if row.sweep else "no sweep" for row in rows]
    if len(set(sweeps)) > 1:
        titles[SWEEP] = "Sweep"
        for own, sweep in zip(words, sweeps, strict=True):
            own[SWEEP] = sweep
    return titles, words
