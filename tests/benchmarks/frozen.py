"""Epochs of a frozen encoder with the feature cache, against the same run without it, at 64 px.

The first epoch, which fills the cache, does not count. Both runs have the same seed and weights:
their epoch records must agree except for rounding, and their largest difference is printed.
"""

from __future__ import annotations

from typing import Any

import torch

from tests.benchmarks.measure import alternate
from tests.benchmarks.ours import OurRun, random_encoder, real_pets, workplace

CASES = [("segformer_b0", 7), ("fcn_resnet50", 3)]
WANTED, CACHE = 2.0, 4.0  # ratio, GB


def main(quick: bool = False) -> None:
    """Measure and print."""
    root = real_pets()
    print(f"Frozen encoder, real pets at 64 px, batch 64, {torch.get_num_threads()} threads")
    for arch, pairs in CASES[:1] if quick else CASES:
        with workplace() as runs:
            weights = random_encoder(runs.parent / "encoder.pt", arch)
            kept, plain = (
                OurRun(
                    runs,
                    arch=arch,
                    root=str(root),
                    device="cpu",
                    strategy="frozen",
                    weights=str(weights),
                    feature_cache=size,
                )
                for size in (CACHE, 0.0)
            )
            timed = alternate(kept.epoch, plain.epoch, 2 if quick else pairs)
            timed.say(f"{arch}, with feature cache", "without", WANTED)
            print(f"  largest difference between epoch records: {difference(kept, plain):.2g}")


def difference(first: OurRun, second: OurRun) -> float:
    """The largest difference of any score or loss in the epochs that both have.

    Confusion matrices count as shares of all pixels.
    """
    pairs = list(zip(first.records(), second.records(), strict=True))
    assert pairs
    differences = []
    for ours, theirs in pairs:
        pixels = sum(numbers(theirs["confusion"]))
        for part, unit in (("train", 1), ("val", 1), ("confusion", pixels)):
            values = zip(numbers(ours[part]), numbers(theirs[part]), strict=True)
            differences += [abs(a - b) / unit for a, b in values]
    return max(differences)


def numbers(value: Any) -> list[float]:
    """All numbers in a record, in the order of its keys."""
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in numbers(value[key])]
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in numbers(item)]
    return [] if value is None or isinstance(value, (str, bool)) else [float(value)]


if __name__ == "__main__":
    main()
