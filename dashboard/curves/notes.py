"""What is to be known before curves of several runs are compared on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboard.shared.run_names import dataset_name, label_of
from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.results.runlog import RunLog
from segengine.results.table import read_config
from segengine.run.overlap import overlap_words
from segengine.run.rundir import RunDir


def comparison_notes(runs: Sequence[RunDir], logs: Sequence[RunLog]) -> list[str]:
    """One sentence for each thing that keeps the runs' losses or mIoUs from being compared.

    And one for each run that is scored on images which it was trained on.
    """
    configs = [config for run in runs if (config := read_config(run))]
    started = [log.started for log in logs if log.started]
    both = "neither their losses nor their mIoU can be compared"
    losses = [_loss_words(config) for config in configs]
    found = [
        _note("datasets", [dataset_name(config.data) for config in configs], both),
        _note("numbers of classes", [str(len(event["classes"])) for event in started], both),
        _note("losses", losses, "their losses cannot be compared, only their mIoU"),
        _note(
            "image sizes",
            [f"{config.data.image_size} px" for config in configs],
            "each is scored at its own size",
        ),
        _note(
            "numbers of validation images",
            [f"{event['val_images']:,}" for event in started],
            "their scores are of other images",
        ),
    ]
    overlaps = [
        f"{label_of(run)}: {words}"
        for run, log in zip(runs, logs, strict=True)
        if log.started and (words := overlap_words(log.started))
    ]
    return [*(sentence for sentence in found if sentence), *overlaps]


def _note(what: str, values: Iterable[str], consequence: str) -> str:
    """The sentence where the values differ, else ""."""
    distinct = list(dict.fromkeys(values))
    return f"Different {what} ({'; '.join(distinct)}): {consequence}." if distinct[1:] else ""


def _loss_words(config: RunConfig) -> str:
    """ "Cross entropy, class weights: inverse frequency": two of one such name have one scale."""
    declared, values = RunConfig.declarations(), config.flat()
    words = value_label(values["loss"], declared["loss"])
    if values["class_weights"] != "none":
        weights = value_label(values["class_weights"], declared["class_weights"])
        words += f", class weights: {weights.lower()}"
    return words
