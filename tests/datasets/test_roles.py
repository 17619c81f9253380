"""Who trains, who chooses and who is scored once, for every dataset and every choice."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from segengine.config import DataConfig
from segengine.datasets import SPLITS, chosen_names
from segengine.datasets.splits.fingerprint import fingerprints
from segengine.datasets.splits.roles import HELD_OUT, descriptions, is_tested, open_role, role_sizes
from segengine.errors import UserError
from tests import tiny
from tests.datasets.own_folder import write_pairs

BREEDS = {"Abyssinian": 20, "boxer": 10, "pug": 5}


def write_breeds(root: Path) -> Path:
    """Pets in a list that is sorted by breed, as the official one is."""
    tiny.write_pets(root, train=sum(BREEDS.values()), val=4)
    folder = root / "oxford-iiit-pet"
    names = [f"{breed}_{number}" for breed, count in BREEDS.items() for number in range(count)]
    for place, name in enumerate(names):
        tiny.image_file(root, f"trainval_{place}").rename(folder / "images" / f"{name}.jpg")
        mask = tiny.mask_file(root, f"trainval_{place}")
        mask.rename(mask.with_name(f"{name}.png"))
    lines = "".join(f"{name} 1 1 1\n" for name in names)
    (folder / "annotations" / "trainval.txt").write_text(lines)
    return root


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_breeds(tmp_path_factory.mktemp("pets"))


def names(config: DataConfig, role: Any) -> tuple[str, ...]:
    return chosen_names(open_role(config, role), config, role)


def breeds(drawn: tuple[str, ...]) -> dict[str, int]:
    return dict(Counter(name.rpartition("_")[0] for name in drawn))


def test_honest_pets_hold_out_of_every_breed_and_test_on_the_official_list(pets: Path) -> None:
    config = DataConfig(root=str(pets))
    train, val, test = (names(config, role) for role in SPLITS)
    assert breeds(val) == {"Abyssinian": 4, "boxer": 2, "pug": 1}
    assert breeds(train) == {"Abyssinian": 16, "boxer": 8, "pug": 4}
    assert test == ("test_0", "test_1", "test_2", "test_3")
    assert role_sizes(config) == {"train": 28, "val": 7, "test": 4} and is_tested(config)
    assert descriptions(config)["val"] == HELD_OUT
    assert descriptions(config)["test"] == "official test list"


def test_the_split_seed_holds_out_others(pets: Path) -> None:
    drawn = {names(DataConfig(root=str(pets), split_seed=seed), "val") for seed in (0, 0, 1)}
    assert len(drawn) == 2


def test_the_courses_habit_validates_on_the_official_test_list(pets: Path) -> None:
    config = DataConfig(root=str(pets), val_split="official")
    assert names(config, "val") == ("test_0", "test_1", "test_2", "test_3")
    assert role_sizes(config) == {"train": 35, "val": 4} and not is_tested(config)
    assert descriptions(config)["val"] == "official test list"


@pytest.mark.parametrize("val_split", ["honest", "official"])
def test_a_limit_on_the_training_images_takes_some_of_every_breed(
    pets: Path, val_split: str
) -> None:
    config = DataConfig(root=str(pets), val_split=val_split, train_limit=7)
    assert breeds(names(config, "train")) == {"Abyssinian": 4, "boxer": 2, "pug": 1}


def test_an_older_runs_limit_still_takes_the_first(pets: Path) -> None:
    config = DataConfig(root=str(pets), val_split="official", draws="1", train_limit=7)
    assert breeds(names(config, "train")) == {"Abyssinian": 7}


def test_a_folder_without_splits_is_held_out_of_once(tmp_path: Path) -> None:
    write_pairs(tmp_path, 10, [0, 1])
    config = DataConfig(dataset="folder", root=str(tmp_path))
    assert role_sizes(config) == {"train": 8, "val": 2} and not is_tested(config)
    assert descriptions(config)["val"] == HELD_OUT
    with pytest.raises(UserError, match="no split 'test'"):
        open_role(config, "test")


def test_a_folder_of_three_splits_has_its_roles_already(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 3), ("test", 2)):
        write_pairs(tmp_path / split, count, [0, 1])
    config = DataConfig(dataset="folder", root=str(tmp_path))
    assert role_sizes(config) == {"train": 6, "val": 3, "test": 2} and is_tested(config)
    assert descriptions(config)["test"] == "test/ of the folder"
    shutil.rmtree(tmp_path / "test")
    config = config.model_copy(update={"val_share": 0.5})
    assert role_sizes(config) == {"train": 3, "val": 3, "test": 3}
    assert descriptions(config)["test"] == "val/ of the folder"


def test_one_image_cannot_be_shared_out(tmp_path: Path) -> None:
    config = DataConfig(root=str(tiny.write_pets(tmp_path, train=1)))
    with pytest.raises(UserError, match="at least 2 training images") as caught:
        role_sizes(config)
    assert caught.value.field == "val_split" and "choose official" in str(caught.value)


def test_equal_data_has_one_fingerprint_wherever_it_lies(pets: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(pets, tmp_path / "copy"))
    found = fingerprints(DataConfig(root=str(pets)))
    assert list(found) == ["train", "val", "test"] and len({*found.values()}) == 3
    assert fingerprints(DataConfig(root=str(copy))) == found
    assert fingerprints(DataConfig(root=str(pets), split_seed=7))["test"] == found["test"]
    assert fingerprints(DataConfig(root=str(pets), split_seed=7))["val"] != found["val"]
    with open(tiny.mask_file(copy, "test_1"), "ab") as file:
        file.write(b"x")
    changed = fingerprints(DataConfig(root=str(copy)))
    assert {role for role in found if changed[role] != found[role]} == {"test"}
    limited = DataConfig(root=str(pets), val_split="official", train_limit=3)
    assert [*fingerprints(limited)] == ["train", "val"]
