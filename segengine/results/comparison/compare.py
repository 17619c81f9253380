"""A whole comparison: of 2 to 8 runs or groups of seeds, over the images that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segengine.errors import UserError
from segengine.results.comparison.entrants import (
    MOST,
    Differing,
    Entrant,
    Group,
    differing,
    each_by_itself,
    groups_of,
)
from segengine.results.comparison.leaderboard import Line, leaderboard
from segengine.results.comparison.pairs import Pair, counted, pairs
from segengine.results.comparison.shared_images import SharedImages, shared_images
from segengine.results.image_matrices import Size, Split, Weights
from segengine.results.runlog import RunLog
from segengine.results.scored_on import SCORE_NAMES, best_by, boundary_words, val_images
from segengine.results.table import RunRow
from segengine.statistics.bootstrap import RARE, RESAMPLES, Sample, resampled_mious, sample_of
from segengine.statistics.ranking import rank_shares
from segengine.statistics.scores import Counts, Floats


@dataclass(frozen=True)
class Comparison:
    """What a comparison says.

    Attributes:
        entrants: in the order given.
        groups: of seeds; a run without others of its settings is a group by itself.
        differing: the settings, versions and devices that differ.
        shared: the images, and what cannot be compared.
        over: what the scores are over, in words.
        lines: the leaderboard, best first.
        pairs: every pair of groups.
        ranks: (lines, lines) share of resamples in which each group has each rank, from three
            groups of one run each on; else None.
        class_counts: per class, (images, pixels) that hold it among the shared images.
        rare: sentences about classes that are left out of the intervals.
        seed: of the draws.
    """

    entrants: tuple[Entrant, ...]
    groups: tuple[Group, ...]
    differing: tuple[Differing, ...]
    shared: SharedImages
    split: Split
    size: Size
    weights: Weights
    over: str
    lines: tuple[Line, ...]
    pairs: tuple[Pair, ...]
    ranks: Floats | None
    class_counts: tuple[tuple[int, int], ...]
    rare: tuple[str, ...]
    seed: int
    resamples: int

    @property
    def boundary(self) -> str:
        """What boundary IoU counts: "strips d = 2 px wide"; all widths where runs differ."""
        started = [self.entrants[place].log.started for place in self.shared.places]
        words = [boundary_words(event, self.size) for event in started if event]
        return " and ".join(dict.fromkeys(words))


def entrants_of(
    rows: Sequence[RunRow], logs: Sequence[RunLog], names: Sequence[str]
) -> list[Entrant]:
    """The entrants of runs; a name that two of them have gets the end of the run's id.

    Raises:
        UserError: they are fewer than 2, or more than 8 groups of seeds.
    """
    counts = Counter(names)
    entrants = [
        Entrant(name if counts[name] == 1 else f"{name} ({row.run.id[-4:]})", row, log)
        for row, log, name in zip(rows, logs, names, strict=True)
    ]
    if len(entrants) < 2:
        raise UserError("A comparison needs at least 2 runs: give one more.", field="runs")
    groups = len(groups_of(entrants))
    if groups > MOST:
        raise UserError(
            f"{groups} runs that differ in more than their seed were given, but at most {MOST} can "
            "be compared: leave some out.",
            field="runs",
        )
    return entrants


def compare(
    entrants: Sequence[Entrant],
    split: Split = "val",
    size: Size = "training",
    weights: Weights = "best",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare runs.

    Seeds of one setting are a group, unless there is no other: then each run stands by itself.

    Args:
        split: val, or test where a test split was scored.
        size: the size at which they are scored: as the models see the images, or as the masks are.
        weights: of the best validation or of the last epoch.
        seed: of the bootstrap's draws.
    """
    groups = groups_of(entrants)
    if len(groups) == 1 and len(entrants) <= MOST:
        groups = each_by_itself(entrants)
    shared = shared_images(entrants, split, size, weights)
    lines = leaderboard(entrants, groups, shared)
    over = _over(entrants, groups, shared, split, size, weights)
    sample = sample_of(shared.confusions, shared.groups) if shared.confusions else None
    can = sample is not None and len(lines) > 1 and sample.has_intervals
    resampled = resampled_mious(sample, seed, resamples) if sample is not None and can else None
    ranked = [line.group for line in lines]
    compared = (
        pairs(entrants, ranked, shared, sample, resampled, over) if sample and lines[1:] else []
    )
    return Comparison(
        entrants=tuple(entrants),
        groups=tuple(groups),
        differing=tuple(differing(entrants)),
        shared=shared,
        split=split,
        size=size,
        weights=weights,
        over=over,
        lines=tuple(lines),
        pairs=tuple(compared),
        ranks=_ranks(ranked, shared, resampled),
        class_counts=_class_counts(shared.confusions),
        rare=_rare(sample, shared) if sample else (),
        seed=seed,
        resamples=0 if resampled is None else len(resampled),
    )


def _ranks(
    ranked: Sequence[Group], shared: SharedImages, resampled: Floats | None
) -> Floats | None:
    """How stable the ranking is over the images; seeds of a group count by their mean."""
    if resampled is None or len(ranked) < 3:
        return None
    means = [
        resampled[
            :, [shared.places.index(place) for place in group.members if place in shared.places]
        ].mean(axis=1)
        for group in ranked
    ]
    return rank_shares(np.stack(means, axis=1))


def _class_counts(confusions: Sequence[Counts]) -> tuple[tuple[int, int], ...]:
    if not confusions:
        return ()
    truth = confusions[0].sum(axis=-1)  # (images, classes)
    images, pixels = (truth > 0).sum(axis=0), truth.sum(axis=0)
    return tuple((int(n), int(count)) for n, count in zip(images, pixels, strict=True))


def _rare(sample: Sample, shared: SharedImages) -> tuple[str, ...]:
    return tuple(
        f"{shared.classes[label]} is in {counted(count, shared)}, fewer than {RARE}: left out of "
        "the differences and their intervals."
        for label, count in sample.rare.items()
    )


def _over(
    entrants: Sequence[Entrant],
    groups: Sequence[Group],
    shared: SharedImages,
    split: Split,
    size: Size,
    weights: Weights,
) -> str:
    """ "298 images of the official test list at 64x64; they chose the epoch"."""
    if not shared.places:
        return ""
    first = entrants[shared.places[0]]
    started = first.log.started
    count = f"{len(shared.names):,} image{'' if len(shared.names) == 1 else 's'}"
    if shared.groups:
        count += f" in {len(set(shared.groups)):,} groups"
    several = any(len(group.members) > 1 for group in groups)
    each = "several seeds" if several else "one seed each"
    if split == "test":
        did = "test images, which chose nothing"
    elif weights == "last":
        did = "weights of the last epoch"
    else:
        chose = SCORE_NAMES.get(best_by(first.log), best_by(first.log))
        did = f"the images that chose the best epoch by {chose}"
    at = "at the masks' own sizes"
    if size == "training":
        seen = {
            "x".join(map(str, entrants[place].log.started["image_size"]))  # type: ignore[index]
            for place in shared.places
            if entrants[place].log.started
        }
        at = f"at {' and '.join(sorted(seen))}"
    what = f", {val_images(started)}" if started and split == "val" else ""
    return f"{count}{what}, {at}, {each}; {did}"
