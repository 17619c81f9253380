"""Seeded draws of images, of every kind its share, however a list is sorted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence


def stratified(
    names: Sequence[str],
    kind_of: Callable[[str], str],
    count: int,
    seed: int,
    group_of: Callable[[str], str] = lambda name: "",
) -> tuple[str, ...]:
    """`count` of the names (at most all), in their order, with every kind's share of them.

    A hash of seed and name ranks the names of a kind, so that a further image moves hardly any
    other. What the shares' fractions leave over goes to the largest of them.

    Images of one group ("": none) are drawn together or not at all. That may give fewer images: a
    group that is too large for what is left of its kind's share stays out; where all are, the
    smallest one is drawn.
    """
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        group = group_of(name)
        groups[group, "" if group else name].append(name)
    by_kind: defaultdict[str, list[list[str]]] = defaultdict(list)
    for together in groups.values():
        by_kind[kind_of(together[0])].append(together)
    sizes = {kind: sum(map(len, members)) for kind, members in by_kind.items()}
    left = _shares(sizes, count, seed)
    drawn: set[str] = set()
    for kind, members in by_kind.items():
        for together in sorted(members, key=lambda names: _rank(seed, names[0])):
            if len(together) <= left[kind]:
                left[kind] -= len(together)
                drawn.update(together)
    if count and groups and not drawn:
        drawn.update(sorted(groups.values(), key=len)[0])
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
