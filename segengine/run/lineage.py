"""Where a run's first weights come from, run by run, for the log and the pages. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from typing_extensions import NotRequired, TypedDict

from segengine.errors import UserError
from segengine.run.rundir import RunDir


class Ancestor(TypedDict):
    """A training behind a run's first weights; null: it cannot be told."""

    run: Annotated[str | None, "id of the run in whose folder the checkpoint lay"]
    arch: Annotated[str | None, "model"]
    dataset: Annotated[str | None, "what it learned from"]
    strategy: Annotated[str | None, "scratch, pretrained or frozen"]
    weights: Annotated[str | None, "what it started from; null: random weights"]
    epoch: Annotated[int | None, "whole epochs that the checkpoint holds"]
    miou: Annotated[float | None, "validation mIoU of that epoch, 0 to 1, where it was the best"]
    sha256: Annotated[str, "of the checkpoint"]


class Lineage(TypedDict):
    """Where the encoder's weights came from."""

    source: Annotated[str, "imagenet, run:<id> or a path, as it was asked for"]
    file: Annotated[str, "the file that was read"]
    sha256: Annotated[str, "of that file"]
    matched: Annotated[int, "tensors that were loaded"]
    matched_keys: NotRequired[Annotated[list[str], "their names in the encoder"]]
    unmatched: Annotated[list[str], "keys of the file that are not the encoder's"]
    chain: NotRequired[Annotated[list[Ancestor], "trainings behind the file, the nearest first"]]


def chain(checkpoint: Mapping[str, Any], path: Path, sha256: str) -> list[Ancestor]:
    """The trainings behind one of our checkpoints, the nearest first.

    Args:
        checkpoint: its content.
        path: where it lies; inside a run folder, that tells the run.
        sha256: of the file.

    """
    position = checkpoint.get("position") or {}
    lineage = checkpoint.get("lineage") or {}
    config = checkpoint.get("config") or {}
    epoch = position.get("epoch", 1) - 1
    is_best = position.get("best_epoch") == epoch > 0 == position.get("batch", 0)
    nearest: Ancestor = {
        "run": _run_of(path),
        "arch": checkpoint.get("arch"),
        "dataset": config.get("data", {}).get("dataset"),
        "strategy": config.get("model", {}).get("strategy", None if lineage else "scratch"),
        "weights": lineage.get("source"),
        "epoch": epoch or None,
        "miou": position["best_miou"] if is_best else None,
        "sha256": sha256,
    }
    return [nearest, *(lineage.get("chain") or [])]


def _run_of(path: Path) -> str | None:
    """The id of the run in whose folder the checkpoint lies, if it does."""
    folder = path.absolute().parent.parent
    try:
        return RunDir.open(folder.parent, folder.name).id
    except UserError:
        return None


def in_words(ancestors: Sequence[Ancestor]) -> str:
    """One line: "run A (oxford_pets, pretrained, mIoU 0.312) ← run B (sample_streets, ...)"."""
    words = [_in_words(ancestor) for ancestor in ancestors]
    first = ancestors[-1].get("weights") if ancestors else None
    return " ← ".join([*words, *([str(first)] if first else [])])


def _in_words(ancestor: Ancestor) -> str:
    name = f"run {ancestor['run']}" if ancestor.get("run") else f"a file of {ancestor.get('arch')}"
    facts = [ancestor.get("dataset"), ancestor.get("strategy")]
    if ancestor.get("miou") is not None:
        facts.append(f"mIoU {ancestor['miou']:.3f}")
    told = ", ".join(fact for fact in facts if fact)
    return f"{name} ({told})" if told else name
