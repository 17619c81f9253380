"""Is a difference real? Each pair of groups, with its interval and one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from segengine.results.comparison.entrants import Entrant, Group
from segengine.results.comparison.shared_images import SharedImages
from segengine.statistics.bootstrap import (
    FEW,
    FEWEST,
    Difference,
    Sample,
    difference,
    group_interval,
)
from segengine.statistics.image_level import wins
from segengine.statistics.intervals import Interval, holm
from segengine.statistics.scores import Floats
from segengine.statistics.seeds import PairedSeeds, paired_by_seed

SEEDS_TO_RESAMPLE = 5  # of each group, from which on seeds are resampled beside the images


@dataclass(frozen=True)
class Pair:
    """Group B against group A, named so that B has the higher mIoU.

    Attributes:
        value: mIoU of B minus that of A, -1 to 1: of means over seeds where there are several.
        images: over the images (paired by image), of the means over seeds.
        seeds: over the seeds that both have; None where they share none, or have one each.
        interval: the 95 % interval that the sentence tells; None where there is none.
        by: what that interval is over: "images", "seeds" or "seeds and images".
        wins: share of the images on which A, and B, has the higher mIoU.
        per_image: (images, 2) the mIoU of A and B on each image.
        holm: p of the images' difference after Holm's correction over all pairs.
        sentence: what may be said.
    """

    a: Group
    b: Group
    value: float
    images: Difference
    seeds: PairedSeeds | None
    interval: Interval | None
    by: str
    wins: tuple[float, float]
    per_image: Floats
    holm: float
    sentence: str


def pairs(
    entrants: Sequence[Entrant],
    ranked: Sequence[Group],
    shared: SharedImages,
    sample: Sample,
    resampled: Floats | None,
    over: str,
) -> list[Pair]:
    """Every pair of groups.

    Args:
        ranked: the groups, the best mIoU first.
        resampled: see `segengine.statistics.bootstrap`.
        over: what the images are, for the sentences: "298 images, ...".
    """
    place_of = {place: row for row, place in enumerate(shared.places)}
    rows = {
        group.name: [place_of[place] for place in group.members if place in place_of]
        for group in ranked
    }
    couples = list(combinations(ranked, 2))
    images = [difference(sample, resampled, rows[a.name], rows[b.name]) for b, a in couples]
    adjusted = holm([one.p for one in images])
    mious = sample.mious()
    found = []
    for (b, a), one, corrected in zip(couples, images, adjusted, strict=True):
        seeds = _by_seed(entrants, a, b, shared, mious)
        interval, by = _interval(rows[a.name], rows[b.name], one, seeds, resampled)
        first, second = (shared.confusions[rows[group.name][0]] for group in (a, b))
        less, more, per_image = wins(first, second)
        pair = Pair(
            a, b, one.value, one, seeds, interval, by, (less, more), per_image, corrected, ""
        )
        found.append(_with_sentence(pair, shared, over, len(couples)))
    return found


def counted(units: int, shared: SharedImages) -> str:
    """What the bootstrap draws, counted: "298 images", "40 groups of images", "1 image"."""
    if units == 1:
        return "1 group of images" if shared.groups else "1 image"
    return f"{units:,} {shared.units}"


def _by_seed(
    entrants: Sequence[Entrant], a: Group, b: Group, shared: SharedImages, mious: Floats
) -> PairedSeeds | None:
    if len(a.members) < 2 or len(b.members) < 2:
        return None
    tables: list[dict[int, float]] = []
    for group in (a, b):
        tables.append({})
        for place in group.members:
            seed = entrants[place].seed
            if place in shared.places and seed is not None:
                tables[-1][seed] = float(mious[shared.places.index(place)])
    return paired_by_seed(*tables)


def _interval(
    a: Sequence[int],
    b: Sequence[int],
    images: Difference,
    seeds: PairedSeeds | None,
    resampled: Floats | None,
) -> tuple[Interval | None, str]:
    """The interval that holds the most of what may vary."""
    if min(len(a), len(b)) >= SEEDS_TO_RESAMPLE and resampled is not None:
        both = group_interval(resampled, a, b)
        if seeds and seeds.low is not None and seeds.high is not None:
            # Few seeds that scatter are drawn too narrowly: the wider end counts.
            both = Interval(min(both.low, seeds.low), max(both.high, seeds.high), both.method)
        return both, "seeds and images"
    if seeds and seeds.low is not None and seeds.high is not None:
        return Interval(seeds.low, seeds.high, "percentile"), "seeds"
    return images.interval, "images" if images.interval else ""


def _with_sentence(pair: Pair, shared: SharedImages, over: str, pairs_shown: int) -> Pair:
    said = [_verdict(pair, shared, over), _caveat(pair, pairs_shown)]
    sentence = " ".join(filter(None, said))
    values = {name: getattr(pair, name) for name in pair.__dataclass_fields__}
    return Pair(**{**values, "sentence": sentence})


def _verdict(pair: Pair, shared: SharedImages, over: str) -> str:
    units = counted(pair.images.units, shared)
    a, b, points = pair.a.name, pair.b.name, f"{100 * abs(pair.value):.1f}"
    if pair.images.identical and len(pair.a.members) == len(pair.b.members) == 1:
        return f"{a} and {b} are identical on all {units}."
    if pair.interval is None:
        return (
            f"{b} is {points} points of mIoU above {a} ({over}); {units} "
            f"{'is' if pair.images.units == 1 else 'are'} too few for an interval: {FEWEST} are "
            "needed."
        )
    low, high = (_points(end) for end in pair.interval[:2])
    rough = ", few images, rough" if pair.images.units < FEW and "images" in pair.by else ""
    by = pair.by.replace("images", shared.units)
    spread = f"95 % interval {low} to {high} over {by}{rough}"
    if pair.interval.low <= 0 <= pair.interval.high:
        what = "These seeds do" if pair.by == "seeds" else f"These {units} do"
        return (
            f"{what} not tell which is better, {b} or {a} (difference {points} points, {spread})."
        )
    return f"{b} is better than {a} by {points} points of mIoU ({spread}; {over})."


def _points(share: float) -> str:
    """Hundredths with one digit; more where an end that is not 0 would read so."""
    points = 100 * share
    return f"{points:.1f}" if abs(points) >= 0.05 else f"{points:.2g}"


def _caveat(pair: Pair, pairs_shown: int) -> str:
    if pair.by == "seeds" and pair.seeds:
        count = len(pair.seeds.differences)
        least = f"{pair.seeds.p_flip:.3g}" if pair.seeds.p_flip is not None else "?"
        if count < 6:
            return (
                f"The interval takes the differences of {count} seeds for normally distributed; "
                f"{count} seeds cannot show it without that (sign-flip p {least}, at least "
                f"{2 / 2**count:.3g})."
            )
        return f"Sign-flip p {least}."
    if pairs_shown > 1 and pair.images.tells and pair.by == "images":
        held = "still does" if pair.holm < 0.05 else "no longer does"
        return f"After Holm's correction over {pairs_shown} pairs it {held}."
    return ""


def win_words(pair: Pair) -> str:
    """On how many images each is better: "B on 61 % of the images, A on 38 %, equal on 1 %"."""
    less, more = (round(100 * share) for share in pair.wins)
    equal = max(0, 100 - less - more)
    return f"{pair.b.name} on {more} % of the images, {pair.a.name} on {less} %, equal on {equal} %"


def most_different(pair: Pair, names: Sequence[str], most: int = 5) -> list[tuple[str, float]]:
    """The images with the largest difference (B minus A), as (name, difference)."""
    apart = pair.per_image[:, 1] - pair.per_image[:, 0]
    order = np.argsort(-np.abs(apart), kind="stable")[:most]
    return [(names[index], float(apart[index])) for index in order]
