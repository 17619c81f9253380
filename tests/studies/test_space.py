"""Fields and their values as people type them, their grid, and their draws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.studies.space import Axis, axes_of, combination_text, draws, grid


def values_of(field: str, *words: str) -> tuple[object, ...]:
    (axis,) = axes_of({field: words})
    return axis.listed


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["lr", "1e-3", "5e-4"], (0.001, 0.0005)),
        (["seed", "0..4"], (0, 1, 2, 3, 4)),
        (["seed", "0..2", "7"], (0, 1, 2, 7)),
        (["lr", "1e-4..1e-2", "log", "5"], (0.0001, 0.000316, 0.001, 0.00316, 0.01)),
        (["weight_decay", "0..0.1", "linear", "3"], (0.0, 0.05, 0.1)),
        (["base_width", "8..64", "log", "4"], (8, 16, 32, 64)),
        (["augment", "none", "hflip", "hflip,crop"], ((), ("hflip",), ("hflip", "crop"))),
        (["amsgrad", "true", "false"], (True, False)),
        (["image_size", "64", "64x64", "128x64"], ("64", "64", "128x64")),
        (["class_weights", "none", "inverse"], ("none", "inverse")),
        (["weights", "none", "../a..b.pt"], ("", "../a..b.pt")),
    ],
    ids=lambda value: " ".join(map(str, value))[:30],
)
def test_lists_and_ranges_are_read_as_typed(words: list[str], values: tuple[object, ...]) -> None:
    assert values_of(*words) == values
    assert [type(value) for value in values_of(*words)] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lrr", "1"], "Unknown field 'lrr': did you mean lr"),
        (["lr"], "lr is to be varied, but no values are given"),
        (["lr", "0"], "lr must be greater than 0, but '0' was given"),
        (["lr", "1e-3", "fast"], "lr must be a number, but 'fast' was given"),
        (["lr", "1..2", "3"], "lr cannot be '1..2 3': give a list"),
        (["lr", "1..2", "log", "1"], "can be cut into 2 to 1,000 values, but 1 was given"),
        (["lr", "2..1"], "lr 2..1 is no range: its first number must be the smaller one"),
        (["lr", "0..1", "log", "3"], "lr must be greater than 0"),
        (["weight_decay", "0..1", "log", "3"], "weight_decay 0..1 log must begin above 0"),
        (["seed", "0..5000", "7"], "seed 0..5000 are more than 1,000 values"),
        (["arch", "segformer"], "Unknown model 'segformer'"),
        (["augment", "flip"], "Unknown augment 'flip': did you mean hflip"),
        (["epochs", "2.5"], "epochs must be a whole number"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_what_cannot_be_varied_so_is_said_in_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        axes_of({words[0]: words[1:]})


def test_a_grid_has_every_combination_the_last_field_fastest() -> None:
    axes = axes_of({"lr": ["0.001", "0.0005"], "seed": ["0..2"]})
    found = list(grid(axes))
    assert [(values["lr"], values["seed"]) for values in found] == [
        *((0.001, 0), (0.001, 1), (0.001, 2)),
        *((0.0005, 0), (0.0005, 1), (0.0005, 2)),
    ]
    assert combination_text(found[1]) == "lr 0.001, seed 1"


def test_a_grid_over_a_range_asks_how_many_values() -> None:
    with pytest.raises(UserError, match=r"lr 0\.0001\.\.0\.01 log.*'0\.0001\.\.0\.01 log 5'"):
        list(grid(axes_of({"lr": ["1e-4..1e-2", "log"]})))


def test_a_grid_that_nobody_would_wait_for_is_refused_before_it_is_made() -> None:
    many = axes_of({"seed": ["0..999"], "epochs": ["1..1000"]})
    with pytest.raises(UserError, match=r"at most 1,000 runs, but this one would have 1,000,000"):
        list(grid(many))
    endless = axes_of({"seed": ["0..2000000000"]})
    with pytest.raises(UserError, match="more than 1,000 seeds"):
        list(grid(endless))


def test_draws_are_the_same_again_and_more_of_them_begin_with_the_fewer() -> None:
    axes = axes_of({"lr": ["1e-4..1e-1", "log"], "batch_size": ["4..64"], "stem": ["paper"]})
    three, ten = list(draws(axes, 3, seed=5)), list(draws(axes, 10, seed=5))
    assert ten[:3] == three
    assert list(draws(axes, 3, seed=6)) != three


def test_draws_are_uniform_on_the_scale_of_their_range() -> None:
    axes = axes_of({"lr": ["1e-4..1e-1", "log"], "epochs": ["1..4"]})
    found = list(draws(axes, 4000, seed=0))
    logs = [math.log10(values["lr"]) for values in found]
    thirds = [sum(low <= log < low + 1 for log in logs) / len(logs) for low in (-4, -3, -2)]
    assert thirds == pytest.approx([1 / 3] * 3, abs=0.03)  # 4 standard errors
    assert {values["epochs"] for values in found} == {1, 2, 3, 4}
    assert all(1e-4 <= values["lr"] <= 1e-1 for values in found)
    assert all(float(f"{values['lr']:.3g}") == values["lr"] for values in found)


def test_an_axis_survives_its_file() -> None:
    for words in (["true", "false"], ["none", "hflip"]):
        field = "amsgrad" if "true" in words else "augment"
        (axis,) = axes_of({field: words})
        assert Axis.model_validate_json(axis.model_dump_json()) == axis
    (axis,) = axes_of({"lr": ["1e-4..1e-2", "log"]})
    assert Axis.model_validate_json(axis.model_dump_json()) == axis
    assert axis.text() == "lr 0.0001..0.01 log"


WORDS = st.one_of(
    st.sampled_from(["log", "linear", "none", "5", "0", "-1", "1e-3", "nan", "inf", "true", ""]),
    st.sampled_from(
        ["0..4", "1..1", "nan..1", "0..inf", "-3..3", "..", "1..", "1e-9..1e9", "1...5"]
    ),
    st.text(max_size=6),
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(RunConfig.declarations())), st.lists(WORDS, max_size=4))
def test_whatever_is_typed_is_read_or_refused_in_a_sentence(field: str, words: list[str]) -> None:
    refused = ""
    try:
        axes = axes_of({field: words})
        found = [list(draws(axes, 2, seed=0)), list(grid(axes))]
    except UserError as error:
        refused, found = str(error), []
    assert all(found) if found else refused.endswith((".", "?"))
    assert "\n" not in refused
