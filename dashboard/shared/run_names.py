"""What people call a run, its data and its loss: the same words on every page."""

from __future__ import annotations

import contextlib
from pathlib import Path

from segengine.config import DataConfig, RunConfig
from segengine.errors import UserError
from segengine.registry import entries
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir


def label_of(run: RunDir) -> str:
    """The name that a person gave the run, else (where notes are damaged, too) its own name."""
    with contextlib.suppress(UserError):
        if name := run.notes().get("name", "").strip():
            return name
    try:
        return own_name(run.id, run.config())
    except UserError:
        return short_name(run.id)


def row_label(row: RunRow) -> str:
    """The same of a row that was read already."""
    return row.notes.get("name", "").strip() or own_name(row.run.id, row.config)


def own_name(run_id: str, config: RunConfig | None) -> str:
    """The short name, with the encoder of a model that lets one choose it.

    "SegFormer-B0 scratch 3fa9", "U-Net resnet34 scratch 41bc".
    """
    return short_name(run_id, config.model.encoder if config else "")


def short_name(run_id: str, encoder: str = "") -> str:
    """Model, strategy and the end of the id, which is all that is left of a deleted run."""
    parts = run_id.split("-")
    if len(parts) != 5:
        return run_id
    arch, strategy, end = parts[2:]
    entry = entries("models").get(arch)
    model = (entry.short or entry.label) if entry else arch
    return " ".join(filter(None, [model, encoder, strategy, end]))


def creation_time(run_id: str) -> str:
    """When the run was made, by its id: "2026-11-21 14:25"."""
    day, clock = run_id.split("-")[:2]
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}"


def sweep_name(sweep_id: str) -> str:
    """ "Sweep 2026-11-21 14:25 3fa9"."""
    return f"Sweep {creation_time(sweep_id)} {sweep_id.rpartition('-')[2]}"


def data_of(run: RunDir) -> str:
    """What a run learns from: "Oxford-IIIT Pet, 64 px"; "" where its config cannot be read.

    Losses other than cross entropy are named, since their values cannot be compared with its.
    """
    try:
        config = run.config()
    except UserError:
        return ""
    data = f"{dataset_name(config.data)}, {config.data.image_size} px"
    loss = config.optim.loss
    return data if loss == "cross_entropy" else f"{data}, {_loss_name(loss)}"


def dataset_name(config: DataConfig) -> str:
    """A run's data as people call it: "Oxford-IIIT Pet", "Folder leaves".

    Synthetic data says so: "Sample pets (synthetic sample)".
    """
    if config.dataset == "folder":
        return f"Folder {Path(config.root).name}"
    entry = entries("datasets").get(config.dataset)
    return entry.label if entry else config.dataset


def weights_name(weights: str) -> str:
    """Where first weights come from: "ImageNet", "run U-Net scratch 3fa9", or a file's path."""
    if weights.startswith("run:"):
        return f"run {short_name(weights.removeprefix('run:'))}"
    return "ImageNet" if weights == "imagenet" else weights


def _loss_name(name: str) -> str:
    """ "Dice loss"."""
    entry = entries("losses").get(name)
    return f"{entry.label if entry else name} loss"
