""" "Evaluate on ...": the form's entries as a target, and what is being evaluated, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from dashboard.shared.browser_words import in_browser_words
from segengine.config import RunConfig
from segengine.datasets.splits.roles import descriptions, role_sizes
from segengine.errors import UserError
from segengine.launchers.evaluations import BackgroundEvaluation, Part, Target

PARTS: dict[Part, str] = {
    "val": "Validation",
    "test": "Test",
    "train": "Training",
    "all": "All",
}
SIZES = {"native": "Masks' own size, as papers do", "training": "Training size"}
WEIGHTS = {"best": "Best epoch", "last": "Last epoch"}


def splits_of(config: RunConfig | None) -> tuple[dict[Part, str], str]:
    """(the splits of the run's own data -> what to call them, why there are none)."""
    if config is None:
        return {}, "The run's settings cannot be read, so its own data are not known."
    try:
        sizes = role_sizes(config.data.model_copy(update={"train_limit": 0, "val_limit": 0}))
        told = descriptions(config.data)
    except UserError as error:
        return {}, in_browser_words(str(error))
    named: dict[Part, str] = {
        part: f"{PARTS[part]}: {sizes[part]:,} images, {told[part]}"
        for part in ("val", "test", "train")
        if part in sizes
    }
    return {**named, "all": f"All {sum(sizes.values()):,} images"}, ""


def target_of(entries: Mapping[str, Any]) -> Target:
    """The target that the form's entries give.

    Args:
        entries: part, size, weights; root "" for the run's own data; limit "" for all.
    """
    root = entries["root"].strip()
    return Target(
        split=cast("Part", entries["part"]),
        dataset=entries["dataset"] if root else "",
        root=root,
        limit=entries["limit"].strip().replace(",", ""),
        size=entries["size"],
        weights=entries["weights"],
    )


def target_words(target: Target) -> str:
    """ "Validation of /data/cats, 20 images, native size, last weights"."""
    words = [PARTS[target.split] + (f" of {target.root}" if target.root else "")]
    if target.limit:
        words.append("all images" if target.limit == "0" else f"{int(target.limit):,} images")
    words += ["native size"] if target.size == "native" else []
    words += ["last weights"] if target.weights == "last" else []
    return ", ".join(words)


def progress_of(found: BackgroundEvaluation) -> tuple[float, str]:
    """(0 to 1, words) of an evaluation that is being made."""
    if not found.phase:
        return 0.0, f"{target_words(found.target)}: starting"
    share = found.done / found.total if found.total else 0.0
    words = (
        f"{target_words(found.target)}: {found.phase.lower()}, {found.done:,} of {found.total:,}"
    )
    return min(1.0, share), words


def problem_of(found: BackgroundEvaluation) -> str:
    """Why an evaluation failed, in the words of a page."""
    return f"{target_words(found.target)}: {in_browser_words(found.problem)}"


def in_work(found: Sequence[BackgroundEvaluation]) -> list[BackgroundEvaluation]:
    """Those that a page tells of: what is done stands among the scores."""
    return [one for one in found if one.state != "done"]
