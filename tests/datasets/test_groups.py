"""Images that belong together: sequences of Cityscapes, and what groups.csv says of a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from segengine.datasets import dataset_notes
from segengine.datasets.base import SPLITS
from segengine.datasets.cityscapes import Cityscapes
from segengine.datasets.folder import FolderDataset
from segengine.datasets.splits.roles import open_role, role_sizes
from segengine.errors import UserError
from segengine.statistics.boundary import WIDTH_SHARE
from tests.datasets.own_folder import config, opened, refused, write_pairs, write_splits


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_splits(tmp_path / "own")


def groups(root: Path, split: str = "train", **settings: Any) -> dict[str, str]:
    dataset = opened(root, split, **settings)  # type: ignore[arg-type]
    return {name: group for name in dataset.names if (group := dataset.group(name))}


def test_groups_csv_says_which_images_belong_together(root: Path) -> None:
    assert groups(root) == {}
    path = root / "groups.csv"
    path.write_text("\ufeffimage,group\nimg_0,cat 1\nimg_1.jpg,cat 1\n\nval/img_0,cat 7\n")
    assert groups(root) == {"img_0": "cat 1", "img_1": "cat 1"}
    assert groups(root, "val") == {"img_0": "cat 7", "img_1": "cat 1"}
    assert [sentence for sentence in dataset_notes(config(root)) if "groups.csv" in sentence] == [
        "By groups.csv, 'cat 1' has images in train, val and test: a model that was trained on "
        "images so alike scores too high."
    ]
    path.write_text("image,group\ntrain/img_0,cat 1\ntrain/img_1,cat 1\n")
    assert not any("groups.csv" in sentence for sentence in dataset_notes(config(root)))


def test_a_random_split_keeps_groups_together(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    write_pairs(pool, 12, [0, 1])
    lines = [f"img_{index},cat {index % 4}" for index in range(9)]  # three are in none
    (pool / "groups.csv").write_text("image,group\n" + "\n".join(lines))
    parts = set()
    for seed in range(8):
        train, val = groups(pool, split_seed=seed), groups(pool, "val", split_seed=seed)
        assert not set(train.values()) & set(val.values())
        assert sorted({**train, **val}) == [f"img_{index}" for index in range(9)]
        images = opened(pool, "val", split_seed=seed, val_share=0.25).names
        assert 3 <= len(images) <= 5  # a quarter of twelve, and the rest of the last group
        parts.add(images)
    assert len(parts) > 3
    (pool / "groups.csv").write_text("image,group\n" + "".join(f"img_{n},a\n" for n in range(12)))
    assert "All 12 images" in refused(pool, "are of one group by groups.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,group\nimg_0,a\n", "must begin with the line 'image,group'"),
        ("", "begins with nothing"),
        ("image,group\nimg_0\n", "line 2"),
        ("image,group\nimg_0,\n", "line 2"),
        ("image,group\nimg_0,a\nimg_99,a\n", "'img_99' in line 3, but there is no such image"),
        ("image,group\nimg_0,a\nimg_0,b\n", "puts 'img_0' into two groups"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(root: Path, text: str, said: str) -> None:
    (root / "groups.csv").write_text(text)
    assert said in refused(root, "groups.csv")


def test_held_out_images_are_whole_groups(root: Path) -> None:
    shutil.rmtree(root / "test")
    own = config(root, val_split="honest", val_share=0.4)
    assert role_sizes(own) == {"train": 6, "val": 4, "test": 4}
    lines = [f"train/img_{index},cat {index // 3}" for index in range(10)]
    (root / "groups.csv").write_text("image,group\n" + "\n".join(lines))
    parts = {role: open_role(own, role) for role in SPLITS}  # cats of 3, 3, 3 and 1 image
    cats = {role: {part.group(name) for name in part.names} for role, part in parts.items()}
    assert not cats["train"] & cats["val"]
    assert role_sizes(own) == {role: len(part.names) for role, part in parts.items()}
    (root / "groups.csv").write_text(
        "image,group\n" + "".join(f"train/img_{n},a\n" for n in range(10))
    )
    with pytest.raises(UserError, match="at least 2 groups"):
        open_role(own, "val")


def test_frames_of_one_drive_belong_together() -> None:
    dataset = Cityscapes.__new__(Cityscapes)
    assert dataset.group("aachen_000012_000019") == "aachen_000012"


def test_the_boundaries_of_cityscapes_are_thin() -> None:
    assert (Cityscapes.boundary_share, FolderDataset.boundary_share) == (0.005, WIDTH_SHARE)
