"""Where a run's first weights come from, run by run, for the log and the pages. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segengine.errors import UserError
from segengine.run.rundir import RunDir

Ancestor = dict[str, Any]


def chain(checkpoint: Mapping[str, Any], path: Path, sha256: str) -> list[Ancestor]:
    """The trainings behind one of our checkpoints, the nearest first.

    Args:
        checkpoint: its content.
        path: where it lies; inside a run folder, that tells the run.
        sha256: of the file.

    Returns:
        For each {run, arch, dataset, strategy, weights, epoch, miou, sha256}: what was trained, on
        what, from what; the epoch of the checkpoint, its validation mIoU (0 to 1) where that epoch
        was the best so far. What cannot be told is None.
    """
    position = checkpoint.get("position") or {}
    lineage = checkpoint.get("lineage") or {}
    config = checkpoint.get("config") or {}
    epoch = position.get("epoch", 1) - 1
    is_best = position.get("best_epoch") == epoch > 0 == position.get("batch", 0)
    found: Ancestor = {
        "run": _run_of(path),
        "arch": checkpoint.get("arch"),
        "dataset": config.get("data", {}).get("dataset"),
        "strategy": config.get("model", {}).get("strategy", None if lineage else "scratch"),
        "weights": lineage.get("source"),
        "epoch": epoch or None,
        "miou": position["best_miou"] if is_best else None,
        "sha256": sha256,
    }
    return [found, *(lineage.get("chain") or [])]


def _run_of(path: Path) -> str | None:
    """The id of the run in whose folder the checkpoint lies, if it does."""
    folder = path.absolute().parent.parent
    try:
        return RunDir.open(folder.parent, folder.name).id
    except UserError:
        return None


def in_words(ancestors: Sequence[Mapping[str, Any]]) -> str:
    """One line: "run A (oxford_pets, pretrained, mIoU 0.312) ← run B (sample_streets, ...)"."""
    words = [_one(ancestor) for ancestor in ancestors]
    first = ancestors[-1].get("weights") if ancestors else None
    return " ← ".join([*words, *([str(first)] if first else [])])


def _one(ancestor: Mapping[str, Any]) -> str:
    what = f"run {ancestor['run']}" if ancestor.get("run") else f"a file of {ancestor.get('arch')}"
    facts = [ancestor.get("dataset"), ancestor.get("strategy")]
    if ancestor.get("miou") is not None:
        facts.append(f"mIoU {ancestor['miou']:.3f}")
    told = ", ".join(str(fact) for fact in facts if fact)
    return f"{what} ({told})" if told else what
