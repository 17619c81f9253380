"""Where a run's first weights come from, run by run. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from typing_extensions import NotRequired, TypedDict

from segengine.errors import UserError
from segengine.run.rundir import RunDir


class Ancestor(TypedDict):
    """A training behind a run's first weights; null: unknown."""

    run: Annotated[str | None, "id of the run whose folder holds the checkpoint"]
    arch: Annotated[str | None, "model"]
    dataset: Annotated[str | None, "dataset that it was trained on"]
    strategy: Annotated[str | None, "scratch, pretrained or frozen"]
    weights: Annotated[str | None, "weights that it started from; null: random weights"]
    epoch: Annotated[int | None, "whole epochs trained"]
    miou: Annotated[float | None, "validation mIoU, 0 to 1; null: not the best checkpoint"]
    sha256: Annotated[str, "sha256 of the checkpoint"]


class Lineage(TypedDict):
    """Where the encoder's first weights come from."""

    source: Annotated[str, "imagenet, run:<id> or a path, as given"]
    file: Annotated[str, "file that was read"]
    sha256: Annotated[str, "sha256 of that file"]
    prefix: NotRequired[Annotated[str, "what stood before the encoder's names in that file"]]
    names: NotRequired[Annotated[str, "library whose names the file has"]]
    matched: Annotated[int, "number of tensors loaded"]
    matched_keys: NotRequired[Annotated[list[str], "their names in the encoder"]]
    unmatched: Annotated[list[str], "keys of the file that were left out, not being the encoder's"]
    chain: NotRequired[Annotated[list[Ancestor], "trainings behind the file, the nearest first"]]


def chain(checkpoint: Mapping[str, Any], path: Path, sha256: str) -> list[Ancestor]:
    """The trainings behind one of our checkpoints, the nearest first.

    Args:
        checkpoint: its content.
        path: its file; inside a run folder, the path tells the run.
        sha256: of the file.
    """
    position = checkpoint.get("position") or {}
    lineage = checkpoint.get("lineage") or {}
    config = checkpoint.get("config") or {}
    epoch = position.get("epoch", 1) - 1
    between_epochs = epoch > 0 and position.get("batch", 0) == 0
    is_best = between_epochs and position.get("best_epoch") == epoch
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
    """The id of the run whose folder holds the checkpoint; None where none does."""
    folder = path.absolute().parent.parent
    try:
        return RunDir.open(folder.parent, folder.name).id
    except UserError:
        return None


def in_words(ancestors: Sequence[Ancestor]) -> str:
    """One line: "run A (oxford_pets, pretrained, mIoU 0.312) ← run B (sample_streets, ...)"."""
    links = [_ancestor_in_words(ancestor) for ancestor in ancestors]
    first_weights = ancestors[-1].get("weights") if ancestors else None
    return " ← ".join([*links, *([first_weights] if first_weights else [])])


def _ancestor_in_words(ancestor: Ancestor) -> str:
    name = f"run {ancestor['run']}" if ancestor.get("run") else f"a file of {ancestor.get('arch')}"
    facts = [ancestor.get("dataset"), ancestor.get("strategy")]
    if ancestor.get("miou") is not None:
        facts.append(f"mIoU {ancestor['miou']:.3f}")
    known = ", ".join(fact for fact in facts if fact)
    return f"{name} ({known})" if known else name
