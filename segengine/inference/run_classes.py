"""Data read with a run's classes: a label must mean in it what it meant in training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from segengine.config import DataConfig
from segengine.datasets import folder, prepare_dataset
from segengine.datasets.base import (
    IGNORE_INDEX,
    ClassInfo,
    ProgressFn,
    SegDataset,
    Split,
    no_such_split,
)
from segengine.datasets.folder_layout import list_splits
from segengine.datasets.formats.class_guess import ClassesUnknown, guess_class_table
from segengine.datasets.formats.class_table import CLASSES_FILE
from segengine.datasets.formats.mask_file import NO_COLOR
from segengine.datasets.formats.mask_scan import WHITE, MaskScan, Seen, scan_masks
from segengine.datasets.splits.roles import open_role
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
    if data.binary and not unnamed:  # how the run's own masks were read
        data = data.model_copy(update={"binary": False})
    own = run.config().resolved().data
    foreign = (data.dataset, data.root) != (own.dataset, own.root)  # else as it was for training
    numbered = [info.name for info in classes] == [f"class {n}" for n in range(len(classes))]
    try:
        if foreign and unnamed and (numbered or data.binary):
            dataset = _open_unnamed(run, len(classes), data, split, progress)
        else:
            prepare_dataset(data, progress)
            dataset = open_role(data, split)
    except ClassesUnknown:
        if not numbered:
            raise _other_classes(run, classes, data, ()) from None
        raise
    if [info.name for info in dataset.classes] != [info.name for info in classes]:
        raise _other_classes(run, classes, data, dataset.classes)
    return dataset


def _open_unnamed(
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
    if not data.binary:
        _refuse_unknown_numbers(run, classes, scan, table)
    whole = _with_all_classes(scan, [0, WHITE] if data.binary else range(classes))
    guessed = guess_class_table(whole, table, binary=data.binary)
    groups = folder.groups_of(data, splits, split)
    return folder.FolderDataset(splits[split].files, guessed, groups)


def _with_all_classes(scan: MaskScan, numbers: Iterable[int]) -> MaskScan:
    """The scan as if every number occurred: a few new images rarely hold every class."""
    if scan.colored or not scan.seen:
        return scan
    held = set(scan.grays() or scan.numbers)
    if WHITE in numbers and 1 in held:  # another white of binary masks
        held.add(WHITE)
    often = sum(seen.pixels for seen in scan.seen)  # a rare one looks like a smoothed edge
    absent = [Seen(n, NO_COLOR, often, "", False) for n in numbers if n not in held]
    every = sorted([*scan.seen, *absent], key=dataclasses.astuple)
    return dataclasses.replace(scan, seen=tuple(every))


def _refuse_unknown_numbers(run: RunDir, classes: int, scan: MaskScan, table: Path) -> None:
    """UserError where masks hold a number that is no class of the run, or may be void or white."""
    names = [f"class {n}" for n in range(classes)]
    grays = scan.grays()
    files = {
        seen.number if grays is None or seen.color == NO_COLOR else seen.color & 0xFF: seen.file
        for seen in scan.seen
    }
    unknown = [n for n in sorted(files) if n >= classes and n != IGNORE_INDEX]
    if unknown and not scan.colored:
        raise UserError(
            f"{files[unknown[0]]} holds the number {unknown[0]}, but run {run.id} knows the "
            f"classes 0 to {classes - 1}, and {IGNORE_INDEX} is void: correct the mask, or write "
            f"{table}, which says the stored number of each class, such as {_proposal(names)}.",
            field="root",
        )
    if IGNORE_INDEX in files and files.keys() <= {0, IGNORE_INDEX}:  # white, or void
        raise UserError(
            f"The masks hold no numbers but 0 and {IGNORE_INDEX} (see {files[IGNORE_INDEX]}), "
            f"but run {run.id} knows the classes 0 to {classes - 1}: {IGNORE_INDEX} may be void or "
            f"one of them. Write {table}: {_proposal(names)} if it is void; if it is class 1, with "
            f'"value": {IGNORE_INDEX} there.',
            field="root",
        )


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
