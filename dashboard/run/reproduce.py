"""The commands that do with a run, in a terminal, what pages do."""

from __future__ import annotations

from dashboard.shared.commands import engine_command
from segengine.config import RunConfig
from segengine.run.rundir import RunDir


def commands(run: RunDir, config: RunConfig | None, *, finished: bool) -> list[tuple[str, str]]:
    """(what it does, the line); without a config the run cannot be trained again."""
    folder = run.path.parent
    lines: list[tuple[str, tuple[str, ...]]] = [
        *([] if finished else [("Go on from the last checkpoint", ("resume", run.id))]),
        ("Score the best weights at the masks' own size", ("evaluate", run.id, "--size", "native")),
        ("Predict your own images", ("predict", run.id, "IMAGE.jpg", "--out", "masks")),
    ]
    if config:
        lines.insert(0, ("Train the same again", ("train", *config.flags())))
    return [(title, engine_command(*words, runs_dir=folder)) for title, words in lines]
