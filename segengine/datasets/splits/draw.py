"""Seeded draws of images, of every kind its share, however a list is sorted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence


def stratified(
    names: Sequence[str], kind_of: Callable[[str], str], count: int, seed: int
) -> tuple[str, ...]:
    """`count` of the names (at most all), in their order, with every kind's share of them.

    A hash of seed and name ranks the names of a kind, so that a further image moves hardly any
    other. What the shares' fractions leave over goes to the largest of them.
    """
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_kind[kind_of(name)].append(name)
    counts = _shares({kind: len(members) for kind, members in by_kind.items()}, count, seed)
    drawn = {
        name
        for kind, members in by_kind.items()
        for name in sorted(members, key=lambda name: _rank(seed, name))[: counts[kind]]
    }
    return tuple(name for name in names if name in drawn)


def _shares(sizes: dict[str, int], count: int, seed: int) -> dict[str, int]:
    """Kind -> how many to draw of it; together `count`, and of no kind more than there are."""
    total = sum(sizes.values())
    count = min(count, total)
    whole = {kind: count * size // total for kind, size in sizes.items()}
    left = sorted(sizes, key=lambda kind: (-(count * sizes[kind] % total), _rank(seed, kind)))
    for kind in left[: count - sum(whole.values())]:
        whole[kind] += 1
    return whole


def _rank(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}/{text}".encode()).digest()
