"""The engine's sentences in the words of the browser, where nobody types flags or commands."""

from __future__ import annotations

import re
from functools import cache

from dashboard.shared.run_names import weights_name
from segengine.config import RunConfig
from segengine.registry import entries

_PHRASES = (
    ("see `python -m segengine list`", "the Runs page lists them"),
    ("weights imagenet", "ImageNet weights"),
    ("run:<id>", "an earlier run"),
)
_RUN = re.compile(r"\brun:(\d{8}-\d{6}-[\w-]+)")


def in_browser_words(sentence: str) -> str:
    """The same with fields, models and datasets called as on the form, and runs as on Runs.

    Ordinary words that are names too (folder, seed, dice) are left as they are, and so are paths.
    """
    for typed, said in _PHRASES:
        sentence = sentence.replace(typed, said)
    sentence = _RUN.sub(lambda match: weights_name(match[0]), sentence)
    return _names().sub(lambda match: _said()[match[0]], sentence)


@cache
def _said() -> dict[str, str]:
    """What a person cannot have meant otherwise -> what the browser calls it."""
    titles = {name: str(info.title).lower() for name, info in RunConfig.declarations().items()}
    kinds = (entries("models"), entries("datasets"), entries("losses"))
    labels = {name: entry.label for registered in kinds for name, entry in registered.items()}
    coded = {name: words for name, words in {**titles, **labels}.items() if "_" in name}
    return {**coded, "lr": titles["lr"], "imagenet": "ImageNet"}


@cache
def _names() -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, _said()), key=len, reverse=True)
    return re.compile(rf"(?<![\w/.\-'])(?:{'|'.join(longest_first)})(?![\w/\-']|\.\w)")
