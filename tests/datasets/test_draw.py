"""Seeded draws: of every kind its share, and little moves when an image is added."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segengine.datasets.splits.draw import stratified


def breed(name: str) -> str:
    return name.rpartition("_")[0]


SORTED = [f"{kind}_{n}" for kind, count in (("a", 100), ("b", 60), ("c", 40)) for n in range(count)]


def test_a_sorted_list_gives_every_breed_its_share() -> None:
    drawn = stratified(SORTED, breed, 50, seed=0)
    assert Counter(map(breed, drawn)) == {"a": 25, "b": 15, "c": 10}
    assert list(drawn) == [name for name in SORTED if name in set(drawn)]  # in their order


def test_what_fractions_leave_over_goes_to_the_largest() -> None:
    drawn = stratified(SORTED, breed, 7, seed=0)  # shares 3.5, 2.1 and 1.4
    assert Counter(map(breed, drawn)) == {"a": 4, "b": 2, "c": 1}


def test_the_seed_decides_and_another_gives_another_draw() -> None:
    first = stratified(SORTED, breed, 50, seed=0)
    assert first == stratified(SORTED, breed, 50, seed=0)
    assert first != stratified(SORTED, breed, 50, seed=1)


def test_a_further_image_moves_hardly_any_other() -> None:
    before = set(stratified(SORTED, breed, 50, seed=0))
    after = set(stratified([*SORTED, "a_100"], breed, 50, seed=0))
    assert len(before - after) <= 2


def test_what_belongs_together_is_drawn_together_or_not_at_all() -> None:
    group = {name: f"g{int(name.rpartition('_')[2]) // 3}{name[0]}" for name in SORTED[:90]}
    drawn = set(stratified(SORTED, breed, 50, 0, lambda name: group.get(name, "")))
    assert 45 <= len(drawn) <= 50
    for label in set(group.values()):
        members = {name for name in group if group[name] == label}
        assert members <= drawn or not members & drawn
    large = stratified(SORTED[:9], breed, 2, 0, lambda name: group[name])
    assert len(large) == 3  # the smallest group, since no other draw would be any


@given(
    st.lists(st.integers(0, 5).map(str), min_size=1, max_size=40), st.integers(0, 60), st.integers()
)
def test_a_draw_has_as_many_as_asked_for_and_shares_within_one(
    kinds: list[str], count: int, seed: int
) -> None:
    names = [f"{kind}_{place}" for place, kind in enumerate(kinds)]
    drawn = stratified(names, breed, count, seed)
    assert len(drawn) == len(set(drawn)) == min(count, len(names))
    for kind, of_kind in Counter(kinds).items():
        share = len(drawn) * of_kind / len(names)
        assert Counter(map(breed, drawn))[kind] == pytest.approx(share, abs=1)
