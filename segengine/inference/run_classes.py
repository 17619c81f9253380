"""Data read with a run's classes: a label must mean in it what it meant in training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets import folder, open_dataset, prepare_dataset
from segengine.datasets.base import (
    IGNORE_INDEX,
    ClassInfo,
    ProgressFn,
    SegDataset,
    Split,
    no_such_split,
)
from segengine.datasets.folder_layout import list_splits
from segengine.datasets.formats.class_guess import guess_class_table
from segengine.datasets.formats.class_table import CLASSES_FILE
from segengine.datasets.formats.mask_scan import scan_masks
from segengine.errors import UserError
from segengine.run.rundir import RunDir


def open_with_classes(
    run: RunDir,
    classes: tuple[ClassInfo, ...],
    data: DataConfig,
    split: Split,
    progress: ProgressFn,
) -> SegDataset:
    """One split of the data.

    Args:
        classes: the run's.

    Raises:
        UserError: the data is missing or damaged, has no such split, or other classes than the run;
            for a folder the sentence proposes a `classes.json`.
    """
    table = Path(data.root).expanduser() / CLASSES_FILE
    unnamed = data.dataset == "folder" and not table.is_file()
    numbered = [info.name for info in classes] == [f"class {n}" for n in range(len(classes))]
    try:
        if unnamed and numbered:
            dataset = _open_numbered(run, len(classes), data, split, progress)
        else:
            prepare_dataset(data, progress)
            dataset = open_dataset(data, split)
    except UserError as error:
        if unnamed and not numbered and str(table) in str(error):  # it asks for the classes
            raise _other_classes(run, classes, data, ()) from None
        raise
    if [info.name for info in dataset.classes] != [info.name for info in classes]:
        raise _other_classes(run, classes, data, dataset.classes)
    return dataset


def _open_numbered(
    run: RunDir, classes: int, data: DataConfig, split: Split, progress: ProgressFn
) -> SegDataset:
    """A folder without class names, read as the run's: number n is class n, if it occurs or not."""
    sizes = folder.sizes(data)
    if split not in sizes:
        raise no_such_split(f"The folder {data.root}", split, sizes)
    splits = list_splits(data)
    masks = sorted((mask for pairs in splits.values() for _, mask in pairs.files.values()), key=str)
    scan = scan_masks(masks, data.workers, progress)
    table = Path(data.root).expanduser() / CLASSES_FILE
    first_file = dict(scan.values)
    unknown = [n for n in first_file if n >= classes and n != IGNORE_INDEX]
    names = [f"class {n}" for n in range(classes)]
    if unknown:
        raise UserError(
            f"{first_file[unknown[0]]} holds the number {unknown[0]}, but run {run.id} knows the "
            f"classes 0 to {classes - 1}, and {IGNORE_INDEX} is void: correct the mask, or write "
            f"{table}, which says the stored number of each class, such as {_proposal(names)}.",
            field="root",
        )
    if IGNORE_INDEX in first_file and first_file.keys() <= {0, IGNORE_INDEX}:  # white, or void
        raise UserError(
            f"The masks hold no numbers but 0 and {IGNORE_INDEX} (see {first_file[IGNORE_INDEX]}), "
            f"but run {run.id} knows the classes 0 to {classes - 1}: {IGNORE_INDEX} may be void or "
            f"one of them. Write {table}: {_proposal(names)} if it is void; if it is class 1, with "
            f'"value": {IGNORE_INDEX} there.',
            field="root",
        )
    absent = [(n, "") for n in range(classes) if n not in first_file]
    whole = dataclasses.replace(scan, values=tuple(sorted([*scan.values, *absent])))
    return folder.FolderDataset(splits[split].files, guess_class_table(whole, table))


def _other_classes(
    run: RunDir,
    classes: Sequence[ClassInfo],
    data: DataConfig,
    given: Sequence[ClassInfo],
) -> UserError:
    """The error where data has other classes than the run; none are `given` where it names none."""
    known = [info.name for info in classes]
    has = ", ".join(info.name for info in given) or "no names for its masks' numbers or colors"
    place = f"{data.dataset} {data.root}" if data.dataset == "folder" else data.dataset
    remedy = "choose a dataset with the run's classes."
    if data.dataset == "folder":
        remedy = f"{remedy[:-1]}, or {_way_out(run, known, data)}"
    return UserError(
        f"Run {run.id} knows the classes {', '.join(known)}, but {place} has {has}: {remedy}",
        field="dataset",
    )


def _way_out(run: RunDir, names: Sequence[str], data: DataConfig) -> str:
    """How a folder gets the run's classes: by a `classes.json`, copied where the run has one."""
    table = Path(data.root).expanduser() / CLASSES_FILE
    own = run.config().data
    source = Path(own.root).expanduser() / CLASSES_FILE
    if own.dataset == "folder" and source.is_file() and source != table:
        return f"if its masks are stored as the run's were, copy {source} to {table}."
    return f"say in {table} which number stands for which, such as {_proposal(names)}."


def _proposal(names: Sequence[str]) -> str:
    """A whole `classes.json` with the run's classes, on one line."""
    return json.dumps(
        {"classes": [{"name": name, "value": n} for n, name in enumerate(names)]},
        ensure_ascii=False,
    )
