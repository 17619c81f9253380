"""In which settings runs differ, in the words of the form: by these they can be grouped."""

from __future__ import annotations

from collections.abc import Sequence

from segengine.config import RunConfig
from segengine.config.wording import value_label

Words = dict[str, str]  # field -> its value, as the form says it


SWEEP = "sweep"  # a field beside those of the config


def differing_fields(
    configs: Sequence[RunConfig | None], sweeps: Sequence[str] = ()
) -> tuple[dict[str, str], list[Words]]:
    """The fields in which configs differ, and each config's words for them.

    The first are field -> title; a config that this version cannot read has no words.

    Args:
        sweeps: of which sweep each run is one, in words; "" for none, () where nobody asks.
    """
    declared = RunConfig.declarations()
    values = [config.flat() if config else {} for config in configs]
    known = [flat for flat in values if flat]
    names = [name for name in declared if len({repr(flat.get(name)) for flat in known}) > 1]
    titles = {name: declared[name].title or name for name in names}
    words = [
        {name: value_label(flat[name], declared[name]) for name in names} if flat else {}
        for flat in values
    ]
    if len(set(sweeps)) > 1:
        titles[SWEEP] = "Sweep"
        for own, sweep in zip(words, sweeps, strict=True):
            own[SWEEP] = sweep or "no sweep"
    return titles, words
