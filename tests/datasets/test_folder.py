"""People's own images and masks: layouts, pairs, splits, and what may be wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segengine.datasets import prepare_dataset, split_sizes
from segengine.errors import UserError
from tests import tiny
from tests.datasets.own_folder import SIZE, config, opened, random_mask, refused, write_pairs

# --- Layouts --------------------------------------------------------------------------------------


def test_own_splits_are_read_as_they_are(root: Path) -> None:
    assert split_sizes(config(root)) == {"train": 10, "val": 4, "test": 4}
    for seed, (split, count) in enumerate((("train", 10), ("val", 4), ("test", 4))):
        dataset = opened(root, split)
        assert dataset.names == tuple(f"img_{index}" for index in range(count))
        for index, name in enumerate(dataset.names):
            image, mask = dataset.pair(name)
            assert np.array_equal(mask, random_mask(100 * seed + index, [0, 1, 2, 255]))
            assert mask.dtype == np.int64 and image.shape == (*SIZE, 3)


def test_a_test_split_is_optional(root: Path) -> None:
    shutil.rmtree(root / "test")
    assert split_sizes(config(root)) == {"train": 10, "val": 4}
    assert "choose train or val" in refused(root, "has no split 'test'", "test")


def test_a_seed_splits_a_pool_into_two_parts_once_and_for_all(pool: Path) -> None:
    train, val = opened(pool).names, opened(pool, "val").names
    assert split_sizes(config(pool)) == {"train": 8, "val": 2}
    assert sorted(train + val) == sorted(path.stem for path in (pool / "images").iterdir())
    assert opened(pool).names == train and opened(pool, "val").names == val
    others = {opened(pool, "val", split_seed=seed).names for seed in range(8)}
    assert len(others) > 4
    write_pairs(pool, 1, [0, 1], prefix="new", seed=5)  # moves nobody from training to validation
    assert set(opened(pool, "val").names) - set(val) <= {"new_0"}


@pytest.mark.parametrize(
    ("count", "share", "val"),
    [(10, 0.5, 5), (10, 0.01, 1), (10, 0.99, 9), (2, 0.2, 1), (3, 0.9, 2)],
)
def test_each_part_gets_its_share_and_at_least_one(
    tmp_path: Path, count: int, share: float, val: int
) -> None:
    write_pairs(tmp_path / "few", count, [0, 1])
    expected = {"train": count - val, "val": val}
    assert split_sizes(config(tmp_path / "few", val_share=share)) == expected


def test_one_pair_cannot_be_split(tmp_path: Path) -> None:
    refused(
        write_pairs(tmp_path / "one", 1, [0, 1]), "holds 1 pair of image and mask, but at least 2"
    )


def test_settings_of_a_split_by_chance_are_refused_beside_images_for_every_role(root: Path) -> None:
    refused(root, "val_share 0.5 was given, but .* has a val/ and a test/", val_share=0.5)
    refused(root, "split_seed 3 was given", split_seed=3)


def test_a_folder_without_a_layout_says_how_it_must_look(tmp_path: Path, root: Path) -> None:
    text = refused(tmp_path / "nowhere", "does not exist")
    for words in ("train/ and val/", "images/ and masks/"):
        assert words in text
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "has neither")
    shutil.rmtree(root / "val")
    shutil.rmtree(root / "test")
    refused(root, "has only train/")
    write_pairs(root, 3, [0, 1])
    refused(root, "holds both train/ and images/")


def test_other_image_formats_capital_endings_and_stray_files(pool: Path) -> None:
    for index, suffix in enumerate((".PNG", ".bmp", ".tif", ".webp", ".JPEG")):
        path = pool / "images" / f"img_{index}.jpg"
        Image.open(path).save(pool / "images" / f"img_{index}{suffix}")
        path.unlink()
    for index, suffix in enumerate((".bmp", ".tif", ".TIFF", ".gif")):
        path = pool / "masks" / f"img_{index}.png"
        Image.open(path).save(pool / "masks" / f"img_{index}{suffix}")
        path.unlink()
    (pool / "masks" / "Thumbs.db").write_bytes(b"windows")
    (pool / "masks" / "._img_0.png").write_bytes(b"mac")
    assert split_sizes(config(pool)) == {"train": 8, "val": 2}
    for split in ("train", "val"):
        dataset = opened(pool, split)
        for name in dataset.names:
            assert np.array_equal(dataset.pair(name)[1], random_mask(int(name[4:]), [0, 1]))


# --- Pairs ----------------------------------------------------------------------------------------


def test_images_without_a_mask_are_counted_and_the_first_is_named(root: Path) -> None:
    for index in (3, 5):
        (root / "train" / "masks" / f"img_{index}.png").unlink()
    text = refused(root, "2 masks are missing in")
    assert "img_3.png and 1 more" in text and "paired by name" in text
    with pytest.raises(UserError, match="2 masks are missing in"):
        split_sizes(config(root))


def test_a_mask_without_an_image_is_named(pool: Path) -> None:
    (pool / "images" / "img_4.jpg").unlink()
    assert str(pool / "images") in refused(pool, "1 image is missing in")


def test_two_images_of_one_name_are_refused(pool: Path) -> None:
    shutil.copy(pool / "images" / "img_1.jpg", pool / "images" / "img_1.jpeg")
    assert "rename or remove" in refused(pool, r"img_1\.jpeg and img_1\.jpg in .* have one name")


def test_jpeg_masks_are_refused_for_what_they_are(pool: Path) -> None:
    path = pool / "masks" / "img_2.png"
    Image.open(path).save(path.with_suffix(".jpg"))
    path.unlink()
    refused(pool, r"img_2\.jpg is a JPEG, whose compression changes the labels: save masks as PNG")


def test_an_empty_folder_of_images_is_said(pool: Path) -> None:
    shutil.rmtree(pool / "images")
    (pool / "images").mkdir()
    refused(pool, "holds no images .*: copy them there")


def test_a_mask_of_another_size_gives_both_sizes(root: Path) -> None:
    Image.fromarray(np.zeros((24, 35), np.uint8)).save(root / "train/masks/img_0.png")
    refused(root, "is 36x24 pixels but its mask .* is 35x24")


# --- Splits that share images, and a whole run ----------------------------------------------------


def test_splits_that_share_an_image_are_refused_before_training(root: Path) -> None:
    shutil.copy(root / "train/images/img_3.jpg", root / "val/images/img_1.jpg")
    with pytest.raises(UserError, match="are the same image, but a model") as info:
        prepare_dataset(config(root), tiny.no_progress)
    for words in ("train/images/img_3.jpg (train)", "val/images/img_1.jpg (val)", "remove one"):
        assert words in str(info.value)
    shutil.copy(root / "train/images/img_4.jpg", root / "test/images/img_0.jpg")
    with pytest.raises(UserError, match=r"\. 1 more image is in two splits, too\.$"):
        prepare_dataset(config(root), tiny.no_progress)


def test_an_image_twice_in_one_split_is_no_reason_to_refuse(root: Path) -> None:
    shutil.copy(root / "train/images/img_3.jpg", root / "train/images/img_5.jpg")
    prepare_dataset(config(root), tiny.no_progress)


def test_ten_images_are_enough_for_a_whole_run(root: Path, tmp_path: Path) -> None:
    settings = tiny.config(root, dataset="folder", image_size="32x64", epochs=1)
    run = tiny.train(tmp_path / "runs", settings)
    started = tiny.events(run, "run_started")[0]
    assert [info["name"] for info in started["classes"]] == ["class 0", "class 1", "class 2"]
    assert (started["train_images"], started["val_images"]) == (10, 4)
    (epoch,) = tiny.epochs(run)
    assert np.array(epoch["confusion"]).shape == (3, 3)
    assert np.array(epoch["confusion"]).sum() > 0


def test_a_link_in_a_circle_hides_nothing_beside_it(tmp_path: Path) -> None:
    pool = write_pairs(tmp_path / "pool", 4, [0, 1])
    for folder in (pool, pool / "images"):
        (folder / "round").symlink_to(folder / "round")
    assert len(opened(pool).names) + len(opened(pool, "val").names) == 4
