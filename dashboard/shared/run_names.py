"""What people call a run, its data and its loss: the same words on every page."""

from __future__ import annotations

from pathlib import Path

from segengine.config import DataConfig
from segengine.errors import UserError
from segengine.registry import entries
from segengine.results.table import RunRow
from segengine.run.rundir import RunDir


def label_of(run: RunDir) -> str:
    """The name that a person gave the run, else (where notes are damaged, too) its short name."""
    try:
        name = run.notes().get("name", "").strip()
    except UserError:
        name = ""
    return name or short_name(run.id)


def row_label(row: RunRow) -> str:
    """The same of a row that was read already."""
    return row.notes.get("name", "").strip() or short_name(row.run.id)


def short_name(run_id: str) -> str:
    """Model, strategy and the end of the id: "SegFormer-B0 scratch 3fa9"."""
    parts = run_id.split("-")
    if len(parts) != 5:
        return run_id
    arch, strategy, end = parts[2:]
    entry = entries("models").get(arch)
    return f"{entry.label if entry else arch} {strategy} {end}"


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
