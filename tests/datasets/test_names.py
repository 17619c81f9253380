"""Names as people have them: suffixes, letters' case, Unicode forms, other folders, other files."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from segengine.datasets import dataset_notes, split_sizes
from segengine.datasets.check import check_dataset
from segengine.datasets.folder_layout import beside_the_layout
from segengine.errors import UserError
from tests import tiny
from tests.datasets.own_folder import (
    config,
    opened,
    random_mask,
    refused,
    write_classes,
    write_pairs,
)


def rename_masks(folder: Path, pattern: str) -> None:
    for path in sorted(folder.iterdir()):
        path.rename(path.with_name(pattern.format(path.stem) + path.suffix))


def assert_pairs_are_right(root: Path) -> None:
    for split in ("train", "val"):
        dataset = opened(root, split)
        for name in dataset.names:
            assert np.array_equal(dataset.mask(name), random_mask(int(name[4:]), [0, 1])), name


@pytest.mark.parametrize("suffix", ["_mask", "_L", "_gt", "-seg", ".label", "_seg_mask"])
def test_one_suffix_of_all_masks_is_understood_and_said(pool: Path, suffix: str) -> None:
    rename_masks(pool / "masks", "{}" + suffix)
    assert split_sizes(config(pool)) == {"train": 8, "val": 2}
    assert_pairs_are_right(pool)
    assert f"All masks in {pool / 'masks'} end in {suffix}: paired without it." in dataset_notes(
        config(pool)
    )


def test_a_suffix_of_some_masks_only_is_named_with_what_to_do(pool: Path) -> None:
    (pool / "masks" / "img_3.png").rename(pool / "masks" / "img_3_mask.png")
    text = refused(pool, "missing in")
    assert "img_3_mask.* looks like the mask of img_3.*: rename it to img_3.png." in text


def test_names_that_have_nothing_in_common_are_told_with_the_rule(pool: Path) -> None:
    for index, path in enumerate(sorted((pool / "masks").iterdir())):
        path.rename(path.with_name(f"{index:04}.png"))
    assert "img_0.* needs a mask called img_0.png, not 0000.*." in refused(pool, "holds no pair")


def test_names_that_differ_in_letters_case_pair(pool: Path) -> None:
    rename_masks(pool / "masks", "{}")
    for path in sorted((pool / "masks").iterdir()):
        path.rename(path.with_name(path.name.upper()))
    assert_pairs_are_right(pool)


def test_composed_and_decomposed_letters_are_one_name(pool: Path) -> None:
    """macOS writes "é" as "e" and an accent; git and Linux keep what they are given."""
    name = "café"
    for part, form in (("images", "NFC"), ("masks", "NFD")):
        (path,) = (pool / part).glob("img_0.*")
        path.rename(path.with_name(unicodedata.normalize(form, name) + path.suffix))
    assert sum(split_sizes(config(pool)).values()) == 10
    splits = [opened(pool, split) for split in ("train", "val")]
    (dataset,) = [dataset for dataset in splits if name in dataset.names]
    assert np.array_equal(dataset.mask(name), random_mask(0, [0, 1]))


@pytest.mark.parametrize(
    ("val", "images", "masks"),
    [("valid", "images", "labels"), ("validation", "image", "label"), ("Val", "Images", "Masks")],
)
def test_other_names_of_the_same_folders_are_understood(
    root: Path, val: str, images: str, masks: str
) -> None:
    (root / "val").rename(root / val)
    for split in ("train", val, "test"):
        (root / split / "images").rename(root / split / images)
        (root / split / "masks").rename(root / split / masks)
    assert split_sizes(config(root)) == {"train": 10, "val": 4, "test": 4}


@pytest.mark.parametrize("ending", ["annot", "_labels"])
def test_masks_beside_their_split_are_understood(root: Path, ending: str) -> None:
    """As in copies of CamVid: train/ and trainannot/, or train/ and train_labels/."""
    for split in ("train", "val", "test"):
        (root / split / "masks").rename(root / f"{split}{ending}")
        for path in (root / split / "images").iterdir():
            path.rename(root / split / path.name)
        (root / split / "images").rmdir()
    assert split_sizes(config(root)) == {"train": 10, "val": 4, "test": 4}
    assert opened(root).pair("img_3")[0].shape == (24, 36, 3)


def test_two_folders_that_mean_the_same_are_refused(root: Path, pool: Path) -> None:
    (root / "valid").mkdir()
    assert "holds both val/ and valid/, which mean the same: keep one" in refused(root, "both")
    (pool / "labels").mkdir()
    assert "holds both masks/ and labels/" in refused(pool, "would be left out")


def test_a_folder_one_level_too_high_names_the_right_one(pool: Path) -> None:
    assert f"did you mean {pool}." in refused(pool.parent, "has neither")


def test_what_is_left_out_is_counted(pool: Path) -> None:
    (pool / "images" / "more").mkdir()
    for name in ("a.txt", "b.txt", ".hidden.txt"):
        (pool / "images" / name).write_text("")
    shutil.copy(pool / "images/img_0.jpg", pool / "masks/preview.jpg")
    notes = [note.message for note in check_dataset(config(pool), tiny.no_progress).notes]
    assert notes[:-1] == [
        f"2 files ending in .txt in {pool / 'images'} are left out (a.txt, ...): not of a kind "
        "read here.",
        f"{pool / 'images' / 'more'} is left out: subfolders are not searched.",
        f"{pool / 'masks' / 'preview.jpg'} is left out: not of a kind read here.",
    ]


def test_what_lies_beside_the_folders_is_counted_too(pool: Path, root: Path) -> None:
    """Lists of names, for one: they look as if they decided the splits."""
    for name in ("train.txt", "val.txt", ".DS_Store", "classes.json"):
        (pool / name).write_text("")
    (pool / "masks_old").mkdir()
    assert [left_out.sentence for left_out in beside_the_layout(config(pool))] == [
        f"{pool / 'masks_old'} is left out: subfolders are not searched.",
        f"2 files ending in .txt in {pool} are left out (train.txt, ...): not of a kind read here.",
    ]
    (root / "val" / "edges").mkdir()
    (left_out,) = beside_the_layout(config(root))
    assert (
        left_out.sentence == f"{root / 'val' / 'edges'} is left out: subfolders are not searched."
    )


@pytest.mark.parametrize("count", [2, 3, 12])
def test_guessed_classes_are_said_with_the_file_that_names_them(tmp_path: Path, count: int) -> None:
    """Copies of CamVid number their 11 classes 0 to 10, and write 11 for void."""
    root = write_pairs(tmp_path / "data", 4, list(range(count)))
    (note,) = dataset_notes(config(root))
    assert f"taken for {count} classes" in note
    entries = [{"name": f"class {label}"} for label in range(max(2, count - 1))]
    example = note.partition("classes.json: ")[2].removesuffix(".")
    void = [*range(len(entries), count), 255]
    if count <= 4:
        assert json.loads(example) == {"classes": entries, "void": void}
    write_classes(root, {"classes": entries, "void": void})
    assert dataset_notes(config(root)) == []
    assert len(opened(root).classes) == len(entries)


def test_a_file_name_that_is_not_utf_8_is_named(pool: Path) -> None:
    path = pool / "images" / "img_0.jpg"
    path.rename(path.with_name("caf\udce9.jpg"))
    with pytest.raises(UserError, match=r"caf\\xe9.jpg' is not UTF-8") as info:
        split_sizes(config(pool))
    str(info.value).encode()


def test_one_pair_named_twice_is_one_image(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "one", 3, [0, 1])
    shutil.copy(root / "masks/img_0.png", root / "masks/img_0.bmp")
    refused(root, r"img_0\.bmp and img_0\.png in .* have one name")
